/* SPDX-License-Identifier: Apache-2.0 */
#include "jitdump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"

#define MAGIC		    0x4a695444u
#define MAGIC_SWAPPED	    0x4454694au
#define FLAG_ARCH_TIMESTAMP 1u

enum {
	HEADER_BYTES = 40,
	HEADER_MAX = 4096,
	RECORD_BYTES = 16,
	LOAD_BYTES = 40, /* behind the record's header, before the name */
	MOVE_BYTES = 48,
	DEBUG_BYTES = 16,
	DEBUG_ENTRY_BYTES = 16, /* before the name */
};

enum record_kind {
	CODE_LOAD,
	CODE_MOVE,
	CODE_DEBUG_INFO,
	CODE_CLOSE,
	CODE_UNWINDING_INFO,
};

/*
 * V8 moves the addresses of lines to where `perf inject` puts the code in the ELF files it writes:
 * behind their header. It can be told by what it writes into the reserved field.
 */
#define V8_RESERVED  0xdeadbeefu
#define V8_LINE_BIAS 0x40

int jitdump_start(struct jitdump *d)
{
	*d = (struct jitdump){ 0 };
	d->window = malloc(JITDUMP_WINDOW);
	return d->window ? strtab_init(&d->names) : -ENOMEM;
}

void jitdump_done(struct jitdump *d)
{
	codemap_done(&d->code);
	array_free(&d->codes);
	array_free(&d->lines);
	strtab_done(&d->names);
	free(d->window);
	d->window = NULL;
}

/* --- the file -------------------------------------------------------------------------------- */

/* Up to @n bytes at @off, fewer at the end of the file: their number and *@ret, or -errno. */
static ssize_t peek(struct jitdump *d, int fd, uint64_t off, size_t n, const uint8_t **ret)
{
	uint64_t skip = off - d->window_off;

	if (off < d->window_off || skip > d->window_n || d->window_n - skip < n) {
		d->window_n = 0;
		d->window_off = off;
		while (d->window_n < n) {
			ssize_t got = off > INT64_MAX - JITDUMP_WINDOW
					      ? 0
					      : pread(fd, d->window + d->window_n,
						      JITDUMP_WINDOW - d->window_n,
						      (off_t)(off + d->window_n));

			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0)
				return -errno;
			if (got == 0)
				break;
			d->window_n += (size_t)got;
			d->n_read += (uint64_t)got;
		}
		skip = 0;
	}
	*ret = d->window + skip;
	return (ssize_t)(d->window_n - skip < n ? d->window_n - skip : n);
}

/* Whether @n bytes at @off are there: 1 with @ret over them, 0, or -errno. */
static int get(struct jitdump *d, int fd, uint64_t off, size_t n, struct bytes *ret)
{
	const uint8_t *p = d->window;
	ssize_t got = peek(d, fd, off, n, &p);

	*ret = bytes_of(p, got < (ssize_t)n ? 0 : n);
	if (got < 0)
		return (int)got;
	return (size_t)got == n;
}

/* A string at @off that ends before @end: 1, its number and how long it is with its NUL; 0 when it
 * does not end there; -errno. Control characters are no text: the whole string is then unknown. */
static int get_string(struct jitdump *d, int fd, uint64_t off, uint64_t end, uint32_t *ret,
		      uint64_t *ret_n)
{
	size_t max = end - off < JITDUMP_NAME_MAX + 1 ? (size_t)(end - off) : JITDUMP_NAME_MAX + 1;
	const uint8_t *p = NULL;
	ssize_t got = peek(d, fd, off, max, &p);
	const uint8_t *nul = got > 0 ? memchr(p, 0, (size_t)got) : NULL;
	size_t n;
	int r;

	if (got < 0)
		return (int)got;
	if (!nul && (size_t)got <= JITDUMP_NAME_MAX)
		return 0;
	/* The rest of a longer one is of no interest, but where it ends, nobody knows. */
	n = nul ? (size_t)(nul - p) : JITDUMP_NAME_MAX;
	*ret_n = nul ? n + 1 : 0;
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] == 0x7f)
			return 1;
	if (d->names.n_bytes + n >= JITDUMP_NAMES_MAX) {
		d->n_over++;
		return 1;
	}
	r = strtab_add(&d->names, (const char *)p, n, ret);
	return r < 0 ? r : 1;
}

