/* SPDX-License-Identifier: Apache-2.0 */
#include "kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "cleanup.h"
#include "symtab.h"

enum {
	SYMS_MAX = 4 << 20, /* kernels have 100,000 to 300,000 */
	NAMES_MAX = 256 << 20,
	LINE_MAX_BYTES = 4096, /* names have at most 512 */
	CHUNK = 64 << 10,
	LAST_REACH = 64 << 10,
};

struct line {
	uint64_t addr;
	char type;
	const char *name, *module;
	size_t name_n, module_n;
};

static int parse_hex(struct bytes *b, uint64_t *ret)
{
	uint64_t v = 0;
	unsigned digits = 0;
	uint8_t c;

	while (bytes_u8(b, &c) == 0 && c != ' ') {
		unsigned lower = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (lower - 'a' + 10);
		else
			return -EBADMSG;
		if (++digits > 16)
			return -EBADMSG;
	}
	if (digits == 0)
		return -EBADMSG;
	*ret = v;
	return 0;
}

/* The bytes up to the next @end or the end of the line. */
static void parse_word(struct bytes *b, char end, const char **ret, size_t *ret_n)
{
	const char *p = (const char *)b->p + b->pos, *stop = memchr(p, end, bytes_left(b));

	*ret = p;
	*ret_n = stop ? (size_t)(stop - p) : bytes_left(b);
	(void)bytes_skip(b, *ret_n + (stop ? 1 : 0));
}

/* "ffffffff81000000 T name" or "ffffffffc0201000 t name\t[module]" */
static int parse_line(const char *text, size_t n, struct line *ret)
{
	struct bytes b = bytes_of(text, n);
	struct line l = { 0 };
	uint8_t type, space;
	int r = parse_hex(&b, &l.addr);

	if (r < 0)
		return r;
	if (bytes_u8(&b, &type) < 0 || bytes_u8(&b, &space) < 0 || space != ' ')
		return -EBADMSG;
	l.type = (char)type;
	parse_word(&b, '\t', &l.name, &l.name_n);
	if (l.name_n == 0 || memchr(l.name, 0, l.name_n))
		return -EBADMSG;
	parse_word(&b, '\t', &l.module, &l.module_n);
	if (l.module_n >= 2 && l.module[0] == '[' && l.module[l.module_n - 1] == ']') {
		l.module++;
		l.module_n -= 2;
	}
	*ret = l;
	return 0;
}

static int set_name(struct kallsyms *k, const struct line *l, struct kallsym *s)
{
	uint32_t module = 0;
	int r = 0;

	if (l->module_n > 0)
		r = strtab_add(&k->modules, l->module, l->module_n, &module);
	if (r < 0 || module > UINT16_MAX || k->names.n + l->name_n >= NAMES_MAX)
		return r == -ENOMEM ? r : -EBADMSG;
	s->module = (uint16_t)module;
	if (array_reserve(&k->names, l->name_n + 1) < 0)
		return -ENOMEM;
	s->name = (uint32_t)k->names.n;
	memcpy(k->names.items + k->names.n, l->name, l->name_n);
	k->names.items[k->names.n + l->name_n] = '\0';
	k->names.n += l->name_n + 1;
	return 0;
}

static bool line_is(const struct line *l, const char *name)
{
	return l->name_n == strlen(name) && memcmp(l->name, name, l->name_n) == 0;
}

/* Symbols that are not functions are kept as holes: they end the function before them. */
static int add_line(struct kallsyms *k, const char *text, size_t n)
{
	struct kallsym s = { .name = KALLSYMS_HOLE };
	struct line l;
	int r;

	/* A line that makes no sense says nothing about the others. */
	if (parse_line(text, n, &l) < 0)
		return 0;
	k->n_lines++;
	if (l.addr == 0 || k->syms.n == SYMS_MAX)
		return 0;
	s.addr = l.addr;
	if (l.module_n == 0 && line_is(&l, "_stext"))
		k->stext = l.addr;
	if (l.module_n == 0 && line_is(&l, "_etext"))
		k->etext = l.addr;
	s.is_end = l.module_n == 0 && (line_is(&l, "_etext") || line_is(&l, "_einittext"));
	if (strchr("tTwW", l.type) && !s.is_end) {
		s.bind = l.type == 'T' ? SYMTAB_GLOBAL : l.type == 't' ? SYMTAB_LOCAL : SYMTAB_WEAK;
		r = set_name(k, &l, &s);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
	}
	return array_push(&k->syms, s);
}

int kallsyms_start(struct kallsyms *k)
{
	*k = (struct kallsyms){ 0 };
	return strtab_init(&k->modules);
}

/* Appends to the unfinished line; what is too long to be a symbol is not collected. */
static int add_to_line(struct kallsyms *k, const char *text, size_t n)
{
	size_t room = LINE_MAX_BYTES - k->line.n;

	n = n < room ? n : room;
	if (n == 0)
		return 0;
	if (array_reserve(&k->line, n) < 0)
		return -ENOMEM;
	memcpy(k->line.items + k->line.n, text, n);
	k->line.n += n;
	return 0;
}

