/* SPDX-License-Identifier: Apache-2.0 */
#include "symstore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lzma.h>
#include <zstd.h>

#include "cleanup.h"
#include "err.h"
#include "hash.h"
#include "hindex.h"
#include "outfile.h"
#include "symstore_format.h"

enum {
	LEVEL = 3,	   /* of zstd: what reading costs hardly depends on it */
	LEFTOVER_S = 3600, /* the age at which a file that nobody finished is removed */
};

#define DEFAULT_DIR_MAX (1ull << 30)

/* A string that has its place. */
struct known {
	strref_t from, to;
};

struct symstore_writer {
	struct symstore_writer_opts opts;
	char *dir;
	pthread_mutex_t lock; /* for all that follows */
	struct outfile *file;
	uint64_t off;
	struct store_piece *units;
	ARRAY(struct store_piece) chunks;
	ARRAY(char) chunk; /* strings that are not written yet */
	ARRAY(struct known) known;
	struct hindex by_from;
	uint64_t string_bytes;
	uint64_t seed; /* of by_from */
	char buf[STORE_STRING_MAX];
	int error; /* the first one */
};

/* --- the folder ----------------------------------------------------------------------------------- */

struct entry {
	char *name;
	uint64_t bytes;
	struct timespec used;
};

static int by_age(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

static bool is_index(const char *name)
{
	size_t n = strlen(name), suffix = strlen(STORE_SUFFIX);

	return n > suffix && strcmp(name + n - suffix, STORE_SUFFIX) == 0;
}

/* What a writer that was killed left behind: the name of an index, a dot and six letters. */
static bool is_leftover(const char *name, const struct stat *st)
{
	const char *suffix = strstr(name, STORE_SUFFIX ".");

	return suffix && strlen(suffix) == strlen(STORE_SUFFIX ".XXXXXX") &&
	       st->st_mtim.tv_sec + LEFTOVER_S < time(NULL);
}

/* Removes the files that were not used for the longest time while all are more than @max bytes. */
static void trim_folder(const char *dir, uint64_t max)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	ARRAY(struct entry) entries = { 0 };
	uint64_t sum = 0;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct entry entry;
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (is_leftover(e->d_name, &st))
			unlinkat(dirfd(d), e->d_name, 0);
		if (!is_index(e->d_name))
			continue;
		entry = (struct entry){ strdup(e->d_name), (uint64_t)st.st_size, st.st_mtim };
		if (!entry.name || array_push(&entries, entry) < 0) {
			free(entry.name);
			break;
		}
		sum += entry.bytes;
	}
	if (entries.n > 0)
		qsort(entries.items, entries.n, sizeof(*entries.items), by_age);
	array_each(&entries, old) {
		if (sum > max && unlinkat(dirfd(d), old->name, 0) == 0)
			sum -= old->bytes;
		free(old->name);
	}
	array_free(&entries);
}

/* Makes the folder, and the one it is in ("~/.cache"), where they are not there. */
static int make_folder(const char *dir)
{
	_cleanup_free_ char *parent = strdup(dir);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || !slash || slash == parent)
		return -errno;
	*slash = '\0';
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

/* --- writing -------------------------------------------------------------------------------------- */

static void writer_free(struct symstore_writer *w)
{
	outfile_abort(w->file);
	pthread_mutex_destroy(&w->lock);
	free(w->dir);
	free(w->units);
	array_free(&w->chunks);
	array_free(&w->chunk);
	array_free(&w->known);
	hindex_free(&w->by_from);
	free(w);
}

