/* SPDX-License-Identifier: Apache-2.0 */
#include "dwsection.h"

#include <dwarf.h>
#include <endian.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "inflate.h"
#include "pages.h"
#include "workers.h"
#include "zsection.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

enum {
	THREADS_MAX = 4,
	STR_CHUNK = 256,
	LENGTH_MAX = 4 + 8, /* bytes of a unit_length */
};

#define SLACK_MAX ((uint64_t)1 << 20)
/* Times that debug information of more than may lie in memory may be larger than what it is compressed to:
 * that is three to six, and reading it takes as long as it is. */
#define RATIO_MAX    16
/* Compressed bytes for which another thread is started: to inflate them takes a millisecond. */
#define THREAD_WORTH ((uint64_t)128 << 10)

/* A compressed section: where its streams are in the file. */
struct job {
	enum dwsection_id id;
	enum inflate_format format;
	uint64_t off, n;
	uint64_t size; /* of what it holds */
};

struct jobs {
	const struct elf_file *file;
	struct dwsections *d;
	struct job items[DW_SECTIONS];
	size_t n;
	uint64_t packed; /* compressed bytes of all sections */
	atomic_size_t next;
	atomic_int error; /* the first one; what is left is then not begun */
};

/* --- finding ---------------------------------------------------------------------------------- */

static const char *section_name(enum dwsection_id id)
{
	static const char *const names[DW_SECTIONS] = {
		[DW_INFO] = "debug_info",
		[DW_ABBREV] = "debug_abbrev",
		[DW_LINE] = "debug_line",
		[DW_STR] = "debug_str",
		[DW_LINE_STR] = "debug_line_str",
		[DW_RANGES] = "debug_ranges",
		[DW_RNGLISTS] = "debug_rnglists",
		[DW_ADDR] = "debug_addr",
		[DW_STR_OFFSETS] = "debug_str_offsets",
		[DW_CU_INDEX] = "debug_cu_index",
		[DW_ARANGES] = "debug_aranges",
	};

	return names[id];
}

/* Whether @name is ".NAME" or ".zNAME", with ".dwo" behind it or not. */
static bool is_named(const char *name, enum dwsection_id id, bool dwo, bool *ret_z)
{
	const char *want = section_name(id);
	size_t n = strlen(want);
	bool z;

	/* Of a .dwp only this one has no ".dwo" behind it. */
	dwo &= id != DW_CU_INDEX;
	if (name[0] != '.')
		return false;
	z = name[1] == 'z';
	name += z ? 2 : 1;
	if (strncmp(name, want, n) != 0 || strcmp(name + n, dwo ? ".dwo" : "") != 0)
		return false;
	*ret_z = z;
	return true;
}

/* Whether a section begins with a type unit of DWARF 5 (§7.5.1); of a compressed one it is not known. */
static bool has_type_unit(const struct elf_file *f, const Elf64_Shdr *sh, bool z)
{
	uint8_t head[LENGTH_MAX + 3];
	uint32_t length;
	const uint8_t *p = head + 4;

	if (z || (sh->sh_flags & SHF_COMPRESSED) || sh->sh_size < sizeof(head) ||
	    elf_file_read(f, sh->sh_offset, head, sizeof(head)) < 0)
		return false;
	memcpy(&length, head, sizeof(length));
	if (length == UINT32_MAX)
		p += 8;
	return p[0] == 5 && p[1] == 0 && (p[2] == DW_UT_type || p[2] == DW_UT_split_type);
}

/*
 * In a .dwo each type unit has a .debug_info.dwo of its own. It may be in a group, or have been in one
 * before objcopy made the .dwo; that is not what is wanted, if there is another one. What is left is the
 * largest one: the others are types that are compressed.
 */
static const Elf64_Shdr *find_section(const struct elf_file *f, enum dwsection_id id, bool dwo,
				      bool *ret_z)
{
	const Elf64_Shdr *found = NULL;
	bool many = dwo && id == DW_INFO, has_types = false;

	for (size_t i = 0; i < f->n_sections && (many || !found); i++) {
		const Elf64_Shdr *sh = &f->sections[i];
		bool z, types;

		if (sh->sh_type == SHT_NOBITS || sh->sh_type == SHT_NULL || sh->sh_size == 0 ||
		    (sh->sh_flags & SHF_GROUP) || sh->sh_name >= f->n_names ||
		    !is_named(f->names + sh->sh_name, id, dwo, &z))
			continue;
		types = many && has_type_unit(f, sh, z);
		if (found && (types > has_types || (types == has_types && sh->sh_size <= found->sh_size)))
			continue;
		found = sh;
		has_types = types;
		*ret_z = z;
	}
	return found;
}

