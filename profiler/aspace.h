/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executable part of an address space, as /proc/PID/maps and the kernel's records of new
 * mappings tell it, with what was replaced lately: a sample from before the replacement is still to
 * be named.
 *
 * A process that was forked shares the space of its parent until one of them changes it: hold a
 * reference each, and call aspace_own() before a change.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "cleanup.h"

#define ASPACE_NO_MAPPING UINT32_MAX	   /* there is nothing to map to */
#define ASPACE_UNRESOLVED (UINT32_MAX - 1) /* nobody has looked yet */

struct vm_area {
	uint64_t start, end; /* addresses, end exclusive */
	uint64_t file_off;   /* offset in the file at `start` */
	uint64_t dev, ino;   /* of the file; 0 where there is none */
	uint32_t name_off;   /* of the path in aspace.names; may be "" */
	uint32_t mapping;    /* filled by whoever keeps mappings; at first ASPACE_UNRESOLVED */
	uint64_t until_ns;   /* CLOCK_MONOTONIC from which on it was gone; of `old` only */
};

struct aspace {
	unsigned refs;
	ARRAY(struct vm_area) areas; /* executable ones, ascending, none over another */
	ARRAY(struct vm_area) old;   /* gone ones; of those at one address, the first gone first */
	ARRAY(char) names;	     /* NUL-terminated strings */
	size_t names_kept;	     /* bytes of them after they were tidied up last */
};

/* An empty one, with one reference; NULL = out of memory. */
struct aspace *aspace_new(void);

struct aspace *aspace_ref(struct aspace *as);

/* Gives a reference back. NULL is fine. */
void aspace_unref(struct aspace *as);
DEFINE_CLEANUP(struct aspace *, aspace_unref)

/* Makes *@as, of which the caller holds a reference, the caller's alone: 0 or -ENOMEM. */
int aspace_own(struct aspace **as);

/*
 * Parses the text of a maps file, which it cuts into lines; those that make no sense are skipped.
 * Only executable areas are kept, at most @max of them; when there are many, anonymous ones that
 * follow each other are kept as one, with what is between them. 0 and *@ret (one reference), or
 * -ENOMEM.
 */
int aspace_parse(char *text, size_t max, struct aspace **ret);

/*
 * The same of the file @path, however long it is, by blocks; paths below what the link `root` beside
 * it names are cut to what the process calls them. Also -errno of open(2) and read(2),
 * -ETIME when it is not read by @until_ns (of this thread's CPU time), -ECANCELED when *@stop (NULL
 * = nobody does) has become true. An address space that was given back is empty.
 */
int aspace_read(const char *path, size_t max, uint64_t until_ns, const atomic_bool *stop,
		struct aspace **ret);

/*
 * @area (name_off, mapping and until_ns are ignored) was mapped at @time_ns over whatever was
 * there; the kernel tells of an area that grew as a whole. 1 when it took the place of code of
 * another file, 0 when not, -ENOSPC when there are @max areas already, -ENOMEM; after an error
 * nothing has changed.
 */
int aspace_map(struct aspace *as, const struct vm_area *area, const char *name, size_t max,
	       uint64_t time_ns);

/*
 * @fresh is what there is at @time_ns; its areas are moved to @as, and those of @as that are not
 * among them are old: where nothing took their place, they count as there for a second more, or until
 * something does. What was resolved stays so. 0 or -ENOMEM; @fresh stays the caller's.
 */
int aspace_replace(struct aspace *as, struct aspace *fresh, uint64_t time_ns);

/* The area that held @addr at @time_ns, or NULL. */
const struct vm_area *aspace_find(const struct aspace *as, uint64_t addr, uint64_t time_ns);

/*
 * Whether at @addr there may have been other code than there is now, as far as it is not forgotten:
 * everywhere, once too much was replaced to know.
 */
bool aspace_has_changed(const struct aspace *as, uint64_t addr);

/* Forgets what was replaced before @time_ns. */
void aspace_forget(struct aspace *as, uint64_t time_ns);

static inline const char *aspace_name(const struct aspace *as, const struct vm_area *a)
{
	return as->names.items + a->name_off;
}
