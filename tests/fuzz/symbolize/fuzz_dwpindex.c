/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the index of a .dwp whose other sections have a size that the first byte says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dwpindex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A view shows nothing outside of the sections. */
static void check(const struct dwsections *all, const struct dwsections *view)
{
	for (int i = 0; i < DW_SECTIONS; i++) {
		const struct dwsection *s = &all->s[i], *v = &view->s[i];

		if (v->off < s->off || v->size > s->size || v->off - s->off > s->size - v->size)
			abort();
		if (s->mem && v->mem != s->mem + (v->off - s->off))
			abort();
	}
}

static void find(const struct dwpindex *x, const struct dwsections *d, uint64_t id)
{
	struct dwsections view;

	if (dwpindex_find(x, d, id, &view) == 0)
		check(d, &view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dwsections d = { .fd = -1 };
	struct dwpindex x;
	uint64_t id;

	if (size < 2)
		return 0;
	d.s[DW_CU_INDEX].size = size - 1;
	d.s[DW_CU_INDEX].mem = malloc(size - 1);
	if (!d.s[DW_CU_INDEX].mem)
		return 0;
	memcpy(d.s[DW_CU_INDEX].mem, data + 1, size - 1);
	for (int i = 0; i < DW_CU_INDEX; i++) {
		d.s[i].mem = calloc(1, data[0] * 16u + 1);
		d.s[i].size = d.s[i].mem ? data[0] * 16u : 0;
	}
	if (dwpindex_open(&d, &x) == 0) {
		find(&x, &d, 0);
		for (size_t i = 1; i + sizeof(id) <= size; i += sizeof(id)) {
			memcpy(&id, data + i, sizeof(id));
			find(&x, &d, id);
		}
	}
	dwsections_close(&d);
	return 0;
}
