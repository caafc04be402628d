/* SPDX-License-Identifier: Apache-2.0 */
#include "symstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libdeflate.h>

#include "cleanup.h"
#include "elfsym.h"
#include "fdutil.h"
#include "pages.h"
#include "symstore_format.h"

enum { NAME_SLOTS = 32 }; /* blocks of 16 KB and more */

struct symstore_reader {
	struct symstore *s;
	struct symstore_piece blocks[NAME_SLOTS]; /* of names, in a slot by their number */
	uint32_t n_slots;
	struct namepool_name name; /* the last one */
};

struct symstore {
	int fd;
	char *path;
	struct stat st; /* of the file */
	struct store_tail tail;
	struct symstore_piece directory;
	struct symstore_piece words, symbols; /* when they are asked for */
	struct symstore_reader names;	      /* in any order */
	const struct store_piece *unit_pieces, *name_pieces, *symbol_pieces;
	const uint64_t *symbol_starts; /* the first address of each block of symbols */
	size_t max_image;	       /* bytes */
	atomic_bool broken;
};

_Static_assert(sizeof(struct dwdir_range) == 32 && sizeof(struct namepool_word) == 16,
	       "they are in the file as they are");

uint32_t symstore_crc(const void *p, size_t n)
{
	return libdeflate_crc32(0, p, n);
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

	if (off > (uint64_t)s->st.st_size || n > (uint64_t)s->st.st_size - off)
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

/* Makes room for a piece of @n bytes and what can be read behind it. */
static int make_room(const struct symstore *s, struct symstore_piece *p, size_t n)
{
	uint8_t *bytes;

	if (n > STORE_PIECE_MAX || n > (uint64_t)s->st.st_size)
		return -EBADMSG;
	n += NAMEPOOL_SLACK;
	if (p->cap >= n)
		return 0;
	bytes = malloc(n);
	if (!bytes)
		return -ENOMEM;
	free(p->bytes);
	p->bytes = bytes;
	p->cap = n;
	return 0;
}

/* Reads piece @p and checks it: 0, -EBADMSG, -ENOMEM. */
static int read_piece(const struct symstore *s, const struct store_piece *p,
		      struct symstore_piece *ret)
{
	size_t had = ret->cap;
	int r = make_room(s, ret, p->size);

	ret->n = 0;
	if (ret->cap != had)
		pages_expect(ret->bytes, p->size);
	if (r == 0)
		r = read_at(s, p->off, ret->bytes, p->size);
	if (r == 0 && symstore_crc(ret->bytes, p->size) != p->crc)
		r = -EBADMSG;
	if (r < 0)
		return r;
	memset(ret->bytes + p->size, 0, NAMEPOOL_SLACK);
	ret->n = p->size;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int read_tail(struct symstore *s)
{
	struct store_tail *t = &s->tail;
	int r;

	if (fstat(s->fd, &s->st) < 0)
		return -errno;
	if ((uint64_t)s->st.st_size < sizeof(*t))
		return -EBADMSG;
	r = read_at(s, (uint64_t)s->st.st_size - sizeof(*t), t, sizeof(*t));
	if (r < 0)
		return r;
	if (memcmp(t->magic, STORE_MAGIC, sizeof(t->magic)) != 0 || t->version != STORE_VERSION ||
	    t->machine != STORE_MACHINE ||
	    symstore_crc(t, offsetof(struct store_tail, crc)) != t->crc)
		return -EBADMSG;
	return 0;
}

static int read_directory(struct symstore *s)
{
	const struct store_tail *t = &s->tail;
	uint64_t pieces = (uint64_t)t->n_units + t->n_names + t->n_symbols;
	int r;

	if (t->directory.size !=
	    pieces * sizeof(struct store_piece) + t->n_symbols * (uint64_t)sizeof(uint64_t))
		return -EBADMSG;
	r = read_piece(s, &t->directory, &s->directory);
	if (r < 0)
		return r;
	s->unit_pieces = (const void *)s->directory.bytes;
	s->name_pieces = s->unit_pieces + t->n_units;
	s->symbol_pieces = s->name_pieces + t->n_names;
	s->symbol_starts = (const void *)(s->symbol_pieces + t->n_symbols);
	for (uint32_t i = 0; i < t->n_units; i++)
		if (s->unit_pieces[i].size > s->max_image)
			s->max_image = s->unit_pieces[i].size;
	return 0;
}

/* Ranges become @dirs as they are: they are sorted. */
static int read_ranges(struct symstore *s, const struct store_piece *ranges, struct dwdir *dirs)
{
	struct symstore_piece p = { 0 };
	size_t n = ranges->size / sizeof(*dirs->ranges.items);
	int r = ranges->size % sizeof(*dirs->ranges.items) ? -EBADMSG : read_piece(s, ranges, &p);

	if (r < 0) {
		free(p.bytes);
		return r;
	}
	dwdir_done(dirs);
	dirs->ranges.items = (void *)p.bytes;
	dirs->ranges.n = dirs->ranges.cap = n;
	array_each(&dirs->ranges, d)
		if (d->unit >= s->tail.n_units)
			r = -EBADMSG;
	if (r < 0)
		dwdir_done(dirs);
	return r;
}

void symstore_piece_done(struct symstore_piece *p)
{
	free(p->bytes);
	*p = (struct symstore_piece){ 0 };
}

static void reader_done(struct symstore_reader *r)
{
	for (size_t i = 0; i < r->n_slots; i++)
		symstore_piece_done(&r->blocks[i]);
}

void symstore_free(struct symstore *s)
{
	if (!s)
		return;
	symstore_piece_done(&s->directory);
	symstore_piece_done(&s->words);
	reader_done(&s->names);
	symstore_piece_done(&s->symbols);
	free(s->path);
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
	s->names.s = s;
	s->names.n_slots = NAME_SLOTS;
	r = symstore_path(dir, key, path, sizeof(path));
	if (r == 0 && !(s->path = strdup(path)))
		r = -ENOMEM;
	if (r == 0)
		r = open_file(path, &s->fd);
	if (r == 0)
		r = read_tail(s);
	if (r == 0)
		r = read_directory(s);
	if (r == 0)
		r = read_ranges(s, &s->tail.ranges, dirs);
	if (r < 0) {
		dwdir_done(dirs);
		return r == -ENOMEM ? r : -ENOENT;
	}
	/* The age of a file is the time of its last use: the oldest leave the folder first. */
	futimens(s->fd, NULL);
	*ret = take_ptr(s);
	return 0;
}

/* --- what is wrong with it -------------------------------------------------------------------- */

bool symstore_is_broken(const struct symstore *s)
{
	return atomic_load(&s->broken);
}

bool symstore_remove(const struct symstore *s)
{
	struct stat st;

	return lstat(s->path, &st) < 0 || st.st_dev != s->st.st_dev || st.st_ino != s->st.st_ino ||
	       unlink(s->path) == 0;
}

/* Hands @r on and remembers what it says of the file. */
static int note(struct symstore *s, int r)
{
	if (r == -EBADMSG)
		atomic_store(&s->broken, true);
	return r;
}

/* Makes @p number @i of @pieces. */
static int need_piece(struct symstore *s, const struct store_piece *pieces, uint32_t i,
		      struct symstore_piece *p)
{
	int r = p->n > 0 && p->number == i ? 0 : note(s, read_piece(s, &pieces[i], p));

	p->number = i;
	return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

size_t symstore_units(const struct symstore *s)
{
	return s->tail.n_units;
}

int symstore_more(struct symstore *s, struct dwdir *more)
{
	int r = note(s, read_ranges(s, &s->tail.more, more));

	return r == -EBADMSG ? 0 : r;
}

uint64_t symstore_image_bytes(const struct symstore *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->tail.n_units; i++)
		n += s->unit_pieces[i].size;
	return n;
}

int symstore_unit(struct symstore *s, uint32_t i, struct symstore_piece *buf, struct symunit **ret,
		  size_t *ret_bytes)
{
	int r;

	if (i >= s->tail.n_units)
		return -EBADMSG;
	if (s->unit_pieces[i].size == 0)
		return -ENOENT;
	/* At once for all: each new buffer is memory that the kernel has to clear. */
	r = make_room(s, buf, s->max_image);
	if (r == 0)
		r = read_piece(s, &s->unit_pieces[i], buf);
	if (r == 0)
		r = symunit_check(buf->bytes, buf->n);
	if (r < 0)
		return note(s, r);
	*ret = (struct symunit *)buf->bytes;
	*ret_bytes = buf->n;
	return 0;
}

static int need_words(struct symstore *s)
{
	int r = s->words.n > 0 || s->tail.words.size == 0
			? 0
			: read_piece(s, &s->tail.words, &s->words);

	return note(s, r);
}

const struct namepool_name *symstore_reader_name(struct symstore_reader *reader, strref_t ref,
						 enum namepool_want want)
{
	struct symstore *s = reader->s;
	uint64_t block = strref_off(ref) >> STORE_BLOCK_SHIFT;
	size_t at = strref_off(ref) & ((1u << STORE_BLOCK_SHIFT) - 1);
	struct symstore_piece *names = &reader->blocks[block % reader->n_slots];
	bool has_words = s->words.n == s->tail.words.size;
	bool ok = has_words && strref_place(ref) == STRREF_OWN && block < s->tail.n_names;
	int r = ok ? 0 : -ENOENT;

	if (r == 0)
		r = need_piece(s, s->name_pieces, (uint32_t)block, names);
	if (r == 0)
		r = note(s, namepool_read((const void *)s->words.bytes,
					  s->words.n / sizeof(struct namepool_word), names->bytes,
					  names->n, at, want, &reader->name));
	if (r < 0) {
		reader->name.n = reader->name.shown_n = 0;
		reader->name.text[0] = reader->name.shown[0] = '\0';
	}
	return &reader->name;
}

const struct namepool_name *symstore_name(struct symstore *s, strref_t ref, enum namepool_want want)
{
	(void)need_words(s); /* without them there are no names */
	return symstore_reader_name(&s->names, ref, want);
}

int symstore_reader_new(struct symstore *s, struct symstore_reader **ret)
{
	struct symstore_reader *reader = calloc(1, sizeof(*reader));

	if (!reader || need_words(s) == -ENOMEM) {
		free(reader);
		return -ENOMEM;
	}
	reader->s = s;
	reader->n_slots = 1;
	*ret = reader;
	return 0;
}

void symstore_reader_free(struct symstore_reader *r)
{
	if (r)
		reader_done(r);
	free(r);
}

bool symstore_has_symbols(const struct symstore *s, struct elf_object *ret)
{
	if (!s->tail.has_symbols || s->tail.reason >= SYM_REASON_MAX ||
	    s->tail.on_miss >= SYM_REASON_MAX)
		return false;
	ret->reason = s->tail.reason;
	ret->on_miss = s->tail.on_miss;
	return true;
}

/* The last of @n that begins at or before @addr, behind each other @step bytes: its number plus 1,
 * 0 = none. */
static size_t last_before(const void *starts, size_t step, size_t n, uint64_t addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint64_t start;

		memcpy(&start, (const char *)starts + mid * step, sizeof(start));
		if (start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

strref_t symstore_symbol(struct symstore *s, uint64_t addr, uint64_t *ret_end)
{
	size_t block = last_before(s->symbol_starts, sizeof(uint64_t), s->tail.n_symbols, addr);
	const struct store_symbol *symbols;
	size_t i, n;

	*ret_end = 0;
	if (block == 0 || need_piece(s, s->symbol_pieces, (uint32_t)block - 1, &s->symbols) < 0)
		return STRREF_NONE;
	symbols = (const void *)s->symbols.bytes;
	n = s->symbols.n / sizeof(*symbols);
	i = last_before(symbols, sizeof(*symbols), n, addr);
	if (i < n)
		*ret_end = symbols[i].start;
	if (i == 0 || symbols[i - 1].name == STORE_NO_NAME)
		return STRREF_NONE;
	return strref(STRREF_OWN, symbols[i - 1].name);
}

size_t symstore_bytes(const struct symstore *s)
{
	size_t n = sizeof(*s) + s->directory.cap + s->words.cap + s->symbols.cap;

	for (size_t i = 0; i < NAME_SLOTS; i++)
		n += s->names.blocks[i].cap;
	return n;
}
