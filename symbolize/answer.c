/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "pages.h"

enum {
	NAME_MAX_BYTES = 4096,	 /* what a symbol name is cut to */
	STRINGS_MAX = 256 << 20, /* of one batch; names beyond get SYM_LIMIT */
};

struct name {
	const char *text, *shown;
	size_t n, shown_n; /* bytes of each; shown_n == 0: it is shown as it is */
};

int answering_init(struct answering *a, size_t n)
{
	a->answers = calloc(n + 1, sizeof(*a->answers));
	if (a->answers)
		pages_expect(a->answers, n * sizeof(*a->answers));
	return !a->answers || n > UINT32_MAX || strtab_init(&a->strings) < 0 ? -ENOMEM : 0;
}

void answering_done(struct answering *a)
{
	free(a->answers);
	array_free(&a->frames);
	array_free(&a->shown);
	strtab_done(&a->strings);
}

/* Adds a string: 0 and its number, -ENOMEM, -EFBIG when the batch is full. */
static int intern(struct answering *a, const char *s, size_t n, uint32_t *ret_id)
{
	int r;

	if (a->strings.n_bytes + n >= STRINGS_MAX)
		return -EFBIG;
	r = strtab_add(&a->strings, s, n, ret_id);
	return r < 0 && r != -ENOMEM ? -EFBIG : r;
}

int answering_add_string(struct answering *a, const char *s, size_t n, uint32_t *ret_off)
{
	uint32_t id;
	int r = intern(a, s, n, &id);

	if (r == 0)
		*ret_off = (uint32_t)a->strings.ents[id].off;
	return r;
}

/* The number of the name for people of symbol @name, whose number is @id. */
static int demangle_once(struct answering *a, const char *name, uint32_t id, uint32_t *ret)
{
	int r = 0;

	while (a->shown.n <= id)
		if (array_push(&a->shown, 0) < 0)
			return -ENOMEM;
	if (a->shown.items[id] == 0) {
		*ret = id;
		if (demangle(name, a->demangled))
			r = intern(a, a->demangled, strlen(a->demangled), ret);
		if (r < 0)
			return r;
		a->shown.items[id] = *ret + 1;
	}
	*ret = a->shown.items[id] - 1;
	return 0;
}

int answering_add_name(struct answering *a, const char *name, struct sym_frame *ret)
{
	uint32_t id, shown;
	int r = intern(a, name, strnlen(name, NAME_MAX_BYTES), &id);

	if (r == 0)
		r = demangle_once(a, name, id, &shown);
	if (r < 0)
		return r;
	ret->system_name = (uint32_t)a->strings.ents[id].off;
	ret->name = (uint32_t)a->strings.ents[shown].off;
	return 0;
}

/* Appends @n bytes to the batch's strings. */
static int append(struct answering *a, const char *s, size_t n, uint32_t *ret)
{
	size_t off;

	if (a->strings.n_bytes + n >= STRINGS_MAX)
		return -EFBIG;
	if (strtab_append(&a->strings, s, n, &off) < 0)
		return -ENOMEM;
	*ret = (uint32_t)off;
	return 0;
}

/* Appends a name, and what is shown for it if that differs. */
static int append_names(struct answering *a, const struct name *name, bool both,
			struct sym_frame *ret)
{
	int r = 0;

	ret->system_name = 0;
	if (name->n > 0 && (both || name->shown_n == 0))
		r = append(a, name->text, name->n, &ret->system_name);
	ret->name = ret->system_name;
	return r == 0 && name->shown_n ? append(a, name->shown, name->shown_n, &ret->name) : r;
}

int answering_add_names(struct answering *a, const struct namepool_name *name, bool both,
			struct sym_frame *ret)
{
	const struct name n = { name->text, name->shown, name->n, name->shown_n };

	return append_names(a, &n, both, ret);
}

int answering_add_symbol(struct answering *a, const char *name, bool both, struct sym_frame *ret)
{
	struct name n = { .text = name, .n = strnlen(name, NAME_MAX_BYTES) };

	if (demangle(name, a->demangled)) {
		n.shown = a->demangled;
		n.shown_n = strlen(a->demangled);
	}
	return append_names(a, &n, both, ret);
}

int answering_append(struct answering *a, const struct answering *from, uint32_t *ret_base)
{
	/* They end in a NUL, and so does what is appended. */
	return append(a, from->strings.bytes, from->strings.n_bytes - 1, ret_base);
}

int answering_add_plain_name(struct answering *a, const char *name, struct sym_frame *ret)
{
	int r = answering_add_string(a, name, strnlen(name, NAME_MAX_BYTES), &ret->name);

	if (r == 0)
		ret->system_name = ret->name;
	return r;
}

int answering_add_frame(struct answering *a, const struct sym_frame *f)
{
	return a->frames.n == UINT32_MAX ? -EFBIG : array_push(&a->frames, *f);
}

int answering_add_answer(struct answering *a, int r, const struct sym_frame *f,
			 struct sym_answer *ret)
{
	if (r == 0)
		r = answering_add_frame(a, f);
	if (r == -EFBIG)
		ret->reason = SYM_LIMIT;
	if (r < 0)
		return r == -EFBIG ? 0 : r;
	ret->frame_first = (uint32_t)(a->frames.n - 1);
	ret->frame_n = 1;
	return 0;
}

void answering_take(struct answering *a, struct sym_batch *ret)
{
	*ret = (struct sym_batch){
		.answers = take_ptr(a->answers),
		.frames = a->frames.items,
		.n_frames = a->frames.n,
		.strings = a->strings.bytes,
		.n_strings = a->strings.n_bytes,
	};
	a->frames.items = NULL;
	a->strings.bytes = NULL;
	answering_done(a);
}
