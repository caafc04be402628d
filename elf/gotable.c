/* SPDX-License-Identifier: Apache-2.0 */
#include "gotable.h"

#include <errno.h>
#include <string.h>

enum {
	FIXED = 8,	 /* magic, two zeros, quantum, size of a pointer */
	RECORD_TREE = 3, /* number of the inline tree among a function's data, from Go 1.16 on */
	RECORD_INL = 2,	 /* number of the table of inlined calls among its tables */
};

struct head {
	enum go_layout layout;
	uint8_t quantum;
	uint64_t words[8];
};

static int layout_of(uint32_t magic, enum go_layout *ret)
{
	static const uint32_t magics[] = {
		[GO_12] = 0xfffffffb,
		[GO_116] = 0xfffffffa,
		[GO_118] = 0xfffffff0,
		[GO_120] = 0xfffffff1,
	};

	for (unsigned i = 0; i < ARRAY_LEN(magics); i++)
		if (magic == magics[i]) {
			*ret = (enum go_layout)i;
			return 0;
		}
	return -ENOTSUP;
}

/* Words of the header behind its first eight bytes. */
static unsigned header_words(enum go_layout layout)
{
	return layout == GO_12 ? 1 : layout == GO_116 ? 7 : 8;
}

/* Bytes of an address in the table of functions. */
static unsigned entry_width(enum go_layout layout)
{
	return layout >= GO_118 ? 4 : 8;
}

static int read_head(struct bytes b, struct head *ret)
{
	struct head h = { 0 };
	uint8_t zeros[2], pointer;
	uint32_t magic;

	if (bytes_u32(&b, &magic) < 0 || bytes_copy(&b, zeros, 2) < 0 ||
	    bytes_u8(&b, &h.quantum) < 0 || bytes_u8(&b, &pointer) < 0)
		return -EBADMSG;
	if (layout_of(magic, &h.layout) < 0)
		return -ENOTSUP;
	if (zeros[0] || zeros[1] || (h.quantum != 1 && h.quantum != 2 && h.quantum != 4))
		return -EBADMSG;
	if (pointer != 8)
		return -ENOTSUP;
	for (unsigned i = 0; i < header_words(h.layout); i++)
		if (bytes_u64(&b, &h.words[i]) < 0)
			return -EBADMSG;
	*ret = h;
	return 0;
}

bool gotable_is_header(const uint8_t p[GO_HEADER_MAX], uint64_t room)
{
	struct head h;
	uint64_t funcs;

	if (read_head(bytes_of(p, GO_HEADER_MAX), &h) < 0 || h.words[0] == 0)
		return false;
	funcs = h.layout == GO_12 ? 0 : h.words[header_words(h.layout) - 1];
	return funcs < room && h.words[0] < (room - funcs) / (2 * entry_width(h.layout));
}

/* The part at @off, which ends where the next one of the @n parts begins. */
static int take_part(const struct bytes *all, const uint64_t *offs, unsigned n, uint64_t off,
		     struct bytes *ret)
{
	uint64_t end = all->n;

	for (unsigned i = 0; i < n; i++)
		if (offs[i] > off && offs[i] < end)
			end = offs[i];
	return off > end ? -EBADMSG : bytes_part(all, off, end - off, ret);
}

static int take_parts(const struct bytes *all, const struct head *h, struct go_table *t)
{
	/* In this order in the header: names, units, files, values, functions. */
	const uint64_t *offs = &h->words[header_words(h->layout) - 5];
	struct bytes *const parts[] = { &t->names, &t->units, &t->files, &t->values, &t->funcs };

	if (h->layout == GO_118 || h->layout == GO_120)
		t->header_text = h->words[2];
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
		if (take_part(all, offs, 5, offs[i], parts[i]) < 0)
			return -EBADMSG;
	t->entries = t->funcs;
	return 0;
}

/* Before Go 1.16: everything in one, and the files in a table of offsets behind the functions. */
static int take_whole(const struct bytes *all, struct go_table *t)
{
	struct bytes b = *all;
	uint64_t at;
	uint32_t off, n;

	t->names = t->values = t->funcs = t->files = *all;
	if (bytes_part(all, FIXED + 8, all->n - FIXED - 8, &t->entries) < 0 ||
	    t->n_funcs > all->n / 16)
		return -EBADMSG;
	at = FIXED + 8 + (2 * t->n_funcs + 1) * 8;
	gotable_bring(t, all, at, 4);
	if (bytes_seek(&b, at) < 0 || bytes_u32(&b, &off) < 0)
		return -EBADMSG;
	gotable_bring(t, all, off, 4);
	if (bytes_seek(&b, off) < 0 || bytes_u32(&b, &n) < 0)
		return -EBADMSG;
	return bytes_part(all, off, (uint64_t)n * 4, &t->units);
}

static uint64_t word_at(const struct go_table *t, const struct bytes *b, uint64_t off,
			unsigned width)
{
	struct bytes part;
	uint64_t v = 0;

	gotable_bring(t, b, off, width);
	if (bytes_part(b, off, width, &part) == 0)
		memcpy(&v, part.p, width);
	return v;
}

/* The address in the record of function @i is that of the table: tells a table from chance. */
static bool record_agrees(const struct go_table *t, size_t i)
{
	unsigned w = entry_width(t->layout);
	uint64_t off = word_at(t, &t->entries, (2 * i + 1) * w, w);

	return off < t->funcs.n &&
	       word_at(t, &t->funcs, off, w) == word_at(t, &t->entries, 2 * i * w, w);
}

