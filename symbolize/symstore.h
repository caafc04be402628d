/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexes on disk: the images of an object's units, which of them has which addresses, and their
 * strings. One file an object; its name is the build id and what the index was made from, so a
 * better debug file that appears later makes an index of its own.
 *
 * Everything in it is compressed with zstd in pieces, so that a question costs what it touches. A
 * file is written under another name and renamed, so readers see all of it or nothing, and of two
 * writers one wins. What is in the folder is not trusted: sizes and offsets are checked, each piece
 * has a checksum of its own, each image is checked (symunit_check()), and a file with anything
 * wrong is as good as none. A folder in which anybody can write is not used, nor one of another
 * user, nor is a symbolic link followed in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwdir.h"
#include "symunit.h"

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
 * The image of unit @i: 0, *@ret (caller frees with free()), *@ret_bytes; -EBADMSG; -ENOMEM. Thread-safe.
 */
int symstore_unit(const struct symstore *s, uint32_t i, struct symunit **ret, size_t *ret_bytes);

/* The string of a STRREF_OWN of an image, until the store is freed: "" when it is not there. */
const char *symstore_string(struct symstore *s, strref_t ref);

/* Memory held. */
size_t symstore_bytes(const struct symstore *s);

/* --- writing -------------------------------------------------------------------------------------- */

struct symstore_writer;

struct symstore_writer_opts {
	const char *dir; /* made when it is not there, for this user alone */
	const char *key;
	const struct dwdir *dirs;
	size_t n_units;
	uint64_t max_bytes; /* of all files in the folder: the oldest leave; 0 = 1 GiB */
	/* Of all strings, each with its NUL: -EFBIG beyond. A million names can be the ends of one
	 * string. */
	uint64_t max_strings;
	/* Gives the string at @ref, at most @n - 1 bytes, in @buf or elsewhere. */
	const char *(*string)(void *ctx, strref_t ref, size_t n, char *buf);
	void *ctx;
};

/* 0 and *@ret, which symstore_writer_end() releases; -ENOMEM; -EPERM for a folder that is not used;
 * -EEXIST when something else than a file has the name; -errno of making the file. */
int symstore_writer_new(const struct symstore_writer_opts *opts, struct symstore_writer **ret);

/* Adds the image of unit @i, once, in any order: 0, -ENOMEM, -errno of writing. Thread-safe. */
int symstore_writer_add(struct symstore_writer *w, uint32_t i, const struct symunit *image,
			size_t bytes);

/* Makes the file appear if @ok and all went well: 0 or -errno. NULL is accepted. */
int symstore_writer_end(struct symstore_writer *w, bool ok);