int symstore_writer_new(const struct symstore_writer_opts *opts, struct symstore_writer **ret)
{
	struct symstore_writer *w = calloc(1, sizeof(*w));
	struct err e = { 0 };
	char path[4096];
	struct stat st;
	int r;

	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	if (getrandom(&w->seed, sizeof(w->seed), GRND_NONBLOCK) < 0)
		w->seed = 1;
	w->opts = *opts;
	w->dir = strdup(opts->dir);
	w->units = calloc(opts->n_units + 1, sizeof(*w->units));
	r = w->dir && w->units ? make_folder(opts->dir) : -ENOMEM;
	if (r == 0)
		r = symstore_path(opts->dir, opts->key, path, sizeof(path));
	/* A link would be followed, and a FIFO written to. */
	if (r == 0 && lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		r = -EEXIST;
	if (r == 0)
		r = outfile_open(path, &w->file, &e);
	if (r < 0) {
		writer_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

/* Compresses @n bytes: *@ret (caller frees) and its size, -ENOMEM, -EFBIG. */
static int pack(const void *p, size_t n, void **ret, size_t *ret_n)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t bound = ZSTD_compressBound(n), packed;
	void *buf = malloc(bound);

	if (!c || !buf || n > STORE_PIECE_MAX) {
		ZSTD_freeCCtx(c);
		free(buf);
		return n > STORE_PIECE_MAX ? -EFBIG : -ENOMEM;
	}
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	packed = ZSTD_compress2(c, buf, bound, p, n);
	ZSTD_freeCCtx(c);
	if (ZSTD_isError(packed) || packed > UINT32_MAX) {
		free(buf);
		return -ENOMEM;
	}
	*ret = buf;
	*ret_n = packed;
	return 0;
}

/* Appends a packed piece; the lock is held. */
static int put_piece(struct symstore_writer *w, const void *packed, size_t n_packed, size_t size,
		     struct store_piece *ret)
{
	int r = outfile_write(w->file, packed, n_packed);

	*ret = (struct store_piece){ w->off, (uint32_t)n_packed, (uint32_t)size };
	w->off += n_packed;
	return r;
}

/* The same for what is not packed yet. */
static int put_plain(struct symstore_writer *w, const void *p, size_t n, struct store_piece *ret)
{
	void *packed;
	size_t n_packed;
	int r = pack(p, n, &packed, &n_packed);

	if (r < 0)
		return r;
	r = put_piece(w, packed, n_packed, n, ret);
	free(packed);
	return r;
}

static int flush_chunk(struct symstore_writer *w)
{
	struct store_piece piece;
	int r;

	if (w->chunk.n == 0)
		return 0;
	r = put_plain(w, w->chunk.items, w->chunk.n, &piece);
	w->chunk.n = 0;
	return r < 0 ? r : array_push(&w->chunks, piece);
}

/* Gives a string its place in the file, if it has none; the lock is held. */
static int move_string(struct symstore_writer *w, strref_t *ref)
{
	uint64_t hash = hash_add(w->seed, *ref);
	struct known k = { .from = *ref };
	const char *s;
	size_t n;

	if (*ref == STRREF_NONE)
		return 0;
	hindex_each(&w->by_from, hash, i)
		if (w->known.items[i].from == *ref) {
			*ref = w->known.items[i].to;
			return 0;
		}
	s = w->opts.string(w->opts.ctx, *ref, sizeof(w->buf), w->buf);
	n = strlen(s) + 1;
	w->string_bytes += n;
	if (w->string_bytes > w->opts.max_strings)
		return -EFBIG;
	k.to = strref(STRREF_OWN, (uint64_t)w->chunks.n << STORE_CHUNK_SHIFT | w->chunk.n);
	if (array_reserve(&w->chunk, n) < 0 ||
	    hindex_add(&w->by_from, hash, (uint32_t)w->known.n) < 0 || array_push(&w->known, k) < 0)
		return -ENOMEM;
	memcpy(w->chunk.items + w->chunk.n, s, n);
	w->chunk.n += n;
	*ref = k.to;
	return w->chunk.n >= STORE_CHUNK ? flush_chunk(w) : 0;
}

static int move_strings(struct symstore_writer *w, struct symunit *image)
{
	struct symunit_strings s = symunit_strings(image);
	int r = 0;

	for (size_t i = 0; r == 0 && i < s.n_names; i++)
		r = move_string(w, &s.names[i].name);
	for (size_t i = 0; r == 0 && i < s.n_files; i++) {
		r = move_string(w, &s.files[i].base);
		if (r == 0)
			r = move_string(w, &s.files[i].dir);
		if (r == 0)
			r = move_string(w, &s.files[i].name);
	}
	return r;
}

int symstore_writer_add(struct symstore_writer *w, uint32_t i, const struct symunit *image,
			size_t bytes)
{
	_cleanup_free_ struct symunit *copy = malloc(bytes);
	_cleanup_free_ void *packed = NULL;
	size_t n_packed;
	int r = copy ? 0 : -ENOMEM;

	if (r == 0) {
		memcpy(copy, image, bytes);
		pthread_mutex_lock(&w->lock);
		r = w->error ? w->error : move_strings(w, copy);
		pthread_mutex_unlock(&w->lock);
	}
	if (r == 0)
		r = pack(copy, bytes, &packed, &n_packed);
	pthread_mutex_lock(&w->lock);
	if (r == 0)
		r = put_piece(w, packed, n_packed, bytes, &w->units[i]);
	if (r < 0 && w->error == 0)
		w->error = r;
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int put_directory(struct symstore_writer *w, struct store_tail *t)
{
	const struct dwdir *dirs = w->opts.dirs;
	size_t pieces = w->opts.n_units + w->chunks.n, units = w->opts.n_units;
	size_t bytes = pieces * sizeof(struct store_piece) +
		       dirs->ranges.n * sizeof(struct store_range);
	_cleanup_free_ struct store_piece *all = malloc(bytes + 1);
	struct store_range *ranges = (struct store_range *)(all + pieces);

	if (!all)
		return -ENOMEM;
	memcpy(all, w->units, units * sizeof(*all));
	if (w->chunks.n > 0)
		memcpy(all + units, w->chunks.items, w->chunks.n * sizeof(*all));
	for (size_t i = 0; i < dirs->ranges.n; i++) {
		const struct dwdir_range *d = &dirs->ranges.items[i];

		ranges[i] = (struct store_range){ d->lo, d->hi, d->unit, 0 };
	}
	t->n_units = (uint32_t)units;
	t->n_chunks = (uint32_t)w->chunks.n;
	t->n_ranges = (uint32_t)dirs->ranges.n;
	return put_plain(w, all, bytes, &t->directory);
}

static int finish(struct symstore_writer *w)
{
	struct store_tail t = { .magic = STORE_MAGIC, .version = STORE_VERSION };
	struct err e = { 0 };
	int r = w->error;

	if (r == 0)
		r = flush_chunk(w);
	if (r == 0)
		r = put_directory(w, &t);
	t.crc = lzma_crc32((const uint8_t *)&t, offsetof(struct store_tail, crc), 0);
	if (r == 0)
		r = outfile_write(w->file, &t, sizeof(t));
	if (r == 0) {
		r = outfile_commit(take_ptr(w->file), &e);
		trim_folder(w->dir, w->opts.max_bytes ? w->opts.max_bytes : DEFAULT_DIR_MAX);
	}
	return r;
}

int symstore_writer_end(struct symstore_writer *w, bool ok)
{
	int r = 0;

	if (!w)
		return 0;
	if (ok)
		r = finish(w);
	writer_free(w);
	return r;
}