/* 1, 0 when it is not all there yet, -EBADMSG, -ENOTSUP, -errno. */
static int read_header(struct jitdump *d, int fd)
{
	uint32_t magic, version, size, reserved, skipped;
	uint64_t flags;
	struct bytes b;
	int r = get(d, fd, 0, HEADER_BYTES, &b);

	if (r <= 0)
		return r;
	/* Behind the machine and the reserved field: the process and the time. */
	if (bytes_u32(&b, &magic) < 0 || bytes_u32(&b, &version) < 0 || bytes_u32(&b, &size) < 0 ||
	    bytes_u32(&b, &skipped) < 0 || bytes_u32(&b, &reserved) < 0 || bytes_skip(&b, 12) < 0 ||
	    bytes_u64(&b, &flags) < 0)
		return -EBADMSG;
	if (magic == MAGIC_SWAPPED)
		return -ENOTSUP;
	if (magic != MAGIC || size < HEADER_BYTES || size > HEADER_MAX)
		return -EBADMSG;
	if (version < 1 || version > 2)
		return -ENOTSUP;
	d->has_times = !(flags & FLAG_ARCH_TIMESTAMP);
	d->v8 = reserved == V8_RESERVED;
	d->pos = size;
	return 1;
}

/* --- records --------------------------------------------------------------------------------- */

struct record {
	uint64_t off, end; /* of what is behind its header */
	uint32_t kind;
	uint64_t time;
};

/* The first @n bytes behind the header of a record that is all there: 0, -EBADMSG, -errno. */
static int get_fields(struct jitdump *d, int fd, const struct record *rec, size_t n,
		      struct bytes *ret)
{
	int r = rec->end - rec->off < n ? 0 : get(d, fd, rec->off, n, ret);

	return r > 0 ? 0 : r < 0 ? r : -EBADMSG;
}

/* Puts a piece of code in its place. */
static int put_code(struct jitdump *d, const struct jitdump_code *c, uint64_t size)
{
	if (d->codes.n >= JITDUMP_CODES_MAX) {
		d->n_over++;
		return 0;
	}
	if (array_push(&d->codes, *c) < 0)
		return -ENOMEM;
	return codemap_put(&d->code, c->start, c->start + size, (uint32_t)d->codes.n - 1);
}

/* Takes the lines that came for the code at @addr, if any did. */
static void take_lines(struct jitdump *d, uint64_t size, struct jitdump_code *c)
{
	for (size_t i = 0; i < JITDUMP_DEBUG; i++) {
		struct jitdump_debug *debug = &d->debug[i];

		if (!debug->line_n || debug->code_addr != c->start)
			continue;
		c->line_first = debug->line_first;
		c->line_n = debug->line_n;
		/* Ascending: the last ones may be those of no code at all. */
		while (c->line_n && d->lines.items[c->line_first + c->line_n - 1].off >= size)
			c->line_n--;
		debug->line_n = 0;
		return;
	}
}

/* { u32 pid, tid; u64 vma, code_addr, code_size, code_index; char name[]; code } */
static int read_load(struct jitdump *d, int fd, const struct record *rec)
{
	struct jitdump_code c = { 0 };
	uint64_t size, name_n;
	struct bytes b = { 0 };
	int r = get_fields(d, fd, rec, LOAD_BYTES, &b);

	if (r < 0)
		return r;
	if (bytes_skip(&b, 16) < 0 || bytes_u64(&b, &c.start) < 0 || bytes_u64(&b, &size) < 0)
		return -EBADMSG;
	r = get_string(d, fd, rec->off + LOAD_BYTES, rec->end, &c.name, &name_n);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	if (size > UINT64_MAX - c.start)
		return -EBADMSG;
	if (!size) /* a function without code */
		return 0;
	take_lines(d, size, &c);
	return put_code(d, &c, size);
}

