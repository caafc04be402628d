/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing an index. Images come from several threads. What takes long, reading names and making of
 * them what people are shown, each does for itself; the rest is done under one lock.
 */
#include "symstore.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "demangle.h"
#include "elfsym.h"
#include "err.h"
#include "hash.h"
#include "hindex.h"
#include "outfile.h"
#include "symstore_format.h"

enum {
	LESSON = 256, /* names that a thread reads at a time */
};

#define DEFAULT_DIR_MAX (1ull << 30)

/* A string that has its place in the file. */
struct known {
	uint64_t from; /* a strref_t, or a hash */
	uint32_t to;
};

struct known_table {
	ARRAY(struct known) known;
	struct hindex by_from;
};

struct symstore_writer {
	struct symstore_writer_opts opts;
	char *dir;
	pthread_mutex_t lock; /* for all that follows */
	struct outfile *file;
	uint64_t off;
	struct store_piece *units;
	ARRAY(struct store_piece) names, symbols;
	ARRAY(uint64_t) symbol_starts;
	struct namepool pool;
	/* Blocks that are not written yet: of functions and of files, which are few and asked for
	 * again and again. */
	struct open_block {
		struct namepool_block block;
		uint32_t number; /* in names, once there is a record */
	} functions, paths;
	struct known_table refs;     /* names, by where they came from */
	struct known_table files;    /* by a hash of the places of their parts */
	struct known_table contents; /* both, by a hash of what they are */
	uint64_t string_bytes;
	uint64_t seed; /* of the tables */
	struct store_tail tail;
	int error; /* the first one */
};

/* --- tables ----------------------------------------------------------------------------------- */

static void table_done(struct known_table *t)
{
	array_free(&t->known);
	hindex_free(&t->by_from);
}

static bool table_find(const struct symstore_writer *w, const struct known_table *t, uint64_t from,
		       uint32_t *ret)
{
	hindex_each(&t->by_from, hash_add(w->seed, from), i)
		if (t->known.items[i].from == from) {
			*ret = t->known.items[i].to;
			return true;
		}
	return false;
}

