/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes on disk: the images of an object's units, which of them has which addresses, its symbols,
 * and the names of all with what people are shown for them. One file an object; its name is the
 * build id and what the index was made from, so a better debug file that appears later makes an
 * index of its own.
 *
 * A question costs what it touches: the file is read in pieces that are used as they lie in it. A
 * file is written under another name and renamed, so readers see all of it or nothing, and of two
 * writers one wins. What is in the folder is not trusted: sizes, offsets and numbers are checked
 * where they are used, and each piece has a checksum. A file whose directory is wrong is as good as
 * none; one in which a piece is wrong says so (symstore_is_broken()) and is to be removed. A folder
 * in which anybody can write is not used, nor one of another user, nor is a symbolic link followed
 * in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwdir.h"
#include "namepool.h"
#include "symunit.h"

struct elf_object;
struct symstore;

/*
 * Opens the index called @key in the folder @dir: 0 and *@ret (free with symstore_free()), -ENOENT
 * when there is none that can be used, -ENOMEM. Fills @dirs with the units' addresses, sorted.
 */
int symstore_open(const char *dir, const char *key, struct dwdir *dirs, struct symstore **ret);
void symstore_free(struct symstore *s);

size_t symstore_units(const struct symstore *s);

/* Fills @more with what else is known of units' addresses, sorted: 0, also when the file is broken,
 * or -ENOMEM. */
int symstore_more(struct symstore *s, struct dwdir *more);

/* Bytes of all images together. */
uint64_t symstore_image_bytes(const struct symstore *s);

/* Where a thread reads pieces, one after the other. Zero it. */
struct symstore_piece {
	uint8_t *bytes;
	size_t n, cap;
	uint32_t number; /* which one it is; valid while n > 0 */
};

void symstore_piece_done(struct symstore_piece *p);

/*
 * The image of unit @i, in @buf: 0, *@ret (until @buf is used again), *@ret_bytes; -ENOENT when
 * there is none; -EBADMSG; -ENOMEM. Thread-safe. To read one again costs a copy, so nobody keeps
 * them.
 */
int symstore_unit(struct symstore *s, uint32_t i, struct symstore_piece *buf, struct symunit **ret,
		  size_t *ret_bytes);

/*
 * The name of a STRREF_OWN of an image, or of a symbol, until the next call: one of no bytes when
 * it is not there. Not thread-safe.
 */
const struct namepool_name *symstore_name(struct symstore *s, strref_t ref,
					  enum namepool_want want);

/*
 * What reads names on a thread of its own, in the order in which they lie in the file: 0 and *@ret,
 * which symstore_reader_free() releases, also when it is broken; -ENOMEM. Made by the thread that has
 * the index.
 */
struct symstore_reader;
int symstore_reader_new(struct symstore *s, struct symstore_reader **ret);
void symstore_reader_free(struct symstore_reader *r);

/* As symstore_name(), valid until the next call with @r. */
const struct namepool_name *symstore_reader_name(struct symstore_reader *r, strref_t ref,
						 enum namepool_want want);

/* Whether the object's symbols are in the index, and if so *@ret gets what reading them found. */
bool symstore_has_symbols(const struct symstore *s, struct elf_object *ret);

/* The name of the symbol that covers @addr, STRREF_NONE when there is none; and the first address
 * behind that may have another one, 0 = not known. Not thread-safe. */
strref_t symstore_symbol(struct symstore *s, uint64_t addr, uint64_t *ret_end);

/* Whether a piece was wrong: what was said since may be less than what there is. */
bool symstore_is_broken(const struct symstore *s);

/* Removes the file, unless another one has taken its place: whether it is gone. */
bool symstore_remove(const struct symstore *s);

/* Memory held. */
size_t symstore_bytes(const struct symstore *s);

/* --- writing ---------------------------------------------------------------------------------- */

struct symstore_writer;

struct symstore_writer_opts {
	const char *dir; /* made when it is not there, for this user alone */
	const char *key;
	size_t n_units;
	uint64_t max_bytes; /* of all files in the folder: the oldest leave; 0 = 1 GiB */
	/* Of all strings, each with its NUL: -EFBIG beyond. A million names can be the ends of one
	 * string. */
	uint64_t max_strings;
	symunit_string_fn string; /* thread-safe */
	void *ctx;
};

/* 0 and *@ret, which symstore_writer_end() releases; -ENOMEM; -EPERM for a folder that is not used;
 * -EEXIST when something else than a file has the name; -errno of making the file. */
int symstore_writer_new(const struct symstore_writer_opts *opts, struct symstore_writer **ret);

/* Adds the image of unit @i, once, in any order: 0, -ENOMEM, -errno of writing. Thread-safe. */
int symstore_writer_add(struct symstore_writer *w, uint32_t i, const struct symunit *image);

/* Adds the symbols of @elf, once: as above. */
int symstore_writer_symbols(struct symstore_writer *w, const struct elf_object *elf);

/*
 * Makes the file appear, with the units' addresses @dirs and @more, which is asked after it, if
 * @dirs is not NULL and all went well: 0 or -errno. Both are sorted. @w may be NULL.
 */
int symstore_writer_end(struct symstore_writer *w, const struct dwdir *dirs,
			const struct dwdir *more);
