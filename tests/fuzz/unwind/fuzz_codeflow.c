/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as machine code, of which the first byte says where the kernel starts it and the second
 * where a function is known to begin. Whatever they are, the time is bounded, and what is said of a
 * place makes sense there.
 */
#include <stdlib.h>
#include <string.h>

#include "codeflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct code_flow *f)
{
	for (uint32_t at = 0; at < f->code.n; at++) {
		const struct code_state *s = code_flow_state(f, at);
		struct x86_insn i;

		if (!s)
			continue;
		if (s < f->states.items || s >= f->states.items + f->states.n)
			abort();
		if (!x86_insn_read(bytes_of(f->code.p + at, f->code.n - at), &i) ||
		    i.len > f->code.n - at)
			abort();
		if (s->sp != CODE_SP_UNKNOWN && (s->sp < 8 || s->saved > s->sp))
			abort();
		if (!(f->marks[at] & (CODE_MARK_FIXED | CODE_MARK_SOFT)))
			abort();
	}
	if (f->steps > 16 * (uint64_t)f->code.n + 64)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct code_flow f;
	uint8_t *code;

	if (size < 2)
		return 0;
	code = malloc(size - 2 ? size - 2 : 1); /* of its own, for ASan */
	memcpy(code, data + 2, size - 2);
	if (code_flow_init(&f, bytes_of(code, size - 2), 0) == 0) {
		f.root_at = data[0] < size - 2 ? data[0] : UINT32_MAX;
		code_flow_add_start(&f, data[1]);
		if (code_flow_run(&f) == 0)
			check(&f);
	}
	code_flow_done(&f);
	free(code);
	return 0;
}
