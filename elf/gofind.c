/* SPDX-License-Identifier: Apache-2.0 */
#include "gofind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum {
	CHUNK = 1 << 20,     /* bytes of a segment that are searched at a time */
	TABLES_MAX = 16,     /* what looks like a table and is none */
	HITS_MAX = 64 << 10, /* places with its first bytes */
	POINTERS_MAX = 256,  /* to the table, outside of a module's data */
	MODULE_WORDS = 96,   /* of a moduledata: all that can be of use, in any version */
	MODULE_NAMES = 1,    /* word of moduledata that points to the names */
};

/* A range of the file to search: by its address, and where it is. */
struct area {
	uint64_t addr, off, n;
};

/* Is called with what might be it: 0 ends the search, 1 goes on, a negative errno ends it too. */
typedef int (*found_fn)(uint64_t addr, void *arg);

/* Calls @fn for each 8-aligned address in @a whose 8 bytes are @want where @mask is set. */
static int search(const struct elf_file *f, struct area a, uint64_t want, uint64_t mask,
		  found_fn fn, void *arg)
{
	_cleanup_free_ uint64_t *buf = malloc(a.n < CHUNK ? (size_t)a.n + 1 : CHUNK);
	uint64_t skip = -a.addr & 7;
	int r = 1;

	if (!buf)
		return -ENOMEM;
	if (skip > a.n)
		return 1;
	a = (struct area){ a.addr + skip, a.off + skip, a.n - skip };
	while (r > 0 && a.n >= 8) {
		size_t n = a.n < CHUNK ? (size_t)a.n & ~(size_t)7 : CHUNK;

		r = elf_file_read(f, a.off, buf, n);
		if (r < 0)
			return r;
		r = 1;
		for (size_t i = 0; r > 0 && i < n / 8; i++)
			if ((buf[i] & mask) == want)
				r = fn(a.addr + i * 8, arg);
		a = (struct area){ a.addr + n, a.off + n, a.n - n };
	}
	return r;
}

/* Every segment: those that can be written, or the others. */
static int search_segments(const struct go_image *img, bool writable, uint64_t want, uint64_t mask,
			   found_fn fn, void *arg)
{
	uint64_t left = img->max_search ? img->max_search : UINT64_MAX;
	int r = 1;

	for (size_t i = 0; r > 0 && i < img->n_segs; i++) {
		const Elf64_Phdr *ph = &img->segs[i];
		struct area a = { ph->p_vaddr, ph->p_offset, ph->p_filesz };

		if (ph->p_type != PT_LOAD || ((ph->p_flags & PF_W) != 0) != writable)
			continue;
		if (a.n > left)
			a.n = left;
		left -= a.n;
		r = search(img->file, a, want, mask, fn, arg);
		if (r > 0 && left == 0)
			return -EFBIG;
	}
	return r;
}

/* --- the table --- */

/* The section that holds it, or NULL. */
static const Elf64_Shdr *find_section(const struct elf_file *f)
{
	const Elf64_Shdr *sh = elf_file_section_named(f, ".gopclntab");

	return sh ? sh : elf_file_section_named(f, ".data.rel.ro.gopclntab");
}

struct table_search {
	const struct go_image *img;
	size_t max_bytes;
	unsigned hits, tables;
	int err; /* what was wrong with what looked like one; 0 = nothing did */
	void *bytes;
	struct go_pages *pages; /* instead of bytes, or NULL */
	struct go_table table;
};

static int load_pages(struct table_search *s, uint64_t addr, uint64_t off, uint64_t n)
{
	struct go_pages *p = s->pages;
	int r = gopages_open(s->img, addr, off, n, p);

	if (r == 0)
		r = gotable_parse_brought(p->bytes, p->n, addr, gopages_bringer(p), &s->table);
	if (r < 0)
		gopages_close(p);
	return r;
}

static int load_table(struct table_search *s, uint64_t addr, uint64_t off, uint64_t n)
{
	_cleanup_free_ void *p = NULL;
	int r;

	if (s->pages)
		return load_pages(s, addr, off, n);
	r = elf_file_read_new(s->img->file, off, n, s->max_bytes, &p);
	if (r < 0)
		return r;
	/* Before Go 1.18 it holds pointers. */
	goimage_relocate(s->img, addr, p, (size_t)n);
	r = gotable_parse(p, (size_t)n, addr, &s->table);
	if (r == 0)
		s->bytes = take_ptr(p);
	return r;
}

static int try_table(uint64_t addr, void *arg)
{
	struct table_search *s = arg;
	uint64_t room = goimage_room(s->img, addr);
	uint8_t head[GO_HEADER_MAX];
	int r;

	if (s->hits++ == HITS_MAX)
		return -EBADMSG;
	if (room < sizeof(head) || goimage_read(s->img, addr, head, sizeof(head)) < 0 ||
	    !gotable_is_header(head, room))
		return 1;
	if (s->tables++ == TABLES_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < s->img->n_segs; i++) {
		const Elf64_Phdr *ph = &s->img->segs[i];

		if (ph->p_type != PT_LOAD || addr < ph->p_vaddr ||
		    addr - ph->p_vaddr >= ph->p_filesz)
			continue;
		/* Its end is not known here: with it come the other bytes of the segment. */
		r = load_table(s, addr, ph->p_offset + (addr - ph->p_vaddr), room);
		if (r != -EBADMSG && r != -ENOTSUP)
			return r;
		s->err = r;
		break;
	}
	return 1;
}