/* { u32 pid, tid; u64 vma, old_code_addr, new_code_addr, code_size, code_index; } */
static int read_move(struct jitdump *d, int fd, const struct record *rec)
{
	uint64_t from, to, size;
	struct jitdump_code c;
	struct bytes b;
	uint32_t i;
	int r = get_fields(d, fd, rec, MOVE_BYTES, &b);

	if (r < 0)
		return r;
	if (bytes_skip(&b, 16) < 0 || bytes_u64(&b, &from) < 0 || bytes_u64(&b, &to) < 0 ||
	    bytes_u64(&b, &size) < 0 || !size || size > UINT64_MAX - to ||
	    !codemap_find(&d->code, from, &i) || d->codes.items[i].start != from)
		return -EBADMSG;
	c = d->codes.items[i];
	c.start = to;
	return put_code(d, &c, size);
}

/* { u64 addr; u32 line, discriminator; char file[]; }: 1 and where the next one is, 0, -errno. */
static int read_entry(struct jitdump *d, int fd, uint64_t *off, uint64_t end, uint64_t code_addr,
		      uint32_t last_file, struct jitdump_line *ret)
{
	uint64_t addr, bias = d->v8 ? V8_LINE_BIAS : 0, n;
	struct bytes b;
	int r = end - *off > DEBUG_ENTRY_BYTES ? get(d, fd, *off, DEBUG_ENTRY_BYTES, &b) : 0;

	if (r <= 0)
		return r;
	if (bytes_u64(&b, &addr) < 0 || bytes_u32(&b, &ret->line) < 0)
		return -EBADMSG;
	*off += DEBUG_ENTRY_BYTES;
	r = get(d, fd, *off, 2, &b);
	if (r < 0)
		return r;
	if (r && end - *off >= 2 && memcmp(b.p, "\xff", 2) == 0) { /* "the same file" */
		ret->file = last_file;
		n = 2;
	} else {
		r = get_string(d, fd, *off, end, &ret->file, &n);
		if (r <= 0 || !n)
			return r < 0 ? r : 0;
	}
	*off += n;
	addr -= code_addr + bias;
	ret->off = addr > UINT32_MAX ? UINT32_MAX : (uint32_t)addr;
	return 1;
}

static int by_off(const void *pa, const void *pb)
{
	const struct jitdump_line *a = pa, *b = pb;

	return (a->off > b->off) - (a->off < b->off);
}

/* Sorts the lines of one piece; of several at one address the last one counts. */
static size_t tidy_lines(struct jitdump_line *lines, size_t n)
{
	size_t kept = 0;

	for (size_t i = 1; i < n; i++)
		if (lines[i].off < lines[i - 1].off) { /* not even in order: any of them, then */
			qsort(lines, n, sizeof(*lines), by_off);
			break;
		}
	for (size_t i = 0; i < n; i++)
		if (kept && lines[kept - 1].off == lines[i].off)
			lines[kept - 1] = lines[i];
		else
			lines[kept++] = lines[i];
	return kept;
}

/* { u64 code_addr, nr_entry; entries } */
static int read_debug(struct jitdump *d, int fd, const struct record *rec)
{
	struct jitdump_debug *debug = &d->debug[d->next_debug];
	size_t first = d->lines.n;
	uint64_t code_addr, n, off = rec->off + DEBUG_BYTES;
	struct jitdump_line line = { 0 };
	struct bytes b = { 0 };
	int r = get_fields(d, fd, rec, DEBUG_BYTES, &b);

	if (r < 0)
		return r;
	if (bytes_u64(&b, &code_addr) < 0 || bytes_u64(&b, &n) < 0)
		return -EBADMSG;
	for (; n > 0 && d->lines.n < JITDUMP_LINES_MAX; n--) {
		r = read_entry(d, fd, &off, rec->end, code_addr, line.file, &line);
		if (r < 0)
			return r;
		if (r == 0 || d->n_read > JITDUMP_READ_MAX)
			break;
		/* Some writers end their tables in garbage. */
		if (line.off != UINT32_MAX && line.line && line.line <= INT32_MAX &&
		    array_push(&d->lines, line) < 0)
			return -ENOMEM;
	}
	d->n_over += d->lines.n >= JITDUMP_LINES_MAX;
	if (d->lines.n > first)
		d->lines.n = first + tidy_lines(d->lines.items + first, d->lines.n - first);
	*debug = (struct jitdump_debug){ code_addr, (uint32_t)first,
					 (uint32_t)(d->lines.n - first) };
	d->next_debug = (d->next_debug + 1) % JITDUMP_DEBUG;
	return n ? -EBADMSG : 0;
}