bool dwsections_may_open(const struct elf_file *f)
{
	bool z;

	return find_section(f, DW_INFO, false, &z);
}

/* --- inflating -------------------------------------------------------------------------------- */

/* SHF_COMPRESSED: a header tells the format and the size. */
static int read_chdr(const struct elf_file *f, struct job *j)
{
	Elf64_Chdr ch;
	int r;

	if (j->n < sizeof(ch))
		return -EBADMSG;
	r = elf_file_read(f, j->off, &ch, sizeof(ch));
	if (r < 0)
		return r;
	if (ch.ch_type != ELFCOMPRESS_ZLIB && ch.ch_type != ELFCOMPRESS_ZSTD)
		return -ENOTSUP;
	j->format = ch.ch_type == ELFCOMPRESS_ZLIB ? INFLATE_ZLIB : INFLATE_ZSTD;
	j->off += sizeof(ch);
	j->n -= sizeof(ch);
	j->size = ch.ch_size;
	return 0;
}

/* .zdebug_*, before there was that flag: "ZLIB" and the size, big-endian. */
static int read_zhdr(const struct elf_file *f, struct job *j)
{
	uint8_t h[12];
	uint64_t size;
	int r;

	if (j->n < sizeof(h))
		return -EBADMSG;
	r = elf_file_read(f, j->off, h, sizeof(h));
	if (r < 0)
		return r;
	if (memcmp(h, "ZLIB", 4) != 0)
		return -EBADMSG;
	memcpy(&size, h + 4, sizeof(size));
	j->format = INFLATE_ZLIB;
	j->off += sizeof(h);
	j->n -= sizeof(h);
	j->size = be64toh(size);
	return 0;
}

/* Queues a compressed section, once its size is believable. */
static int queue_job(struct jobs *q, struct job *j, bool flagged)
{
	int r = flagged ? read_chdr(q->file, j) : read_zhdr(q->file, j);

	if (r < 0)
		return r;
	/* Nor is a section larger for being compressed, but for a little: a sparse file can be of
	 * any size, and what is compressed is read as a whole. */
	if (!inflate_is_plausible(j->format, j->n, j->size) ||
	    (j->n > SLACK_MAX && j->n - SLACK_MAX > j->size))
		return -EBADMSG;
	if (j->size == 0)
		return 0;
	q->packed += j->n;
	q->d->inflated += j->size;
	q->items[q->n++] = *j;
	return 0;
}

static int smaller_first(const void *pa, const void *pb)
{
	const struct job *a = pa, *b = pb;

	return (a->size > b->size) - (a->size < b->size);
}

/*
 * Takes the memory for the smallest sections, as far as @held goes. The others stay in the file, and
 * in the queue are no more; the smallest of these may come to memory later, as far as @max_mem goes.
 */
static int place_jobs(struct jobs *q, size_t max_mem, size_t held)
{
	size_t n = q->n;

	if (n > 0)
		qsort(q->items, n, sizeof(q->items[0]), smaller_first);
	q->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct job *j = &q->items[i];
		struct dwsection *s = &q->d->s[j->id];
		int r;

		bool may_hold = j->size <= max_mem;

		s->size = j->size;
		max_mem -= may_hold ? j->size : max_mem;
		if (j->size > held || !may_hold) {
			held = 0;
			r = zsection_new(j->format, q->file->fd, j->off, j->n, j->size, may_hold,
					 &s->z);
			if (r < 0)
				return r;
			continue;
		}
		s->mem = malloc(j->size);
		if (!s->mem)
			return -ENOMEM;
		held -= j->size;
		q->d->mem_bytes += j->size;
		q->n++;
	}
	return 0;
}

static int run_job(const struct jobs *q, const struct job *j)
{
	struct dwsection *s = &q->d->s[j->id];
	_cleanup_free_ void *p = NULL;
	int r = elf_file_read_new(q->file, j->off, j->n, SIZE_MAX - 1, &p);

	pages_expect(s->mem, (size_t)s->size); /* here, where it is one thread of some that waits */
	return r < 0 ? r : inflate_section(j->format, p, (size_t)j->n, s->mem, (size_t)s->size);
}

static void run_jobs(void *ctx, unsigned number)
{
	struct jobs *q = ctx;

	(void)number;

	while (atomic_load(&q->error) == 0) {
		size_t i = atomic_fetch_add(&q->next, 1);
		int none = 0, r;

		if (i >= q->n)
			break;
		r = run_job(q, &q->items[i]);
		if (r < 0)
			atomic_compare_exchange_strong(&q->error, &none, r);
	}
}