bool gofind_is_go(const struct elf_file *f)
{
	return f->n_sections == 0 || find_section(f) ||
	       elf_file_section_named(f, ".go.buildinfo") ||
	       elf_file_section_named(f, ".note.go.buildid");
}

static int find_by_magic(struct table_search *s, const struct elf_file *f)
{
	/* ?? ff ff ff 00 00 ?? 08: the magics differ in the first byte, machines in the quantum. */
	const uint64_t want = 0x08000000ffffff00, mask = 0xff00ffffffffff00;
	const Elf64_Shdr *sh = elf_file_section_named(f, ".data.rel.ro");
	int r = 1;

	/* There it is after other linkers than Go's, in position-independent programs. */
	if (sh && s->img->max_search && sh->sh_size > s->img->max_search)
		return -EFBIG;
	if (sh)
		r = search(f, (struct area){ sh->sh_addr, sh->sh_offset, sh->sh_size }, want, mask,
			   try_table, s);
	/* All of a program is read only when there is reason to: most are not in Go. */
	if (r == 1 && gofind_is_go(f))
		r = search_segments(s->img, false, want, mask, try_table, s);
	if (r == 1 && gofind_is_go(f))
		r = search_segments(s->img, true, want, mask, try_table, s);
	if (r != 1)
		return r;
	return s->err ? s->err : -ENOENT;
}

static int find_table(struct table_search *s, const struct elf_file *f)
{
	const Elf64_Shdr *sh = find_section(f);

	return sh ? load_table(s, sh->sh_addr, sh->sh_offset, sh->sh_size) : find_by_magic(s, f);
}

int gofind_table(const struct go_image *img, const struct elf_file *f, size_t max_bytes,
		 void **ret_bytes, struct go_table *ret)
{
	struct table_search s = { .img = img, .max_bytes = max_bytes };
	int r = find_table(&s, f);

	if (r < 0)
		return r;
	*ret_bytes = s.bytes;
	*ret = s.table;
	return 0;
}

int gofind_pages(const struct go_image *img, const struct elf_file *f, struct go_pages *ret_pages,
		 struct go_table *ret)
{
	struct table_search s = { .img = img, .pages = ret_pages };
	int r = find_table(&s, f);

	if (r == 0)
		*ret = s.table;
	return r;
}

/* --- what it counts from --- */

struct module_search {
	const struct go_image *img;
	struct go_table *table;
	unsigned pointers;
	uint64_t words[MODULE_WORDS];
	unsigned n_words, text_word;
};

/*
 * The start of the code is not taken by its place in the structure, which changes with versions:
 * the first and the last address of the functions stand side by side, and their distance is known.
 */
static int try_module(uint64_t addr, void *arg)
{
	struct module_search *m = arg;
	const struct go_table *t = m->table;
	uint64_t first = gotable_entry(t, 0), span = gotable_entry(t, t->n_funcs) - first;
	uint64_t room = goimage_room(m->img, addr);
	uint64_t names = t->addr + (uint64_t)(t->names.p - t->all.p);

	m->n_words = room / 8 < MODULE_WORDS ? (unsigned)(room / 8) : MODULE_WORDS;
	if (m->pointers++ == POINTERS_MAX)
		return 0;
	if (m->n_words <= MODULE_NAMES + 1 ||
	    goimage_read(m->img, addr, m->words, m->n_words * 8) < 0 || m->words[0] != t->addr ||
	    m->words[MODULE_NAMES] != names)
		return 1;
	for (unsigned i = MODULE_NAMES + 1; i + 2 < m->n_words; i++)
		if (m->words[i + 1] - m->words[i] == span && goimage_is_code(m->img, m->words[i])) {
			m->text_word = i + 2;
			m->table->text = m->words[i] - first;
			return 0;
		}
	return 1;
}

/* Which it was is seen by text_word. */
static int find_module(struct module_search *m)
{
	const struct go_image *img = m->img;
	uint64_t want = m->table->addr;
	int r = search_segments(img, true, want, UINT64_MAX, try_module, m);

	for (size_t i = 0; r == 1 && i < img->relocs.n; i++)
		if (img->relocs.items[i].value == want)
			r = try_module(img->relocs.items[i].addr, m);
	if (r == 1)
		r = search_segments(img, false, want, UINT64_MAX, try_module, m);
	return r < 0 ? r : 0;
}

/* Where there is no module: what the header says, or where Go's own linker puts its code. */
static void guess_text(const struct elf_file *f, struct go_table *t)
{
	const Elf64_Shdr *sh = elf_file_section_named(f, ".text");

	t->text = t->header_text ? t->header_text : sh ? sh->sh_addr : 0;
}

int gofind_bases(const struct go_image *img, const struct elf_file *f, struct go_table *t,
		 struct go_bases *ret)
{
	struct module_search m = { .img = img, .table = t };
	uint64_t first, last;
	int r;

	if (t->layout >= GO_118) {
		r = find_module(&m);
		if (r < 0)
			return r;
		if (m.text_word == 0)
			guess_text(f, t);
	}
	first = t->text + gotable_entry(t, 0);
	last = t->text + gotable_entry(t, t->n_funcs);
	/* Code lies in the file: that bounds what a file made to be slow can ask for. */
	if (last <= first || last - first > f->size || !goimage_is_code(img, first) ||
	    !goimage_is_code(img, last - 1))
		return -EBADMSG;
	ret->n = m.text_word ? m.n_words - m.text_word : 0;
	if (ret->n > GO_BASES_MAX)
		ret->n = GO_BASES_MAX;
	memcpy(ret->words, m.words + m.text_word, ret->n * sizeof(*ret->words));
	return 0;
}
