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
 * Opens the index called @key in the folder @dir: 0 and *@ret (free with symstore_free()), -ENOENT when
 * there is none that can be used, -ENOMEM. Fills @dirs with the units' addresses, sorted.
 */
int symstore_open(const char *dir, const char *key, struct dwdir *dirs, struct symstore **ret);
void symstore_free(struct symstore *s);

size_t symstore_units(const struct symstore *s);

/* Bytes of all images together. */
uint64_t symstore_image_bytes(const struct symstore *s);

/*
 * The image of unit @i: 0, *@ret (caller frees with free()), *@ret_bytes; -ENOENT when there is
 * none; -EBADMSG; -ENOMEM. Thread-safe.
 */
int symstore_unit(struct symstore *s, uint32_t i, struct symunit **ret, size_t *ret_bytes);

/*
 * The name of a STRREF_OWN of an image, or of a symbol, until the next call: one of no bytes when it
 * is not there. Not thread-safe.
 */
const struct namepool_name *symstore_name(struct symstore *s, strref_t ref);

/* Whether the object's symbols are in the index, and if so *@ret gets what reading them found. */
bool symstore_has_symbols(const struct symstore *s, struct elf_object *ret);

/* The name of the symbol that covers @addr, STRREF_NONE when there is none. Not thread-safe. */
strref_t symstore_symbol(struct symstore *s, uint64_t addr);

/* Whether a piece was wrong: what was said since may be less than what there is. */
bool symstore_is_broken(const struct symstore *s);

/* Removes the file, unless another one has taken its place. */
void symstore_remove(const struct symstore *s);

/* Memory held. */
size_t symstore_bytes(const struct symstore *s);

/* --- writing -------------------------------------------------------------------------------------- */

struct symstore_writer;

struct symstore_writer_opts {
	const char *dir; /* made when it is not there, for this user alone */
	const char *key;
	size_t n_units;
	uint64_t max_bytes; /* of all files in the folder: the oldest leave; 0 = 1 GiB */
	/* Of all strings, each with its NUL: -EFBIG beyond. A million names can be the ends of one
	 * string. */
	uint64_t max_strings;
	/* Gives the string at @ref, at most @n - 1 bytes, in @buf or elsewhere. Thread-safe. */
	const char *(*string)(void *ctx, strref_t ref, size_t n, char *buf);
	void *ctx;
};

/* 0 and *@ret, which symstore_writer_end() releases; -ENOMEM; -EPERM for a folder that is not used;
 * -EEXIST when something else than a file has the name; -errno of making the file. */
int symstore_writer_new(const struct symstore_writer_opts *opts, struct symstore_writer **ret);

/* Adds the image of unit @i, once, in any order: 0, -ENOMEM, -errno of writing. Thread-safe. */
int symstore_writer_add(struct symstore_writer *w, uint32_t i, const struct symunit *image,
			size_t bytes);

/* Adds the symbols of @elf, once: as above. */
int symstore_writer_symbols(struct symstore_writer *w, const struct elf_object *elf);

/*
 * Makes the file appear, with the units' addresses @dirs, if that is not NULL and all went well: 0 or
 * -errno. @w may be NULL.
 */
int symstore_writer_end(struct symstore_writer *w, const struct dwdir *dirs);