int gotable_parse(const void *p, size_t n, uint64_t addr, struct go_table *ret)
{
	return gotable_parse_brought(p, n, addr, (struct go_bringer){ 0 }, ret);
}

int gotable_parse_brought(const void *p, size_t n, uint64_t addr, struct go_bringer bringer,
			  struct go_table *ret)
{
	struct bytes all = bytes_of(p, n);
	struct go_table t = { .all = all, .addr = addr, .bringer = bringer };
	struct head h;
	unsigned w;
	int r;

	gotable_bring(&t, &all, 0, GO_HEADER_MAX);
	r = read_head(all, &h);
	if (r < 0)
		return r;
	t.layout = h.layout;
	t.quantum = h.quantum;
	w = entry_width(h.layout);
	if (h.words[0] == 0 || h.words[0] > n / (2 * w))
		return -EBADMSG;
	t.n_funcs = (size_t)h.words[0];
	r = h.layout == GO_12 ? take_whole(&all, &t) : take_parts(&all, &h, &t);
	if (r < 0)
		return r;
	if (t.entries.n / w < 2 * t.n_funcs + 1)
		return -EBADMSG;
	if (!record_agrees(&t, 0) || !record_agrees(&t, t.n_funcs - 1))
		return -EBADMSG;
	t.inl_values = RECORD_INL;
	t.inl_tree = RECORD_TREE;
	*ret = t;
	return 0;
}

uint64_t gotable_entry(const struct go_table *t, size_t i)
{
	unsigned w = entry_width(t->layout);

	return word_at(t, &t->entries, 2 * i * w, w);
}

int gotable_find(const struct go_table *t, uint64_t addr, size_t *ret)
{
	size_t lo = 0, hi = t->n_funcs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->text + gotable_entry(t, mid) <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || addr >= t->text + gotable_entry(t, lo))
		return -ENOENT;
	*ret = lo - 1;
	return 0;
}

/* The @i-th of the function's data, which follow its @n_values tables; @at: where those begin. */
static uint64_t read_data(const struct go_table *t, uint64_t at, uint32_t n_values, unsigned i)
{
	uint64_t v, off = at + (uint64_t)n_values * 4;

	if (t->layout >= GO_118) {
		v = word_at(t, &t->funcs, off + (uint64_t)i * 4, 4);
		return v == UINT32_MAX || off + (uint64_t)i * 4 + 4 > t->funcs.n ? UINT64_MAX
										 : t->gofunc + v;
	}
	/* Pointers, aligned in memory. The parts of a table are aligned as the table is. */
	off = (off + (t->addr & 4) + 7) / 8 * 8 - (t->addr & 4);
	v = word_at(t, &t->funcs, off + (uint64_t)i * 8, 8);
	return v ? v : UINT64_MAX;
}

int gotable_func(const struct go_table *t, size_t i, struct go_func *ret)
{
	enum { NAME, ARGS, DEFER, V_SP, V_FILE, V_LINE, N_VALUES, UNIT, LINE, WORDS_MAX = 10 };
	unsigned w = entry_width(t->layout);
	unsigned n = 8 + (t->layout >= GO_116) + (t->layout >= GO_120);
	uint64_t off = word_at(t, &t->entries, (2 * i + 1) * w, w);
	uint32_t words[WORDS_MAX] = { 0 };
	struct go_func f = { .tree = UINT64_MAX };
	struct bytes b;

	gotable_bring(t, &t->funcs, off, w + n * 4);
	if (bytes_part(&t->funcs, off, w + n * 4, &b) < 0 || bytes_skip(&b, w) < 0 ||
	    bytes_copy(&b, words, n * 4) < 0)
		return -EBADMSG;
	f.lo = t->text + gotable_entry(t, i);
	f.hi = t->text + gotable_entry(t, i + 1);
	f.name = words[NAME];
	f.v_sp = words[V_SP];
	f.v_file = words[V_FILE];
	f.v_line = words[V_LINE];
	f.unit = t->layout >= GO_116 ? words[UNIT] : 0;
	f.start_line = t->layout >= GO_120 && words[LINE] <= INT32_MAX ? words[LINE] : 0;
	/* The last word: an id, from Go 1.17 on flags, zeros, and how many data there are. */
	f.flags = (uint8_t)(words[n - 1] >> 8);
	off += w + n * 4;
	if (t->inl_values < words[N_VALUES] && t->inl_tree < words[n - 1] >> 24) {
		f.v_inl = (uint32_t)word_at(t, &t->funcs, off + (uint64_t)t->inl_values * 4, 4);
		f.tree = read_data(t, off, words[N_VALUES], t->inl_tree);
	}
	*ret = f;
	return 0;
}

int gotable_string(const struct bytes *part, uint64_t off, const char **ret, size_t *ret_n)
{
	struct bytes b = *part;
	const char *s;

	if (bytes_seek(&b, off) < 0 || bytes_str(&b, &s) < 0)
		return -EBADMSG;
	*ret = s;
	*ret_n = b.pos - (size_t)off - 1;
	return 0;
}

int gotable_file(const struct go_table *t, const struct go_func *f, uint32_t number,
		 uint32_t *ret_off)
{
	struct bytes b;
	uint32_t off;

	/* Number 0 is no file before Go 1.16. */
	if (f->unit == UINT32_MAX || (t->layout == GO_12 && number == 0))
		return -EBADMSG;
	if (bytes_part(&t->units, ((uint64_t)f->unit + number) * 4, 4, &b) < 0 ||
	    bytes_u32(&b, &off) < 0 || off >= t->files.n)
		return -EBADMSG;
	*ret_off = off;
	return 0;
}