static int larger_first(const void *pa, const void *pb)
{
	const struct job *a = pa, *b = pb;

	return (a->n < b->n) - (a->n > b->n);
}

/* Inflating is the whole cost of a compressed file: .debug_info beside all the others halves it. */
static int inflate_all(struct jobs *q)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n;

	if (q->n == 0)
		return 0;
	qsort(q->items, q->n, sizeof(q->items[0]), larger_first);
	for (n = 1; n < q->n && q->items[n].n >= THREAD_WORTH; n++)
		;
	if (cpus < 1)
		n = 1;
	else if (n > (size_t)cpus)
		n = (size_t)cpus;
	workers_run(n < THREADS_MAX ? (unsigned)n : THREADS_MAX, run_jobs, q);
	return atomic_load(&q->error);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_sections(const struct elf_file *f, bool dwo, size_t max_mem, size_t held,
			 struct dwsections *d)
{
	struct jobs q = { .file = f, .d = d };
	bool in_file = false;
	size_t n;
	int r;

	for (int id = 0; id < DW_SECTIONS; id++) {
		bool z = false;
		const Elf64_Shdr *sh = find_section(f, id, dwo, &z);
		bool flagged = sh && (sh->sh_flags & SHF_COMPRESSED);

		if (!sh)
			continue;
		if (sh->sh_offset > f->size || sh->sh_size > f->size - sh->sh_offset)
			return -EBADMSG;
		if (flagged || z) {
			struct job j = { .id = id, .off = sh->sh_offset, .n = sh->sh_size };

			r = queue_job(&q, &j, flagged);
			if (r < 0)
				return r;
		} else {
			d->s[id].off = sh->sh_offset;
			d->s[id].size = sh->sh_size;
			in_file = true;
		}
	}
	if (d->inflated > max_mem && d->inflated / RATIO_MAX > q.packed)
		return -EFBIG;
	n = q.n;
	r = place_jobs(&q, max_mem, held);
	d->fd = in_file || q.n < n ? f->fd : -1;
	return r < 0 ? r : inflate_all(&q);
}

int dwsections_open_held(int fd, bool dwo, size_t max_mem, size_t held, struct dwsections *ret)
{
	struct dwsections d = { .fd = -1 };
	struct elf_file f;
	/* Common files of dwz are relocatable by their type, too, and are no .dwo. */
	int r = elf_file_open_dwo(&f, fd, UINT64_MAX);

	if (r == 0)
		r = elf_file_read_sections(&f);
	if (r == 0)
		r = open_sections(&f, dwo, max_mem, held, &d);
	elf_file_close(&f);
	if (r < 0) {
		d.fd = -1; /* stays the caller's */
		dwsections_close(&d);
		return r;
	}
	if (d.fd < 0)
		close(fd);
	*ret = d;
	return 0;
}

int dwsections_open(int fd, bool dwo, size_t max_mem, struct dwsections *ret)
{
	return dwsections_open_held(fd, dwo, max_mem, DWSECTIONS_HELD, ret);
}

void dwsections_close(struct dwsections *d)
{
	for (int id = 0; id < DW_SECTIONS; id++) {
		free(d->s[id].mem);
		zsection_free(d->s[id].z);
	}
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct dwsections){ .fd = -1 };
}

void dwsections_rest(const struct dwsections *d)
{
	for (int id = 0; id < DW_SECTIONS; id++)
		if (d->s[id].z)
			zsection_rest(d->s[id].z);
}

