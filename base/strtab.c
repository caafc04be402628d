/* SPDX-License-Identifier: Apache-2.0 */
#include "strtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "hash.h"
#include "pages.h"

enum {
	EXPECT_WORTH = 512 << 10, /* bytes */
	EXPECT_STEP = 128 << 10,
};

int strtab_init(struct strtab *t)
{
	uint32_t empty;
	int r;

	*t = (struct strtab){ 0 };
	r = strtab_add(t, "", 0, &empty);
	if (r < 0)
		strtab_done(t);
	return r;
}

void strtab_done(struct strtab *t)
{
	hindex_free(&t->index);
	free(t->bytes);
	free(t->ents);
	*t = (struct strtab){ 0 };
}

/* Of large tables the pages behind the strings are asked for in steps. */
static void expect(struct strtab *t, size_t end)
{
	size_t left = t->cap_bytes - t->n_bytes, step = end - t->n_bytes;

	if (t->cap_bytes < EXPECT_WORTH || end <= t->expected)
		return;
	if (step < EXPECT_STEP)
		step = left < EXPECT_STEP ? left : EXPECT_STEP;
	pages_expect(t->bytes + t->n_bytes, step);
	t->expected = t->n_bytes + step;
}

int strtab_append(struct strtab *t, const char *s, size_t n, size_t *ret_off)
{
	if (t->n_bytes + n + 1 > t->cap_bytes &&
	    array_grow((void **)&t->bytes, &t->cap_bytes, t->n_bytes + n + 1, 1) < 0)
		return -ENOMEM;
	expect(t, t->n_bytes + n + 1);
	memcpy(t->bytes + t->n_bytes, s, n);
	t->bytes[t->n_bytes + n] = '\0';
	*ret_off = t->n_bytes;
	t->n_bytes += n + 1;
	return 0;
}

int strtab_add(struct strtab *t, const char *s, size_t n, uint32_t *ret_id)
{
	size_t off;

	uint64_t hash = hash_bytes(s, n);

	hindex_each(&t->index, hash, id)
		if (t->ents[id].len == n && memcmp(t->bytes + t->ents[id].off, s, n) == 0) {
			*ret_id = id;
			return 0;
		}
	if (n >= UINT32_MAX || t->n >= UINT32_MAX - 1)
		return -E2BIG;
	if (t->n == t->cap &&
	    array_grow((void **)&t->ents, &t->cap, t->n + 1, sizeof(*t->ents)) < 0)
		return -ENOMEM;
	if (strtab_append(t, s, n, &off) < 0 || hindex_add(&t->index, hash, (uint32_t)t->n) < 0)
		return -ENOMEM;
	t->ents[t->n] = (struct strtab_ent){ .off = off, .len = (uint32_t)n };
	*ret_id = (uint32_t)t->n++;
	return 0;
}

int strtab_adds(struct strtab *t, const char *s, uint32_t *ret_id)
{
	return strtab_add(t, s ? s : "", s ? strlen(s) : 0, ret_id);
}

const char *strtab_get(const struct strtab *t, uint32_t id)
{
	return id < t->n ? t->bytes + t->ents[id].off : "";
}

size_t strtab_len(const struct strtab *t, uint32_t id)
{
	return id < t->n ? t->ents[id].len : 0;
}
