/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the code of one unit (a compilation unit of DWARF, a Go binary's .gopclntab):
 * which function holds an address, what was inlined there, and which source line it came from.
 *
 * A builder takes scopes, ranges, line rows, files and names in any order as a parser finds them;
 * symunit_build() makes of them one flat image: no pointers, so it can be stored and read back. A
 * scope is a function or an inlined call; ranges say which addresses a scope covers, nested ranges
 * belong to the innermost scope.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "strref.h"

#define SYMUNIT_NONE UINT32_MAX
#define SYMUNIT_END  (UINT32_MAX - 1) /* of a row: it is none, a sequence ends here */

/* A source file: directories are joined when it is shown: base/dir/name, an absolute part wins. */
struct symunit_file {
	strref_t base, dir, name; /* base: the unit's compilation directory */
};

struct symunit_name {
	strref_t name;	    /* DW_AT_linkage_name, else DW_AT_name */
	uint32_t decl_line; /* 0 = unknown */
};

struct symunit_scope {
	uint32_t parent; /* the scope it was inlined into; SYMUNIT_NONE = a function of its own */
	uint32_t name;	 /* number in names */
	uint32_t call_file,
		call_line; /* where it was inlined; file SYMUNIT_NONE, line 0 = unknown */
};

struct symunit_range {
	uint64_t lo, hi; /* addresses of the object, lo < hi */
	uint32_t scope;
};

/* Holds from addr to the next row. */
struct symunit_row {
	uint64_t addr;
	uint32_t file; /* number in files, SYMUNIT_NONE = unknown, SYMUNIT_END */
	uint32_t line; /* 0 = unknown */
};

/*
 * The only addresses that an image is going to be asked for, ascending and borrowed: what is said of others
 * is left out of it. NULL = it may be asked for any.
 */
struct symunit_only {
	const uint64_t *addrs;
	size_t n;
	/* No address lies between: where the last question ended. */
	uint64_t gap_lo, gap_hi;
	size_t at; /* the first address that the last search did not pass */
};

/* Whether one of them lies from @lo up to @hi; symunit_search_only() searches all. */
bool symunit_search_only(struct symunit_only *only, uint64_t lo, uint64_t hi);

static inline bool symunit_is_asked(struct symunit_only *only, uint64_t lo, uint64_t hi)
{
	if (!only->addrs)
		return true;
	return (lo < only->gap_lo || hi > only->gap_hi) && symunit_search_only(only, lo, hi);
}

/* Zero it, fill it, give it to symunit_build(). */
struct symunit_builder {
	ARRAY(struct symunit_scope) scopes;
	ARRAY(struct symunit_range) ranges;
	/* Sequences one after another, each ascending and closed by a row with file SYMUNIT_END;
	 * of several rows at one address the last one counts. */
	ARRAY(struct symunit_row) rows;
	ARRAY(struct symunit_file) files;
	ARRAY(struct symunit_name) names;
	struct symunit_only only;  /* a parser may leave out what has none of these */
	uint64_t left_lo, left_hi; /* where ranges are that it left out: symunit_builder_leave() */
};

/* Of a range that is left out, where it is. */
void symunit_builder_leave(struct symunit_builder *b, uint64_t lo, uint64_t hi);

/* Empties it and keeps its storage. */
void symunit_builder_clear(struct symunit_builder *b);
void symunit_builder_done(struct symunit_builder *b);

/* The image. */
struct symunit;

/*
 * 0 and *@ret (caller frees with free()), *@ret_bytes its size; -ENOMEM; -EFBIG when addresses lie
 * more than 4 GiB apart. Sorts what is in @b.
 */
int symunit_build(struct symunit_builder *b, struct symunit **ret, size_t *ret_bytes);

/*
 * Whether @n bytes at @p (aligned to 8) are an image whose every offset and number stays inside:
 * 0 or -EBADMSG. To be called on what came from a file, before anything else is asked of it.
 */
int symunit_check(const void *p, size_t n);

/*
 * Which addresses from @lo up to @hi an image says something of: 0 = none, else a hash of those with a
 * function and of those with a line. Where it is the same for two images, one has nothing to add.
 */
uint64_t symunit_coverage(const struct symunit *u, uint64_t lo, uint64_t hi);

/* The lowest address that an image says something of, and the first one behind the highest. */
void symunit_extent(const struct symunit *u, uint64_t *ret_lo, uint64_t *ret_hi);

/* How many names and files an image has, and number @i of them. */
size_t symunit_names(const struct symunit *u);
struct symunit_name symunit_name(const struct symunit *u, size_t i);
size_t symunit_files(const struct symunit *u);
struct symunit_file symunit_file(const struct symunit *u, size_t i);

/* The same image with other names and files, as many as it has: as symunit_build(). */
int symunit_rename(const struct symunit *u, const struct symunit_name *names,
		   const struct symunit_file *files, struct symunit **ret, size_t *ret_bytes);

/* Gives the string at a place, at most @n - 1 bytes, in @buf or elsewhere; never NULL. */
typedef const char *(*symunit_string_fn)(void *ctx, strref_t s, size_t n, char *buf);

/* The path of a file, cut to @size - 1 bytes, in @ret: its length. */
size_t symunit_file_path(const struct symunit_file *f, symunit_string_fn string, void *ctx,
			 size_t size, char *ret);

/* One frame at an address, innermost first. Numbers are as in the builder. */
struct symunit_frame {
	struct symunit_name name; /* STRREF_NONE: a line is known, but no function */
	struct symunit_file file; /* of the place in it; name STRREF_NONE = unknown */
	uint32_t line;
};

enum { SYMUNIT_DEPTH_MAX = 64 };

/*
 * The frames at @addr, at most SYMUNIT_DEPTH_MAX (the outermost is kept when there are more): their
 * number, 0 when nothing is known of it.
 */
size_t symunit_find(const struct symunit *u, uint64_t addr,
		    struct symunit_frame ret[SYMUNIT_DEPTH_MAX]);

/* An entry of either list of an image: the scope of a segment is its file, and its line is 0. */
struct symunit_entry {
	uint32_t addr, file, line;
};

enum { SYMUNIT_CURSOR_DEPTH = 8 }; /* frames of a scope that are kept */

/* Where a question about an image ended: who asks for addresses in ascending order goes on from there,
 * most often in the same function and the same file. Zero it for each image. */
struct symunit_cursor {
	struct symunit_place {
		struct symunit_entry now, next; /* next is valid while left > 0 */
		uint32_t block;			/* its number plus 1; 0 = nothing was asked */
		uint32_t left;			/* entries of the block behind now */
		uint32_t at; /* of the one behind next, in the bytes of the list */
	} seg, row;
	bool has_file;
	uint32_t file_number; /* of the place, if it has one */
	uint32_t scope, n;    /* whose frames are in frames; n == 0: no scope's */
	struct symunit_frame place, frames[SYMUNIT_CURSOR_DEPTH];
};

/* As symunit_find(); any addresses may be asked for in any order. */
size_t symunit_find_on(const struct symunit *u, uint64_t addr, struct symunit_cursor *c,
		       struct symunit_frame ret[SYMUNIT_DEPTH_MAX]);