int kallsyms_feed(struct kallsyms *k, const char *text, size_t n)
{
	while (n > 0) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;
		int r = 0;

		if (k->line.n > 0 || !nl)
			r = add_to_line(k, text, len);
		if (r == 0 && nl && k->line.n > 0) {
			if (k->line.n < LINE_MAX_BYTES)
				r = add_line(k, k->line.items, k->line.n);
			k->line.n = 0;
		} else if (r == 0 && nl && len < LINE_MAX_BYTES) {
			r = add_line(k, text, len);
		}
		if (r < 0)
			return r;
		len += nl ? 1 : 0;
		text += len;
		n -= len;
	}
	return 0;
}

/* By address; of one address _etext first, then functions by rank of their names, then holes. */
static int by_addr(const void *pa, const void *pb, void *ctx)
{
	const struct kallsym *a = pa, *b = pb;
	bool a_hole = a->name == KALLSYMS_HOLE, b_hole = b->name == KALLSYMS_HOLE;
	const char *names = ctx;
	int r;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->is_end != b->is_end)
		return a->is_end ? -1 : 1;
	if (a_hole || b_hole)
		return a_hole - b_hole;
	r = symtab_rank(a->bind, names + a->name, b->bind, names + b->name);
	return r ? r : (a->name > b->name) - (a->name < b->name);
}

/* Moves the best of each address into @to, with a hole behind the last function of a module. */
static void keep_best(const struct kallsyms *k, struct kallsym *to, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < k->syms.n; i++) {
		const struct kallsym *s = &k->syms.items[i];
		struct kallsym *last = n > 0 ? &to[n - 1] : NULL;

		if (last && last->addr == s->addr)
			continue;
		if (last && last->name != KALLSYMS_HOLE && last->module != s->module &&
		    s->addr - last->addr > LAST_REACH)
			to[n++] = (struct kallsym){ .addr = last->addr + LAST_REACH,
						    .name = KALLSYMS_HOLE };
		to[n++] = *s;
	}
	if (n > 0 && to[n - 1].name != KALLSYMS_HOLE && to[n - 1].addr <= UINT64_MAX - LAST_REACH) {
		to[n] = (struct kallsym){ .addr = to[n - 1].addr + LAST_REACH,
					  .name = KALLSYMS_HOLE };
		n++;
	}
	*ret_n = n;
}

static void find_range(struct kallsyms *k)
{
	array_each(&k->syms, s) {
		if (s->name == KALLSYMS_HOLE || s->module != 0)
			continue;
		if (k->start == 0)
			k->start = s->addr;
		k->end = s->addr + 1;
	}
	if (k->stext && k->etext > k->stext) {
		k->start = k->stext;
		k->end = k->etext;
	}
}

int kallsyms_finish(struct kallsyms *k)
{
	struct kallsym *best;
	size_t n;
	char *fit;
	int r = k->line.n > 0 && k->line.n < LINE_MAX_BYTES ? add_line(k, k->line.items, k->line.n)
							    : 0;

	array_free(&k->line);
	if (r < 0)
		return r;
	if (k->syms.n > 0)
		qsort_r(k->syms.items, k->syms.n, sizeof(*k->syms.items), by_addr, k->names.items);
	best = calloc(2 * k->syms.n + 1, sizeof(*best)); /* each may be followed by a hole */
	if (!best)
		return -ENOMEM;
	keep_best(k, best, &n);
	free(k->syms.items);
	k->syms.items = best;
	k->syms.n = n;
	k->syms.cap = n + 1;
	best = realloc(best, (n + 1) * sizeof(*best));
	if (best)
		k->syms.items = best;
	fit = realloc(k->names.items, k->names.n + 1);
	if (fit) {
		k->names.items = fit;
		k->names.cap = k->names.n + 1;
	}
	k->hidden = k->n_lines > 0 && k->syms.n == 0;
	find_range(k);
	return 0;
}

static int feed_file(struct kallsyms *k, int fd)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		ssize_t got = read(fd, chunk, CHUNK);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		r = kallsyms_feed(k, chunk, (size_t)got);
		if (r < 0)
			return r;
	}
}

int kallsyms_load(struct kallsyms *ret, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct kallsyms k;
	int r;

	if (fd < 0)
		return -errno;
	r = kallsyms_start(&k);
	if (r == 0)
		r = feed_file(&k, fd);
	if (r == 0)
		r = kallsyms_finish(&k);
	if (r < 0) {
		kallsyms_done(&k);
		return r;
	}
	kallsyms_done(ret);
	*ret = k;
	return 0;
}

void kallsyms_done(struct kallsyms *k)
{
	array_free(&k->syms);
	array_free(&k->names);
	array_free(&k->line);
	strtab_done(&k->modules);
	*k = (struct kallsyms){ 0 };
}

const struct kallsym *kallsyms_find(const struct kallsyms *k, uint64_t addr)
{
	size_t lo = 0, hi = k->syms.n; /* syms[lo - 1].addr <= addr < syms[hi].addr */

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->syms.items[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || k->syms.items[lo - 1].name == KALLSYMS_HOLE)
		return NULL;
	return &k->syms.items[lo - 1];
}
