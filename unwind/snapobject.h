/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects that snapshots were taken in: where their unwind information is, and the parts of
 * their files that were needed so far. Files are read in blocks with pread, never mapped: their
 * owner may truncate them meanwhile. The blocks of the objects used longest ago go first when the
 * budget is used up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "cfientry.h"
#include "snapshot.h"

struct snap_object;

#define SNAP_BUCKETS 256

struct snap_objects {
	struct snap_object *buckets[SNAP_BUCKETS]; /* by id */
	struct snap_object *newest, *oldest;	   /* by use */
	size_t n, bytes, max, max_bytes;
	uint64_t serial; /* of the object loaded last */
	uint64_t loads, evictions, file_reads;
	ARRAY(uint8_t) fde, cie; /* the entries found last: cfi_entry borrows from them */
};

/*
 * Finds or loads the object that @from describes; borrows @from until the next get. 0 and *@ret,
 * which lives until the next get; -EBADF when it cannot be opened now; -ENOMEM. An object without
 * usable unwind information is no error.
 */
int snap_objects_get(struct snap_objects *os, const struct snapshot_object *from,
		     struct snap_object **ret);
void snap_objects_done(struct snap_objects *os);

/* A number that no other object has or had, also when it is loaded again. */
uint64_t snap_object_serial(const struct snap_object *o);

/* The ELF address of an offset in the file: 0 and *@ret, or -ENOENT. */
int snap_object_vaddr(const struct snap_object *o, uint64_t file_off, uint64_t *ret);

/* Whether @vaddr is in the code at the entry point, which has no caller. */
bool snap_object_is_entry(const struct snap_object *o, uint64_t vaddr);

/* Whether the function at ELF address @vaddr is what a stack made by hand ends at (stackend.h). */
bool snap_object_ends_stack(struct snap_objects *os, struct snap_object *o, uint64_t vaddr);

/* Copies @n bytes of the file. 0, -EBADMSG beyond its end, -errno. */
int snap_object_read(struct snap_objects *os, struct snap_object *o, uint64_t file_off, void *buf,
		     size_t n);

/*
 * The entry of the function at ELF address @vaddr. 0 and *@ret, which borrows until the next find;
 * -ENODATA when there is none, -EBADMSG, -ENOTSUP, -ENOMEM, -errno of reading.
 */
int snap_object_find(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
		     struct cfi_entry *ret);
