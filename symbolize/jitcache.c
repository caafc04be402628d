/* SPDX-License-Identifier: Apache-2.0 */
#include "jitcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "jitdump.h"
#include "perfmap.h"

enum {
	CHUNK = 64 << 10,
	MARK = 64, /* bytes that tell whether a file was written anew */
};

struct jitfile {
	uint64_t dev, ino;
	enum sym_jit_format format;
	uint64_t used; /* number of the call that used it last */
	size_t bytes;  /* as counted in the cache */
	bool bad;      /* it cannot be read */
	union {
		struct perfmap map;
		struct jitdump dump;
	};
	uint64_t pos;	 /* of a perf map: what was read */
	bool finished;	 /* of a perf map: the text up to there is all there is */
	char mark[MARK]; /* bytes of the file that do not change while it only grows */
	size_t mark_n;
	uint64_t mark_off;
};

void jitcache_init(struct jitcache *c, size_t max_bytes)
{
	*c = (struct jitcache){ .max_bytes = max_bytes };
}

static void empty(struct jitfile *f)
{
	if (f->format == SYM_JIT_JITDUMP)
		jitdump_done(&f->dump);
	else
		perfmap_done(&f->map);
}

static int restart(struct jitfile *f)
{
	f->pos = f->mark_n = f->mark_off = 0;
	f->bad = f->finished = false;
	return f->format == SYM_JIT_JITDUMP ? jitdump_start(&f->dump) : perfmap_start(&f->map);
}

static void drop(struct jitcache *c, size_t i)
{
	struct jitfile *f = c->files[i];

	c->bytes -= f->bytes;
	c->files[i] = NULL;
	empty(f);
	free(f);
}

void jitcache_done(struct jitcache *c)
{
	for (size_t i = 0; i < JITCACHE_FILES; i++)
		if (c->files[i])
			drop(c, i);
}

static size_t least_used(const struct jitcache *c)
{
	size_t least = JITCACHE_FILES;

	for (size_t i = 0; i < JITCACHE_FILES; i++)
		if (c->files[i] &&
		    (least == JITCACHE_FILES || c->files[i]->used < c->files[least]->used))
			least = i;
	return least;
}

void jitcache_trim(struct jitcache *c)
{
	for (size_t i; c->bytes > c->max_bytes && (i = least_used(c)) < JITCACHE_FILES;)
		drop(c, i);
}

static void count_bytes(struct jitcache *c, struct jitfile *f)
{
	c->bytes -= f->bytes;
	f->bytes = sizeof(*f) + (f->format == SYM_JIT_JITDUMP ? jitdump_bytes(&f->dump)
							      : perfmap_bytes(&f->map));
	c->bytes += f->bytes;
}

