/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the debug information of one object says of addresses. Units are found by their addresses
 * when the object is opened, and read when an address in them is asked for, on several threads when
 * there are many; the image that is made of a unit is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "dwline.h"
#include "dwsection.h"
#include "dwsplit.h"
#include "namepool.h"
#include "symunit.h"

struct dwobject;
struct symstore_reader;
struct elf_object;

struct dwobject_opts {
	int alt_fd; /* file that .gnu_debugaltlink names, -1 = none; taken on success */
	/* Where the object has code, ascending and apart; copied. */
	const struct dwline_span *code;
	size_t n_code;
	struct dwsplit_opts split; /* where split units are; max_inflated is not used */
	size_t max_inflated;	   /* bytes of compressed sections that may lie in memory */
	size_t max_held;	   /* of these, what does from the start; 0 = DWSECTIONS_HELD */
	size_t max_images;	   /* bytes of images that are kept */
	unsigned threads;	   /* at most; 0 = 1 */
	/* Where dwobject_save() keeps the index: folder and name as in symstore.h; copied; NULL =
	 * nowhere. */
	const char *store_dir, *store_key;
	uint64_t store_max_bytes;
};

/*
 * Opens the debug information in the file @fd, which is taken on success. 0 and *@ret (free with
 * dwobject_free()); -ENOENT when it has none; -EBADMSG, -EFBIG, -ENOTSUP, -ENOMEM, -errno.
 */
int dwobject_open(int fd, const struct dwobject_opts *opts, struct dwobject **ret);

/* The same from the index on disk that @opts names; alt_fd is not used. -ENOENT when there is none.
 */
int dwobject_open_stored(const struct dwobject_opts *opts, struct dwobject **ret);

void dwobject_free(struct dwobject *o);

/* One address, and what is known of it: frames first to first + n, innermost first. */
struct dwquery {
	uint64_t addr;
	uint32_t first, n;
	bool line_only; /* a line, but no function: n is 1 */
	bool limited; /* more may be known: a unit that may have it asks for too much (see below) */
};

/* What a question takes and the next one takes again. Zero it; free(p). */
struct dwroom {
	void *p;
	size_t n; /* bytes */
};

struct dwframes {
	ARRAY(struct symunit_frame) frames;
	struct dwroom *room; /* borrowed; NULL = none */
	bool goes_on; /* the question is a part of the one before: what both read is counted together */
};

/*
 * Answers @n queries, which have to be sorted by address. Frames are appended to @ret. 0 or
 * -ENOMEM; a unit that cannot be read leaves its addresses without an answer, or with what was read
 * before it broke, and is counted.
 *
 * A file can be made so that reading it takes a time, or a memory, that grows with the square of
 * its size: units that share a line program or a list, or that all claim the same addresses. So
 * what a call reads is bounded by a multiple of the file's size that no compiler comes near, and an
 * address is looked for in DWOBJECT_CANDIDATES units at most; where that ends a search, the query
 * says so.
 */
enum { DWOBJECT_CANDIDATES = 256 };

enum {
	DWOBJECT_MANY = 64
}; /* queries whose strings are worth being asked for as they lie in the file */

int dwobject_find(struct dwobject *o, struct dwquery *queries, size_t n, struct dwframes *ret);

/*
 * Says that of this object @n addresses, ascending and borrowed, are going to be asked and nothing else,
 * in ascending order: images of units then hold what is said of these, and go when they are passed. Until it
 * is called with none, when all images go. An object that is kept on disk is not told: all of an image is
 * needed for that.
 */
void dwobject_expect_only(struct dwobject *o, const uint64_t *addrs, size_t n);

/* How many of @n addresses are best asked about at a time, where they are in ascending order: what a
 * question takes is memory that the next one takes again. */
size_t dwobject_at_once(const struct dwobject *o, size_t n);

/*
 * The string, in @buf of @n bytes or elsewhere until the object is freed: "" when there is none;
 * cut at @n - 1 bytes. Not thread-safe.
 */
const char *dwobject_string(const struct dwobject *o, strref_t s, size_t n, char *buf);

/*
 * An object from the index on disk: its names in strings(), with what people are shown for them,
 * until the next call; whether its symbols are in the index, too, and what reading them found; the
 * name of the one that covers an address, STRREF_NONE when there is none, and the first address behind
 * that may have another one; and whether some of this
 * is missing because the index is broken, which dwobject_remove_index() removes: whether it is
 * gone. Not thread-safe.
 */
bool dwobject_is_stored(const struct dwobject *o);
const struct namepool_name *dwobject_name(struct dwobject *o, strref_t s, enum namepool_want want);
int dwobject_new_reader(struct dwobject *o, struct symstore_reader **ret); /* symstore.h */
bool dwobject_has_symbols(const struct dwobject *o, struct elf_object *ret);
strref_t dwobject_symbol(struct dwobject *o, uint64_t addr, uint64_t *ret_end);
bool dwobject_is_broken(const struct dwobject *o);
bool dwobject_remove_index(const struct dwobject *o);

/* How many threads a question may take. */
unsigned dwobject_threads(const struct dwobject *o);

/*
 * Whether the strings and symbols of what was found may be asked for while another thread is in
 * dwobject_find() for what goes on.
 */
bool dwobject_answers_apart(const struct dwobject *o);

/*
 * Whether several threads may read strings at a time: not of what is compressed. Each has a @near of
 * its own (dwsection.h), or a reader when the object comes from the index on disk.
 */
bool dwobject_reads_apart(const struct dwobject *o);
const char *dwobject_string_near(const struct dwobject *o, strref_t s, size_t n, char *buf,
				 struct dwsection_near *near);

/*
 * Whether so much of an object was read that making the rest and keeping all of it on disk is worth
 * it; and that, with the symbols of @elf: 0, also when it cannot be kept, or -ENOMEM. It takes
 * longer than most questions, so it is for when nobody waits for an answer. What was read stays.
 */
bool dwobject_wants_saving(const struct dwobject *o);
int dwobject_save(struct dwobject *o, const struct elf_object *elf);

/*
 * Whether split units that were missing are there now: the object is then worth being opened again.
 * Opens a few files at most.
 */
bool dwobject_look_again(struct dwobject *o);

/* Memory held. */
size_t dwobject_bytes(const struct dwobject *o);

/* Units that could not be read, and those that were not, or not wholly, because they ask for too
 * much: each time it was tried. */
uint64_t dwobject_broken(const struct dwobject *o);
uint64_t dwobject_limited(const struct dwobject *o);

/* Units whose split units were not there. */
uint64_t dwobject_no_split(const struct dwobject *o);
