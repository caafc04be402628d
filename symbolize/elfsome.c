/* SPDX-License-Identifier: Apache-2.0 */
#include "elfsome.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elffile.h"

enum {
	KEPT_PER_ADDRESS = 8, /* in one table; a real function has one or two more names */
	NAME_PIECE = 128,
	PIECE = 512,	       /* symbols */
	NAME_MAX_BYTES = 4096, /* with its NUL */
};

/* What begins behind the address before this one and not behind this one. */
struct elfsome_near {
	uint64_t start;		     /* the last begin of a function */
	uint64_t label;		     /* the last one of a label without a size */
	const struct elf_file *file; /* of the function's name; NULL = there is no function */
	uint64_t name;
	bool is_open; /* there begins one without a size */
	bool has_label;
	/* Around the address itself: */
	bool is_covered;  /* by a function with a size and a name */
	bool is_labelled; /* by a label with a size */
};

int elfsome_init(struct elfsome *ret, const uint64_t *addrs, size_t n, const struct elfcode *code)
{
	*ret = (struct elfsome){ .addrs = addrs, .n = n, .code = code };
	ret->near = calloc(n + 1, sizeof(*ret->near));
	return ret->near ? 0 : -ENOMEM;
}

void elfsome_done(struct elfsome *s)
{
	free(s->near);
	array_free(&s->kept);
}

/* The number of the first address from @start on, n when all are before it. Nobody could foretell branches. */
static inline size_t first_from(const struct elfsome *s, uint64_t start)
{
	size_t at = 0;

	for (size_t n = s->n, half; n > 0; n -= half) {
		half = (n + 1) / 2;
		at += -(size_t)(s->addrs[at + n / 2] < start) & half;
	}
	return at;
}

/* Whether @sym can matter: it begins between the last function before the first address and the last address, or
 * covers the first one. */
static inline bool may_matter(const struct elfsome *s, const Elf64_Sym *sym)
{
	const unsigned types = 1u << STT_NOTYPE | 1u << STT_FUNC | 1u << STT_GNU_IFUNC;
	uint64_t lo = s->near[0].start, hi = s->addrs[s->n - 1];
	unsigned is_between = sym->st_value - lo <= hi - lo;
	unsigned may_cover = s->addrs[0] - sym->st_value < sym->st_size;

	return types >> ELF64_ST_TYPE(sym->st_info) & (is_between | may_cover);
}

/* The same for one that begins before address @i and behind those before it. */
static inline bool is_near(const struct elfsome *s, const Elf64_Sym *sym, size_t i)
{
	unsigned is_last = sym->st_value >= s->near[i].start;
	unsigned may_cover = s->addrs[i] - sym->st_value < sym->st_size;

	return is_last | may_cover;
}

/* Looks at a function that begins before address @i and behind those before it. */
static int look_at_function(struct elfsome *s, const struct elftable *t, const Elf64_Sym *sym,
			    size_t i)
{
	struct elfsome_near *near = &s->near[i];
	bool is_last = !near->file || sym->st_value >= near->start;
	bool may_cover = s->addrs[i] - sym->st_value < sym->st_size;
	struct symtab_sym what;

	if ((!is_last && !may_cover) || !elfcode_symbol(s->code, sym, t->source, &what))
		return 0;
	if (is_last) {
		near->is_open =
			what.open || (near->file && near->start == what.start && near->is_open);
		near->start = what.start;
		near->file = t->file;
		near->name = t->strings + sym->st_name;
	}
	if (!may_cover || s->addrs[i] >= what.end)
		return 0;
	if (s->kept.n > KEPT_PER_ADDRESS * s->n) {
		s->is_unclear = true;
		return 0;
	}
	what.name = sym->st_name;
	return array_push(&s->kept, what);
}

static void look_at_label(struct elfsome *s, const struct elftable *t, const Elf64_Sym *sym,
			  size_t i)
{
	struct elfsome_near *near = &s->near[i];
	struct symtab_sym what;

	if (!elfcode_symbol(s->code, sym, t->source, &what))
		return;
	if (what.open && (!near->has_label || what.start > near->label)) {
		near->label = what.start;
		near->has_label = true;
	}
	for (; !what.open && i < s->n && s->addrs[i] < what.end; i++)
		s->near[i].is_labelled = true;
}