static int table_add(const struct symstore_writer *w, struct known_table *t, uint64_t from,
		     uint32_t to)
{
	int r = hindex_add(&t->by_from, hash_add(w->seed, from), (uint32_t)t->known.n);

	return r < 0 ? r : array_push(&t->known, (struct known){ from, to });
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void writer_free(struct symstore_writer *w)
{
	outfile_abort(w->file);
	pthread_mutex_destroy(&w->lock);
	free(w->dir);
	free(w->units);
	array_free(&w->names);
	array_free(&w->symbols);
	array_free(&w->symbol_starts);
	namepool_done(&w->pool);
	array_free(&w->functions.block.bytes);
	array_free(&w->paths.block.bytes);
	table_done(&w->refs);
	table_done(&w->files);
	table_done(&w->contents);
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
	r = w->dir && w->units ? symstore_make_folder(opts->dir) : -ENOMEM;
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

/* Appends a piece: 0 and *@ret, -errno. */
static int put_piece(struct symstore_writer *w, const void *p, size_t n, struct store_piece *ret)
{
	if (n > STORE_PIECE_MAX)
		return -EFBIG;
	*ret = (struct store_piece){ w->off, (uint32_t)n, symstore_crc(p, n) };
	w->off += n;
	return outfile_write(w->file, p, n);
}

static int flush_block(struct symstore_writer *w, struct open_block *b)
{
	int r = 0;

	if (b->block.bytes.n > 0)
		r = put_piece(w, b->block.bytes.items, b->block.bytes.n,
			      &w->names.items[b->number]);
	b->block.bytes.n = 0;
	return r;
}

/* --- names ------------------------------------------------------------------------------------ */

/* Gives a name its place in @b, if it has none; @shown is NULL when it is shown as it is. */
static int put_name(struct symstore_writer *w, struct open_block *b, const char *name,
		    const char *shown, uint32_t *ret)
{
	size_t n = strlen(name);
	uint64_t hash = hash_bytes(name, n);
	int r = 0;

	if (table_find(w, &w->contents, hash, ret))
		return 0;
	w->string_bytes += n + 1;
	if (w->string_bytes > w->opts.max_strings || w->names.n >= UINT32_MAX >> STORE_BLOCK_SHIFT)
		return -EFBIG;
	if (b->block.bytes.n == 0) {
		b->number = (uint32_t)w->names.n;
		r = array_push(&w->names, (struct store_piece){ 0 });
	}
	*ret = b->number << STORE_BLOCK_SHIFT | (uint32_t)b->block.bytes.n;
	if (r == 0)
		r = namepool_add(&w->pool, &b->block, name, shown);
	if (r == 0)
		r = table_add(w, &w->contents, hash, *ret);
	return r == 0 && b->block.bytes.n >= STORE_NAMES ? flush_block(w, b) : r;
}

/* What a thread reads at a time. */
struct lesson {
	strref_t refs[LESSON];
	struct {
		size_t name, shown; /* where they begin in text; shown is 0 when it is the same */
	} at[LESSON];
	size_t n;
	ARRAY(char) text;
	char buf[NAMEPOOL_TEXT_MAX], shown[DEMANGLE_OUT_MAX];
};

static int add_text(struct lesson *l, const char *s, size_t *ret)
{
	size_t n = strlen(s) + 1;

	if (array_reserve(&l->text, n) < 0)
		return -ENOMEM;
	memcpy(l->text.items + l->text.n, s, n);
	*ret = l->text.n;
	l->text.n += n;
	return 0;
}

/* Fills @l with names that nobody has read yet; moves *@at. */
static void choose(struct symstore_writer *w, const struct symunit *u, size_t *at, struct lesson *l)
{
	uint32_t to;

	l->n = 0;
	pthread_mutex_lock(&w->lock);
	for (; *at < symunit_names(u) && l->n < LESSON; ++*at) {
		strref_t ref = symunit_name(u, *at).name;

		if (ref != STRREF_NONE && !table_find(w, &w->refs, ref, &to))
			l->refs[l->n++] = ref;
	}
	pthread_mutex_unlock(&w->lock);
}

static int read_names(const struct symstore_writer *w, struct lesson *l)
{
	int r = 0;

	l->text.n = 0;
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		const char *name = w->opts.string(w->opts.ctx, l->refs[i], sizeof(l->buf), l->buf);

		l->at[i].shown = 0;
		r = add_text(l, name, &l->at[i].name);
		if (r == 0 && demangle(name, l->shown))
			r = add_text(l, l->shown, &l->at[i].shown);
	}
	return r;
}

static int put_names(struct symstore_writer *w, const struct lesson *l)
{
	const char *text = l->text.items;
	int r = 0;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		uint32_t to;

		/* Another thread may have been faster, or it stands there twice. */
		if (table_find(w, &w->refs, l->refs[i], &to))
			continue;
		r = put_name(w, &w->functions, text + l->at[i].name,
			     l->at[i].shown ? text + l->at[i].shown : NULL, &to);
		if (r == 0)
			r = table_add(w, &w->refs, l->refs[i], to);
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

static int learn_names(struct symstore_writer *w, const struct symunit *u)
{
	struct lesson *l = calloc(1, sizeof(*l));
	size_t at = 0;
	int r = l ? 0 : -ENOMEM;

	while (r == 0 && at < symunit_names(u)) {
		choose(w, u, &at, l);
		r = read_names(w, l);
		if (r == 0)
			r = put_names(w, l);
	}
	if (l)
		array_free(&l->text);
	free(l);
	return r;
}

/* --- images ----------------------------------------------------------------------------------- */

/* The path of a file takes the place of its parts. The lock is held. */
static int move_file(struct symstore_writer *w, struct symunit_file *f)
{
	uint64_t hash = hash_add(hash_add(hash_add(w->seed, f->base), f->dir), f->name);
	char path[NAMEPOOL_TEXT_MAX];
	uint32_t to;
	int r = 0;

	if (f->name == STRREF_NONE) {
		*f = (struct symunit_file){ 0 };
		return 0;
	}
	if (!table_find(w, &w->files, hash, &to)) {
		symunit_file_path(f, w->opts.string, w->opts.ctx, sizeof(path), path);
		r = put_name(w, &w->paths, path, NULL, &to);
		if (r == 0)
			r = table_add(w, &w->files, hash, to);
	}
	if (r == 0)
		*f = (struct symunit_file){ .name = strref(STRREF_OWN, to) };
	return r;
}

/* Gives the names and files of @u their places in the file: all names have been read. The lock is
 * held. */
static int move_strings(struct symstore_writer *w, const struct symunit *u,
			struct symunit_name *names, struct symunit_file *files)
{
	int r = 0;

	for (size_t i = 0; i < symunit_names(u); i++) {
		uint32_t to;

		names[i] = symunit_name(u, i);
		if (names[i].name != STRREF_NONE && table_find(w, &w->refs, names[i].name, &to))
			names[i].name = strref(STRREF_OWN, to);
	}
	for (size_t i = 0; r == 0 && i < symunit_files(u); i++) {
		files[i] = symunit_file(u, i);
		r = move_file(w, &files[i]);
	}
	return r;
}

/* @image as it is in the file: 0 and *@ret (caller frees), -ENOMEM, -EFBIG. */
static int renamed(struct symstore_writer *w, const struct symunit *image, struct symunit **ret,
		   size_t *ret_bytes)
{
	_cleanup_free_ struct symunit_name *names =
		calloc(symunit_names(image) + 1, sizeof(*names));
	_cleanup_free_ struct symunit_file *files =
		calloc(symunit_files(image) + 1, sizeof(*files));
	int r = names && files ? learn_names(w, image) : -ENOMEM;

	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	r = w->error ? w->error : move_strings(w, image, names, files);
	pthread_mutex_unlock(&w->lock);
	return r < 0 ? r : symunit_rename(image, names, files, ret, ret_bytes);
}

int symstore_writer_add(struct symstore_writer *w, uint32_t i, const struct symunit *image)
{
	_cleanup_free_ struct symunit *own = NULL;
	size_t bytes;
	int r = renamed(w, image, &own, &bytes);

	pthread_mutex_lock(&w->lock);
	if (r == 0)
		r = put_piece(w, own, bytes, &w->units[i]);
	if (r < 0 && w->error == 0)
		w->error = r;
	pthread_mutex_unlock(&w->lock);
	return r;
}

/* --- symbols ---------------------------------------------------------------------------------- */

static int put_symbols(struct symstore_writer *w, const struct store_symbol *symbols, size_t n)
{
	struct store_piece piece;
	int r = put_piece(w, symbols, n * sizeof(*symbols), &piece);

	if (r == 0)
		r = array_push(&w->symbols, piece);
	return r < 0 ? r : array_push(&w->symbol_starts, symbols[0].start);
}

static int put_symbol_name(struct symstore_writer *w, const char *name, uint32_t *ret)
{
	char shown[DEMANGLE_OUT_MAX], cut[NAMEPOOL_TEXT_MAX];
	size_t n = strnlen(name, sizeof(cut) - 1);

	memcpy(cut, name, n);
	cut[n] = '\0';
	if (table_find(w, &w->contents, hash_bytes(cut, n), ret))
		return 0;
	return put_name(w, &w->functions, cut, demangle(cut, shown) ? shown : NULL, ret);
}

int symstore_writer_symbols(struct symstore_writer *w, const struct elf_object *elf)
{
	const struct symtab *t = &elf->syms;
	struct store_symbol block[STORE_SYMBOLS];
	size_t n = 0;
	int r = w->error;

	for (size_t i = 0; r == 0 && i < t->n; i++) {
		block[n] = (struct store_symbol){ t->ranges[i].start, STORE_NO_NAME, 0 };
		if (t->ranges[i].name != SYMTAB_HOLE)
			r = put_symbol_name(w, t->strings + t->ranges[i].name, &block[n].name);
		if (++n == STORE_SYMBOLS && r == 0) {
			r = put_symbols(w, block, n);
			n = 0;
		}
	}
	if (r == 0 && n > 0)
		r = put_symbols(w, block, n);
	w->tail.has_symbols = 1;
	w->tail.reason = (uint8_t)elf->reason;
	w->tail.on_miss = (uint8_t)elf->on_miss;
	w->error = r;
	return r;
}

/* --- the end ---------------------------------------------------------------------------------- */

static int put_directory(struct symstore_writer *w)
{
	struct store_tail *t = &w->tail;
	size_t n = w->opts.n_units + w->names.n + w->symbols.n;
	size_t bytes = n * sizeof(struct store_piece) + w->symbols.n * sizeof(uint64_t);
	_cleanup_free_ struct store_piece *all = calloc(1, bytes + 1);
	struct store_piece *at = all;

	if (!all)
		return -ENOMEM;
	t->n_units = (uint32_t)w->opts.n_units;
	t->n_names = (uint32_t)w->names.n;
	t->n_symbols = (uint32_t)w->symbols.n;
	memcpy(at, w->units, w->opts.n_units * sizeof(*at));
	at += w->opts.n_units;
	if (w->names.n > 0)
		memcpy(at, w->names.items, w->names.n * sizeof(*at));
	at += w->names.n;
	if (w->symbols.n > 0) {
		memcpy(at, w->symbols.items, w->symbols.n * sizeof(*at));
		memcpy(at + w->symbols.n, w->symbol_starts.items, w->symbols.n * sizeof(uint64_t));
	}
	return put_piece(w, all, bytes, &t->directory);
}

/* With zeros between the fields, so that the same index has the same bytes. */
static int put_ranges(struct symstore_writer *w, const struct dwdir *dirs, struct store_piece *ret)
{
	struct dwdir_range *all = calloc(dirs->ranges.n + 1, sizeof(*all));
	int r;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < dirs->ranges.n; i++) {
		const struct dwdir_range *d = &dirs->ranges.items[i];

		all[i].lo = d->lo;
		all[i].hi = d->hi;
		all[i].reach = d->reach;
		all[i].unit = d->unit;
	}
	r = put_piece(w, all, dirs->ranges.n * sizeof(*all), ret);
	free(all);
	return r;
}

static int finish(struct symstore_writer *w, const struct dwdir *dirs, const struct dwdir *more)
{
	struct store_tail *t = &w->tail;
	struct err e = { 0 };
	int r = w->error;

	if (r == 0)
		r = flush_block(w, &w->functions);
	if (r == 0)
		r = flush_block(w, &w->paths);
	if (r == 0)
		r = put_piece(w, w->pool.words.items,
			      w->pool.words.n * sizeof(*w->pool.words.items), &t->words);
	if (r == 0)
		r = put_ranges(w, dirs, &t->ranges);
	if (r == 0)
		r = put_ranges(w, more, &t->more);
	if (r == 0)
		r = put_directory(w);
	memcpy(t->magic, STORE_MAGIC, sizeof(t->magic));
	t->version = STORE_VERSION;
	t->machine = STORE_MACHINE;
	t->crc = symstore_crc(t, offsetof(struct store_tail, crc));
	if (r == 0)
		r = outfile_write(w->file, t, sizeof(*t));
	if (r == 0) {
		r = outfile_commit(take_ptr(w->file), &e);
		symstore_trim_folder(w->dir,
				     w->opts.max_bytes ? w->opts.max_bytes : DEFAULT_DIR_MAX);
	}
	return r;
}

int symstore_writer_end(struct symstore_writer *w, const struct dwdir *dirs,
			const struct dwdir *more)
{
	int r = 0;

	if (!w)
		return 0;
	if (dirs)
		r = finish(w, dirs, more);
	writer_free(w);
	return r;
}
