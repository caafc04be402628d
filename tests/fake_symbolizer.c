/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_symbolizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "strtab.h"

int __real_symbolizer_run(struct symbolizer *s, const struct sym_request *req,
			  struct sym_batch *ret);
int __wrap_symbolizer_run(struct symbolizer *s, const struct sym_request *req,
			  struct sym_batch *ret);

static const struct fake_place *known;
static size_t n_known, n_asked;
static struct sym_request asked;

void fake_symbolizer_set(const struct fake_place *places, size_t n)
{
	known = places;
	n_known = n;
	n_asked = 0;
}

const struct sym_request *fake_symbolizer_asked(size_t *ret_n)
{
	*ret_n = n_asked;
	return &asked;
}

static uint32_t add(struct strtab *t, const char *s)
{
	uint32_t id;

	if (strtab_adds(t, s, &id) < 0)
		abort();
	return (uint32_t)t->ents[id].off;
}

static const struct fake_place *find(uint64_t off)
{
	for (size_t i = 0; i < n_known; i++)
		if (known[i].off == off)
			return &known[i];
	return NULL;
}

int __wrap_symbolizer_run(struct symbolizer *s, const struct sym_request *req,
			  struct sym_batch *ret)
{
	ARRAY(struct sym_frame) frames = { 0 };
	struct sym_answer *answers;
	struct strtab strings;

	if (!known)
		return __real_symbolizer_run(s, req, ret);
	n_asked++;
	asked = *req;
	asked.offs = NULL;
	answers = calloc(req->n + 1, sizeof(*answers));
	if (!answers || strtab_init(&strings) < 0)
		abort();
	for (size_t i = 0; i < req->n; i++) {
		const struct fake_place *p = find(req->offs[i]);
		size_t n = p && p->reason == SYM_OK ? p->n : 0;

		answers[i] = (struct sym_answer){ .frame_first = (uint32_t)frames.n,
						  .frame_n = (uint32_t)n,
						  .reason = p ? p->reason : SYM_NO_MATCH };
		for (size_t k = 0; k < n; k++) {
			const struct fake_frame *f = &p->frames[k];
			struct sym_frame frame = { .name = add(&strings, f->name),
						   .system_name = add(&strings, f->system_name),
						   .file = add(&strings, f->file),
						   .line = f->line,
						   .start_line = f->start_line };

			if (array_push(&frames, frame) < 0)
				abort();
		}
	}
	*ret = (struct sym_batch){ .answers = answers,
				   .frames = frames.items,
				   .n_frames = frames.n,
				   .strings = strings.bytes,
				   .n_strings = strings.n_bytes };
	strings.bytes = NULL;
	strtab_done(&strings);
	return 0;
}
