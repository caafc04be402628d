/* SPDX-License-Identifier: Apache-2.0 */
#include "symstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>
#include <zstd.h>

#include "cleanup.h"
#include "fdutil.h"
#include "symstore_format.h"

struct symstore {
	int fd;
	uint64_t size; /* of the file */
	struct store_tail tail;
	void *directory; /* uncompressed */
	const struct store_piece *units, *chunks;
	char **strings; /* of each chunk, with a NUL behind it; NULL = not read */
	size_t bytes;	/* held */
};

int symstore_path(const char *dir, const char *key, char *ret, size_t size)
{
	struct stat st;
	int n;

	if (!key[0] || key[0] == '.' || strchr(key, '/') || strlen(key) > STORE_KEY_MAX)
		return -EINVAL;
	n = snprintf(ret, size, "%s/%s" STORE_SUFFIX, dir, key);
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	if (stat(dir, &st) < 0)
		return -errno;
	/* Who can write there decides what is read, and where a name leads. */
	if (!S_ISDIR(st.st_mode) || st.st_mode & S_IWOTH ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return -EPERM;
	return 0;
}

/* As open_regular(), but follows no link. */
static int open_file(const char *path, int *ret)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? open_regular(AT_FDCWD, path, ret) : -EINVAL;
}

static int read_at(const struct symstore *s, uint64_t off, void *buf, size_t n)
{
	char *to = buf;

	if (off > s->size || n > s->size - off)
		return -EBADMSG;
	while (n > 0) {
		ssize_t got = pread(s->fd, to, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EBADMSG;
		to += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* A piece, uncompressed, with a NUL behind it: 0 and *@ret (caller frees), -EBADMSG, -ENOMEM. */
static int read_piece(const struct symstore *s, const struct store_piece *p, void **ret)
{
	_cleanup_free_ char *packed = NULL, *plain = NULL;
	size_t n;
	int r;

	if (p->size == 0 || p->size > STORE_PIECE_MAX || p->off > s->size ||
	    p->packed > s->size - p->off)
		return -EBADMSG;
	packed = malloc((size_t)p->packed + 1);
	plain = malloc((size_t)p->size + 1);
	if (!packed || !plain)
		return -ENOMEM;
	r = read_at(s, p->off, packed, p->packed);
	if (r < 0)
		return r;
	n = ZSTD_decompress(plain, p->size, packed, p->packed);
	if (ZSTD_isError(n) || n != p->size)
		return -EBADMSG;
	plain[n] = '\0';
	*ret = take_ptr(plain);
	return 0;
}

/* --- opening -------------------------------------------------------------------------------------- */

static int read_tail(struct symstore *s)
{
	struct store_tail *t = &s->tail;
	struct stat st;
	int r;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	s->size = (uint64_t)st.st_size;
	if (s->size < sizeof(*t))
		return -EBADMSG;
	r = read_at(s, s->size - sizeof(*t), t, sizeof(*t));
	if (r < 0)
		return r;
	if (memcmp(t->magic, STORE_MAGIC, sizeof(t->magic)) != 0 || t->version != STORE_VERSION ||
	    lzma_crc32((const uint8_t *)t, offsetof(struct store_tail, crc), 0) != t->crc)
		return -EBADMSG;
	return 0;
}

static int read_directory(struct symstore *s, struct dwdir *dirs)
{
	const struct store_tail *t = &s->tail;
	uint64_t pieces = (uint64_t)t->n_units + t->n_chunks;
	const struct store_range *ranges;
	int r;

	if (t->directory.size != pieces * sizeof(struct store_piece) +
					 t->n_ranges * (uint64_t)sizeof(struct store_range))
		return -EBADMSG;
	r = read_piece(s, &t->directory, &s->directory);
	if (r < 0)
		return r;
	s->units = s->directory;
	s->chunks = s->units + t->n_units;
	ranges = (const void *)(s->chunks + t->n_chunks);
	s->strings = calloc((size_t)t->n_chunks + 1, sizeof(*s->strings));
	if (!s->strings || array_reserve(&dirs->ranges, t->n_ranges) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->n_ranges; i++) {
		if (ranges[i].unit >= t->n_units)
			return -EBADMSG;
		if (dwdir_add(dirs, ranges[i].lo, ranges[i].hi, ranges[i].unit) < 0)
			return -ENOMEM;
	}
	dwdir_sort(dirs);
	s->bytes = t->directory.size + t->n_chunks * sizeof(*s->strings);
	return 0;
}

void symstore_free(struct symstore *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->strings && i < s->tail.n_chunks; i++)
		free(s->strings[i]);
	free(s->strings);
	free(s->directory);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

DEFINE_CLEANUP(struct symstore *, symstore_free)

int symstore_open(const char *dir, const char *key, struct dwdir *dirs, struct symstore **ret)
{
	_cleanup_(symstore_freep) struct symstore *s = calloc(1, sizeof(*s));
	char path[4096];
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	r = symstore_path(dir, key, path, sizeof(path));
	if (r == 0)
		r = open_file(path, &s->fd);
	if (r == 0)
		r = read_tail(s);
	if (r == 0)
		r = read_directory(s, dirs);
	if (r < 0) {
		dwdir_done(dirs);
		return r == -ENOMEM ? r : -ENOENT;
	}
	/* The age of a file is the time of its last use: the oldest leave the folder first. */
	futimens(s->fd, NULL);
	*ret = take_ptr(s);
	return 0;
}

/* --- reading -------------------------------------------------------------------------------------- */

size_t symstore_units(const struct symstore *s)
{
	return s->tail.n_units;
}

uint64_t symstore_image_bytes(const struct symstore *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->tail.n_units; i++)
		n += s->units[i].size;
	return n;
}

int symstore_unit(const struct symstore *s, uint32_t i, struct symunit **ret, size_t *ret_bytes)
{
	void *p;
	int r;

	if (i >= s->tail.n_units)
		return -EBADMSG;
	r = read_piece(s, &s->units[i], &p);
	if (r == 0 && (r = symunit_check(p, s->units[i].size)) < 0)
		free(p);
	if (r < 0)
		return r;
	*ret = p;
	*ret_bytes = s->units[i].size;
	return 0;
}

const char *symstore_string(struct symstore *s, strref_t ref)
{
	uint64_t chunk = strref_off(ref) >> STORE_CHUNK_SHIFT;
	uint64_t off = strref_off(ref) & ((1u << STORE_CHUNK_SHIFT) - 1);

	if (strref_place(ref) != STRREF_OWN || chunk >= s->tail.n_chunks)
		return "";
	if (!s->strings[chunk]) {
		void *p;

		if (read_piece(s, &s->chunks[chunk], &p) < 0)
			return "";
		s->strings[chunk] = p;
		s->bytes += s->chunks[chunk].size;
	}
	return off < s->chunks[chunk].size ? s->strings[chunk] + off : "";
}

size_t symstore_bytes(const struct symstore *s)
{
	return sizeof(*s) + s->bytes;
}
