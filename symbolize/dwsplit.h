/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split DWARF (DWARF 5 §3.1.2, §7.3; GNU's extension of DWARF 4). What a file says of a unit is
 * then a skeleton, which has its addresses and its lines; the functions are in a split unit, in a
 * file .dwo that the compiler wrote or in a .dwp that many of them were put into.
 *
 * A .dwo is open only while its unit is read: there may be thousands. So the names are copied.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "dwunit.h"
#include "symunit.h"

enum {
	DWSPLIT_PATHS = 4,
	DWSPLIT_STRINGS_MAX = 256 << 20, /* bytes of all names of one object */
};

struct dwsplit_opts {
	int root_fd; /* directory below which everything is looked for first; -1 = none; not taken
		      */
	/* Paths in there of the object and of its debug file: "" = none. */
	const char *paths[DWSPLIT_PATHS];
	size_t max_inflated; /* bytes of compressed sections in memory of the .dwp ... */
	unsigned threads;    /* ... and of the .dwo files that as many threads read */
};

/* What the split units of one object share: thread-safe but for making, freeing and looking again.
 */
struct dwsplit;

/* Looks for a .dwp, too: 0 and *@ret (free with dwsplit_free()), -ENOMEM, -errno of copying
 * root_fd. */
int dwsplit_new(const struct dwsplit_opts *opts, struct dwsplit **ret);
void dwsplit_free(struct dwsplit *s);

/* A split unit and its file. Zero it; one a thread; release it with dwsplit_unit_done(). */
struct dwsplit_unit {
	struct dwsplit *owner;
	struct dwfile file;
	bool is_open, is_view; /* is_view: the sections are the .dwp's */
	struct dwunit *unit;   /* in file.units */
	char path[PATH_MAX];   /* what the .dwo is called in its skeleton; "" = nothing is open */
};

/*
 * Finds the split unit of @skeleton, a unit of @main: 0 and @u holds it until the next call;
 * -ENOENT when no file with its id is there; -ENOMEM. Looked for in OBJECT.dwp, then as
 * COMP_DIR/NAME, in the object's folder as NAME and beside it: below the root, then outside.
 */
int dwsplit_find(struct dwsplit *s, const struct dwfile *main, const struct dwunit *skeleton,
		 struct dwsplit_unit *u);
void dwsplit_unit_done(struct dwsplit_unit *u);

/* A string of @u's file as one of the owner's own: a STRREF_OWN, or STRREF_NONE where there is none
 * or no room. 0, -ENOMEM. */
int dwsplit_own_string(struct dwsplit_unit *u, strref_t s, strref_t *ret);

/*
 * The same for all names in @b. 0, -ENOMEM; -EFBIG when they are more than can belong to a unit of
 * its size, or more than one object may have: the others are then STRREF_NONE.
 */
int dwsplit_own_names(struct dwsplit_unit *u, struct symunit_builder *b);

/* A string of one's own, in @buf of @n bytes: "" when there is none; cut at @n - 1 bytes. */
const char *dwsplit_string(struct dwsplit *s, strref_t ref, size_t n, char *buf);

/* Looks for a .dwp where there was none: whether there is one now. No other call may be under way.
 */
bool dwsplit_look_again(struct dwsplit *s);

/* Bytes that the sections of a .dwp have which units refer to; 0 when there is no .dwp. */
/* As dwsections_rest(), of the .dwp. */
void dwsplit_rest(const struct dwsplit *s);

uint64_t dwsplit_dwp_bytes(const struct dwsplit *s);

/* Memory held. */
size_t dwsplit_bytes(struct dwsplit *s);
