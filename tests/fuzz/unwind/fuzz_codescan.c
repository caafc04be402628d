/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as code: rows come in their order, and are the same when they are asked for again. */
#include <stdlib.h>
#include <string.h>

#include "codescan.h"
#include "hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint32_t last, n_code;
	uint64_t hash;
};

static int see(void *ctx, uint32_t at, const struct cfi_state *state, bool is_signal)
{
	struct seen *s = ctx;

	if (at < s->last || at >= s->n_code)
		abort();
	if (state && (state->cfa != UNWIND_CFA_REG && state->cfa != UNWIND_CFA_DEREF))
		abort();
	if (state && state->ra.loc != CFI_LOC_UNDEF && state->cfa == UNWIND_CFA_REG &&
	    state->reg > CFI_MAX_REG)
		abort();
	s->last = at;
	s->hash = hash_add(hash_add(s->hash, at), state ? (uint64_t)state->off : is_signal);
	return 0;
}

static uint64_t scan(struct codescan *s, const uint8_t *code, size_t n, const uint8_t *entries)
{
	struct seen seen = { .n_code = (uint32_t)n };

	for (size_t i = 0; i < 4 && n; i++)
		if (codescan_entry(s, entries[i] % (uint32_t)n) < 0)
			abort();
	if (codescan_run(s, bytes_of(code, n), entries[4], see, &seen) < 0)
		abort();
	return seen.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t entries[5] = { 0 };
	struct codescan s = { 0 };
	uint8_t *code;

	if (size > 1 << 16)
		return 0;
	memcpy(entries, data, size < sizeof(entries) ? size : sizeof(entries));
	code = malloc(size + !size); /* exact, so that ASan sees one byte too many */
	memcpy(code, data, size);
	if (scan(&s, code, size, entries) != scan(&s, code, size, entries))
		abort();
	codescan_done(&s);
	free(code);
	return 0;
}