/* Whether a record with that end and time was written up to @until. */
static bool is_reached(const struct jitdump *d, uint64_t end, uint64_t time,
		       const struct jitdump_until *until)
{
	return end <= until->bytes || (d->has_times && time <= until->time_ns);
}

/* The next record: 1, 0 when there is none (yet) up to @until, -errno. */
static int next_record(struct jitdump *d, int fd, const struct jitdump_until *until,
		       uint64_t file_end, struct record *ret)
{
	struct bytes b;
	uint32_t size;
	int r = get(d, fd, d->pos, RECORD_BYTES, &b);

	if (r <= 0)
		return r;
	if (bytes_u32(&b, &ret->kind) < 0 || bytes_u32(&b, &size) < 0 ||
	    bytes_u64(&b, &ret->time) < 0 || size < RECORD_BYTES) {
		d->broken = true;
		return 0;
	}
	ret->off = d->pos + RECORD_BYTES;
	ret->end = d->pos + size;
	return ret->end <= file_end && is_reached(d, ret->end, ret->time, until);
}

static int take_record(struct jitdump *d, int fd, const struct record *rec)
{
	switch (rec->kind) {
	case CODE_LOAD:
		return read_load(d, fd, rec);
	case CODE_MOVE:
		return read_move(d, fd, rec);
	case CODE_DEBUG_INFO:
		return read_debug(d, fd, rec);
	default:
		/* CODE_CLOSE: there is no new code, but that which there is still runs.
		 * CODE_UNWINDING_INFO, and kinds that came later. */
		return 0;
	}
}

int jitdump_read(struct jitdump *d, int fd, const struct jitdump_until *until)
{
	off_t file_end = lseek(fd, 0, SEEK_END);
	struct record rec;
	int r = 1;

	if (file_end < 0)
		return -errno;
	d->window_n = 0; /* there may be more now */
	if (!d->pos) {
		r = read_header(d, fd);
		if (r <= 0)
			return r;
	}
	while (!d->broken && (r = next_record(d, fd, until, (uint64_t)file_end, &rec)) > 0) {
		r = take_record(d, fd, &rec);
		if (r < 0 && r != -EBADMSG)
			return r;
		d->n_bad += r < 0;
		d->pos = rec.end;
		d->last_time = rec.time;
		if (d->n_read > JITDUMP_READ_MAX) {
			d->n_over++;
			d->broken = true;
		}
	}
	return r < 0 ? r : 0;
}

bool jitdump_is_beyond(const struct jitdump *d, const struct jitdump_until *until)
{
	return d->pos && !is_reached(d, d->pos, d->last_time, until);
}

/* --- lookup ---------------------------------------------------------------------------------- */

bool jitdump_find(const struct jitdump *d, uint64_t addr, struct jitdump_place *ret)
{
	const struct jitdump_code *c;
	const struct jitdump_line *lines;
	size_t lo = 0, hi;
	uint32_t i;

	if (!codemap_find(&d->code, addr, &i))
		return false;
	c = &d->codes.items[i];
	lines = c->line_n ? d->lines.items + c->line_first : NULL;
	hi = c->line_n; /* lines[lo - 1].off <= addr - start < lines[hi].off */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (lines[mid].off <= addr - c->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret = (struct jitdump_place){ .name = c->name };
	if (lo) {
		ret->file = lines[lo - 1].file;
		ret->line = ret->file ? lines[lo - 1].line : 0;
	}
	return true;
}

size_t jitdump_bytes(const struct jitdump *d)
{
	return codemap_bytes(&d->code) + d->codes.cap * sizeof(*d->codes.items) +
	       d->lines.cap * sizeof(*d->lines.items) + d->names.cap_bytes +
	       d->names.cap * sizeof(*d->names.ents) +
	       (d->names.index.slots ? d->names.index.mask + 1 : 0) * sizeof(struct hindex_slot) +
	       JITDUMP_WINDOW;
}