size_t dwsections_bytes(const struct dwsections *d)
{
	size_t n = d->mem_bytes;

	for (int id = 0; id < DW_SECTIONS; id++)
		n += d->s[id].z ? zsection_bytes(d->s[id].z) : 0;
	return n;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_file(int fd, uint64_t off, uint8_t *buf, size_t n)
{
	while (n > 0) {
		ssize_t got = pread(fd, buf, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false; /* truncated since it was opened */
		buf += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return true;
}

/* Of a section that is not in memory. */
static bool read_at(const struct dwsections *d, enum dwsection_id id, uint64_t off, uint8_t *buf,
		    size_t n)
{
	const struct dwsection *s = &d->s[id];

	return s->z ? zsection_read(s->z, s->off + off, buf, n)
		    : read_file(d->fd, s->off + off, buf, n);
}

const uint8_t *dwsection_window(const struct dwsections *d, enum dwsection_id id, uint64_t off,
				size_t n, uint8_t *buf)
{
	const struct dwsection *s = &d->s[id];

	if (off > s->size || n > s->size - off)
		return NULL;
	if (s->mem)
		return s->mem + off;
	return read_at(d, id, off, buf, n) ? buf : NULL;
}

const char *dwsection_str(const struct dwsections *d, enum dwsection_id id, uint64_t off, size_t n,
			  char *buf)
{
	const struct dwsection *s = &d->s[id];
	uint64_t left = off < s->size ? s->size - off : 0;
	size_t have = 0;

	if (left == 0 || n == 0)
		return "";
	if (left > n)
		left = n;
	if (s->mem && memchr(s->mem + off, 0, (size_t)left))
		return (const char *)s->mem + off;
	/* In pieces: most strings are short, and @n is what the longest may be. */
	while (have < left) {
		size_t more = left - have < STR_CHUNK ? left - have : STR_CHUNK;
		uint8_t *to = (uint8_t *)buf + have;

		if (s->mem)
			memcpy(to, s->mem + off + have, more);
		else if (!read_at(d, id, off + have, to, more))
			return "";
		if (memchr(to, 0, more))
			return buf;
		have += more;
	}
	if (have < n)
		return ""; /* the section ends before the string does */
	buf[n - 1] = '\0';
	return buf;
}

/* Reads @n bytes at @off, and much more where that is not far behind what was read before. */
static void read_near(const struct dwsections *d, enum dwsection_id id, uint64_t off, size_t n,
		      struct dwsection_near *near)
{
	const struct dwsection *s = &d->s[id];
	bool follows = near->d == d && near->id == id && off >= near->off &&
		       off - near->off < sizeof(near->bytes);
	uint64_t left = off < s->size ? s->size - off : 0;

	if (follows)
		n = sizeof(near->bytes);
	if (n > left)
		n = (size_t)left;
	near->d = d;
	near->id = id;
	near->off = off;
	near->n = n > 0 && read_at(d, id, off, near->bytes, n) ? n : 0;
}

/* What is at hand behind @off: *@ret_n bytes. */
static const uint8_t *at_hand(const struct dwsections *d, enum dwsection_id id, uint64_t off,
			      const struct dwsection_near *near, size_t *ret_n)
{
	bool has = near->d == d && near->id == id && off >= near->off && off - near->off < near->n;

	*ret_n = has ? near->n - (size_t)(off - near->off) : 0;
	return has ? near->bytes + (off - near->off) : NULL;
}

const uint8_t *dwsection_window_near(const struct dwsections *d, enum dwsection_id id, uint64_t off,
				     size_t n, struct dwsection_near *near)
{
	const uint8_t *p;
	size_t has;

	if (d->s[id].mem)
		return dwsection_window(d, id, off, n, NULL);
	p = at_hand(d, id, off, near, &has);
	if (has < n) {
		read_near(d, id, off, n, near);
		p = at_hand(d, id, off, near, &has);
	}
	return has >= n ? p : NULL;
}

const char *dwsection_str_near(const struct dwsections *d, enum dwsection_id id, uint64_t off,
			       size_t n, char *buf, struct dwsection_near *near)
{
	const uint8_t *p, *end = NULL;
	size_t has;

	if (d->s[id].mem || !near)
		return dwsection_str(d, id, off, n, buf);
	p = at_hand(d, id, off, near, &has);
	if (!has || !(end = memchr(p, 0, has))) {
		read_near(d, id, off, STR_CHUNK, near);
		p = at_hand(d, id, off, near, &has);
		end = has ? memchr(p, 0, has) : NULL;
	}
	if (!end || (size_t)(end - p) >= n)
		return dwsection_str(d, id, off, n, buf);
	return memcpy(buf, p, (size_t)(end - p) + 1);
}

int dwsection_hold(struct dwsections *d, enum dwsection_id id, size_t max)
{
	struct dwsection *s = &d->s[id];
	uint8_t *mem;

	if (s->mem || s->size == 0 || s->size > max || d->is_view ||
	    (s->z && !zsection_may_hold(s->z)))
		return 0;
	mem = malloc(s->size);
	if (!mem)
		return -ENOMEM;
	if (!dwsection_window(d, id, 0, s->size, mem)) {
		free(mem);
		return -EBADMSG;
	}
	zsection_free(s->z);
	s->z = NULL;
	s->mem = mem;
	d->mem_bytes += s->size;
	return 0;
}
