/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded objects by identity, the least recently used leaving first when there are too many or they
 * hold too much memory. Objects that could not be loaded are kept too, so that they are not tried
 * again with every batch.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "symobject.h"

enum { SYMCACHE_OBJECTS = 64 };
#define SYMCACHE_LOOK_NS (60ull * 1000 * 1000 * 1000) /* the default of look_ns */

/*
 * The build id and the size: a stripped copy has the id of its original and fewer names. Without a
 * build id it is the file itself.
 */
struct symcache_key {
	char build_id[BUILD_ID_HEX_MAX];
	uint64_t size, dev, ino, mtime_ns, ctime_ns;
};

struct symcache {
	struct symcache_slot {
		struct symcache_key key;
		struct symobject object;
		size_t bytes;		      /* of it, as they were counted last */
		struct symobject_flaws flaws; /* the same */
		uint64_t looked_ns; /* when what it lacks was looked for, CLOCK_MONOTONIC */
		uint64_t used;	    /* number of the last use; 0 = the slot is free */
	} * slots;		    /* SYMCACHE_OBJECTS */
	uint64_t uses;
	size_t max_bytes;
	uint64_t look_ns; /* what an object lacks is looked for again after so long */
	struct symbolizer_stats stats;
};

int symcache_init(struct symcache *c, size_t max_bytes);
void symcache_done(struct symcache *c);

/*
 * The object open as @fd, loaded if it is not there, or again if more is known of it by now: 0 and
 * *@ret (borrowed until the next call with @c) or -ENOMEM.
 */
int symcache_get(struct symcache *c, int fd, const char *build_id,
		 const struct symobject_opts *opts, struct symobject **ret);

/* The object open as @fd if it is there, else NULL: borrowed as above. */
struct symobject *symcache_peek(struct symcache *c, int fd, const char *build_id);

/* Releases @o, which symcache_get() gave. */
void symcache_forget(struct symcache *c, const struct symobject *o);

/* Counts what @o, which symcache_get() gave, holds by now: it grows with what it is asked. */
void symcache_count(struct symcache *c, const struct symobject *o);

/* Brings the memory held below its bound; objects handed out before may be gone. */
void symcache_trim(struct symcache *c);