/* Looks at @n symbols, PIECE at most. Nobody could foretell which matter, so those that may are written down before
 * there is a branch. */
static int look_at_piece(struct elfsome *s, const struct elftable *t, const Elf64_Sym *syms,
			 size_t n)
{
	uint16_t some[PIECE + 1];
	size_t n_some = 0;
	int r = 0;

	for (size_t k = 0; k < n; k++) {
		some[n_some] = (uint16_t)k;
		n_some += may_matter(s, &syms[k]);
	}
	for (size_t k = 0; k < n_some && r == 0; k++) {
		const Elf64_Sym *sym = &syms[some[k]];
		size_t i = first_from(s, sym->st_value);

		if (i == s->n || !is_near(s, sym, i) || sym->st_name >= t->n_strings)
			continue;
		if (elfcode_is_function(sym))
			r = look_at_function(s, t, sym, i);
		else
			look_at_label(s, t, sym, i);
	}
	return r;
}

int elfsome_look(struct elfsome *s, const struct elftable *t, const Elf64_Sym *syms, size_t n)
{
	int r = 0;

	for (size_t at = 0; at < n && r == 0 && !s->is_unclear; at += PIECE)
		r = look_at_piece(s, t, syms + at, n - at < PIECE ? n - at : PIECE);
	return r;
}

static int by_name(const void *pa, const void *pb)
{
	const struct symtab_sym *a = pa, *b = pb;

	return (a->name > b->name) - (a->name < b->name);
}

/* The name at @off in the strings of @t, in @buf: 0, -EFBIG when it is too long, errors of reading. */
static int read_name(const struct elftable *t, uint64_t off, char buf[NAME_MAX_BYTES + 1])
{
	uint64_t left = t->n_strings - off;
	size_t max = left < NAME_MAX_BYTES ? (size_t)left : NAME_MAX_BYTES, at = 0;

	while (at < max) {
		size_t n = max - at < NAME_PIECE ? max - at : NAME_PIECE;
		int r = elf_file_read(t->file, t->strings + off + at, buf + at, n);

		if (r < 0)
			return r;
		if (memchr(buf + at, '\0', n))
			return 0;
		at += n;
	}
	if (left >= NAME_MAX_BYTES)
		return -EFBIG;
	buf[at] = '\0'; /* the strings need not end in one */
	return 0;
}

int elfsome_keep(struct elfsome *s, const struct elftable *t, struct symtab_builder *b)
{
	char name[NAME_MAX_BYTES + 1];
	int r = 0;

	if (s->kept.n > 1) /* of equal ones the first in the strings is the better one */
		qsort(s->kept.items, s->kept.n, sizeof(*s->kept.items), by_name);
	array_each(&s->kept, sym) {
		r = read_name(t, sym->name, name);
		if (r == 0 && name[0])
			r = symtab_add_string(b, name, "", &sym->name);
		if (r == 0 && name[0])
			r = symtab_add(b, sym);
		if (r < 0)
			break;
		for (size_t i = first_from(s, sym->start);
		     name[0] && i < s->n && s->addrs[i] < sym->end; i++)
			s->near[i].is_covered = true;
	}
	s->kept.n = 0;
	return r;
}

static bool has_name(const struct elfsome_near *near)
{
	char first;

	return elf_file_read(near->file, near->name, &first, 1) == 0 && first;
}

bool elfsome_is_clear(const struct elfsome *s)
{
	const struct elfsome_near *last = NULL; /* that has a function */
	uint64_t label = 0;
	bool has_label = false;

	for (size_t i = 0; i < s->n && !s->is_unclear; i++) {
		const struct elfsome_near *near = &s->near[i];

		last = near->file ? near : last;
		label = near->has_label ? near->label : label;
		has_label |= near->has_label;
		if (near->is_covered)
			continue;
		if (near->is_labelled || !last || last->is_open ||
		    (has_label && label >= last->start) || !has_name(last))
			return false;
	}
	return !s->is_unclear;
}