/* The state of the file open as @want->fd: 0 and *@ret, -EBADF and the like when it is none. */
static int get_file(struct jitcache *c, const struct sym_jit_file *want, struct jitfile **ret)
{
	size_t room = JITCACHE_FILES;
	struct jitfile *f;
	struct stat st;

	if (fstat(want->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	for (size_t i = 0; i < JITCACHE_FILES; i++) {
		f = c->files[i];
		if (!f)
			room = i;
		else if (f->dev == st.st_dev && f->ino == st.st_ino && f->format == want->format)
			goto found;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->format = want->format;
	if (restart(f) < 0) {
		empty(f);
		free(f);
		return -ENOMEM;
	}
	if (room == JITCACHE_FILES) {
		room = least_used(c);
		drop(c, room);
	}
	c->files[room] = f;
found:
	f->used = c->uses;
	*ret = f;
	return 0;
}

/* --- reading on ------------------------------------------------------------------------------ */

static ssize_t read_at(int fd, char *buf, size_t n, uint64_t off)
{
	ssize_t got;

	do
		got = pread(fd, buf, n, (off_t)off);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Whether the file is still the one that was read, and has grown at most. */
static bool is_as_read(const struct jitfile *f, int fd)
{
	char now[MARK];

	return read_at(fd, now, f->mark_n, f->mark_off) == (ssize_t)f->mark_n &&
	       memcmp(now, f->mark, f->mark_n) == 0;
}

/* The last bytes that were read of a perf map. */
static void set_mark(struct jitfile *f, const char *chunk, size_t n)
{
	f->mark_n = n < MARK ? n : MARK;
	f->mark_off = f->pos - f->mark_n;
	memcpy(f->mark, chunk + n - f->mark_n, f->mark_n);
}

/* Reads a perf map as far as @limit: 0, -ENOMEM. */
static int read_map(struct jitfile *f, int fd, uint64_t limit)
{
	_cleanup_free_ char *chunk = NULL;

	if (limit > JITCACHE_PERFMAP_MAX)
		limit = JITCACHE_PERFMAP_MAX;
	if (f->bad || f->pos >= limit)
		return 0;
	chunk = malloc(CHUNK);
	if (!chunk)
		return -ENOMEM;
	while (f->pos < limit) {
		uint64_t left = limit - f->pos;
		ssize_t got = read_at(fd, chunk, left < CHUNK ? (size_t)left : CHUNK, f->pos);

		if (got < 0)
			f->bad = true;
		if (got <= 0)
			return 0;
		if (perfmap_feed(&f->map, chunk, (size_t)got) < 0)
			return -ENOMEM;
		f->finished = false;
		f->pos += (uint64_t)got;
		set_mark(f, chunk, (size_t)got);
	}
	return 0;
}

static int read_dump(struct jitfile *f, int fd, const struct jitdump_until *until)
{
	int r;

	if (f->bad)
		return 0;
	if (!f->mark_n) { /* its header, which holds a number and a time */
		ssize_t got = read_at(fd, f->mark, MARK, 0);

		if (got < MARK)
			return 0; /* no record can be there yet */
		f->mark_n = MARK;
	}
	r = jitdump_read(&f->dump, fd, until);
	f->bad = r < 0;
	return r == -ENOMEM ? r : 0;
}

static int read_until(struct jitfile *f, int fd, const struct jitdump_until *until)
{
	return f->format == SYM_JIT_JITDUMP ? read_dump(f, fd, until)
					    : read_map(f, fd, until->bytes);
}

/* Whether more than what there was at @until has been read: what lay beneath it is not known any
 * more. */
static bool is_beyond(const struct jitfile *f, const struct jitdump_until *until)
{
	return f->format == SYM_JIT_JITDUMP ? jitdump_is_beyond(&f->dump, until)
					    : f->pos > until->bytes;
}

static bool find_in(const struct jitfile *f, uint64_t addr, struct jit_found *ret)
{
	struct jitdump_place p;

	if (f->format == SYM_JIT_PERFMAP) {
		*ret = (struct jit_found){ &f->map.names, perfmap_find(&f->map, addr), 0, 0 };
		return ret->name;
	}
	if (!jitdump_find(&f->dump, addr, &p))
		return false;
	*ret = (struct jit_found){ &f->dump.names, p.name, p.file, p.line };
	return ret->name;
}

/* --- one call -------------------------------------------------------------------------------- */

struct asking {
	const struct sym_request *req;
	size_t file;	 /* number in the request */
	uint32_t *order; /* of the offsets: by time */
	struct jit_found *ret;
};

static struct jitdump_until until_of(const struct asking *a, uint32_t i)
{
	const struct sym_jit_when *w = &a->req->jit->when[i];

	return (struct jitdump_until){ w->time_ns, w->bytes[a->file] };
}

static int by_time(const void *pa, const void *pb, void *ctx)
{
	uint32_t x = *(const uint32_t *)pa, y = *(const uint32_t *)pb;
	struct jitdump_until a = until_of(ctx, x), b = until_of(ctx, y);

	if (a.time_ns != b.time_ns)
		return a.time_ns < b.time_ns ? -1 : 1;
	if (a.bytes != b.bytes)
		return a.bytes < b.bytes ? -1 : 1;
	return (x > y) - (x < y);
}

/* Looks up what has no name yet in the state that @f had at each time. */
static int ask(struct jitfile *f, const struct asking *a)
{
	int fd = a->req->jit->files[a->file].fd, r = 0;
	struct jitdump_until last = { 0 };
	bool is_first = true;

	if (!is_as_read(f, fd)) {
		empty(f);
		r = restart(f);
	}
	for (size_t k = 0; k < a->req->n && r == 0; k++) {
		uint32_t i = a->order[k];
		struct jitdump_until until = until_of(a, i);

		if (a->ret[i].strings)
			continue;
		if (is_first && is_beyond(f, &until)) {
			empty(f);
			r = restart(f);
		}
		if (r == 0 &&
		    (is_first || until.time_ns != last.time_ns || until.bytes != last.bytes))
			r = read_until(f, fd, &until);
		if (r == 0 && !find_in(f, a->req->offs[i], &a->ret[i]))
			a->ret[i].strings = NULL;
		last = until;
		is_first = false;
	}
	return r;
}

/*
 * A perf map says nothing of times, and a line may come a while after its code, for it lay in a
 * buffer of the process or was only written for everything at once. So what is still without a name
 * gets the one that came first after its time, as far as the whole file tells.
 */
static int ask_later(struct jitfile *f, const struct asking *a)
{
	int r = read_map(f, a->req->jit->files[a->file].fd, UINT64_MAX);

	if (r == 0 && !f->finished) {
		r = perfmap_finish(&f->map);
		f->finished = true;
	}
	for (size_t i = 0; i < a->req->n && r == 0; i++)
		if (!a->ret[i].strings && !find_in(f, a->req->offs[i], &a->ret[i]))
			a->ret[i].strings = NULL;
	return r;
}

static bool has_unnamed(const struct asking *a)
{
	for (size_t i = 0; i < a->req->n; i++)
		if (!a->ret[i].strings)
			return true;
	return false;
}

static int ask_all(struct jitcache *c, struct asking *a)
{
	struct jitfile *files[SYM_JIT_FILES] = { 0 };
	const struct sym_jit *jit = a->req->jit;
	int r = 0;

	for (a->file = 0; a->file < jit->n_files && a->file < SYM_JIT_FILES; a->file++) {
		if (!has_unnamed(a))
			return 0;
		r = get_file(c, &jit->files[a->file], &files[a->file]);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			continue;
		qsort_r(a->order, a->req->n, sizeof(*a->order), by_time, a);
		r = ask(files[a->file], a);
		if (r < 0)
			return r;
	}
	for (a->file = 0; a->file < jit->n_files && a->file < SYM_JIT_FILES; a->file++) {
		struct jitfile *f = files[a->file];

		if (f && f->format == SYM_JIT_PERFMAP && has_unnamed(a) &&
		    (r = ask_later(f, a)) < 0)
			return r;
	}
	return 0;
}

int jitcache_find(struct jitcache *c, const struct sym_request *req, struct jit_found *ret)
{
	_cleanup_free_ uint32_t *order = calloc(req->n + 1, sizeof(*order));
	struct asking a = { .req = req, .order = order, .ret = ret };
	int r;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < req->n; i++) {
		order[i] = (uint32_t)i;
		ret[i] = (struct jit_found){ 0 };
	}
	c->uses++;
	r = ask_all(c, &a);
	for (size_t i = 0; i < JITCACHE_FILES; i++) {
		if (!c->files[i] || c->files[i]->used != c->uses)
			continue;
		count_bytes(c, c->files[i]);
		if (r < 0) /* it may be half read */
			drop(c, i);
	}
	return r;
}
