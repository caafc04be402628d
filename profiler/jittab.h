/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that make code at run time, and the files in which they say what it is called: the perf
 * map /tmp/perf-PID.map, found by its name below the root of the process and under the number that
 * it has in its own pid namespace, and the jitdump jit-PID.dump, found by its mapping.
 *
 * Files are opened while the process is there and are held until its places are named. One address
 * is other code at another time, so a place belongs to an epoch of its process: between two epochs
 * the files have grown. Thus a place is one as long as nothing new was made, and what was in the
 * files by the end of an epoch is what was known of its samples.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "array.h"
#include "symbolize.h"

struct objtab;

#define JITTAB_NONE	  UINT32_MAX
#define JITTAB_MAX	  65536 /* processes */
#define JITTAB_MAX_EPOCHS 4096	/* of a process; later ones are one */

/* The order in which they are asked. */
enum jit_source {
	JIT_DUMP,
	JIT_MAP,
	JIT_PARENT_MAP, /* of the process whose memory it began with: code that it was born with */
	JIT_SOURCES,
};
_Static_assert((int)JIT_SOURCES == (int)SYM_JIT_FILES, "each source is a file of a request");

struct jit_process {
	uint32_t tgid, ns_tgid;	      /* ns_tgid: in the innermost pid namespace */
	uint32_t parent;	      /* number of that, or JITTAB_NONE */
	uid_t uids[4];		      /* who may have written its perf map, beside root */
	int tmp_fd, map_fd;	      /* its /tmp, while map_fd is -1; -1 = none */
	uint32_t dump;		      /* object of its jitdump, or JITTAB_NONE */
	uint64_t tried_ns, looked_ns; /* CLOCK_MONOTONIC: map opened last, sizes looked at last */
	uint32_t window;	      /* of that */
	bool used;		      /* there are places of it */
	bool free;		      /* the entry is nobody's */
	ARRAY(struct sym_jit_when) epochs; /* bytes are by enum jit_source */
};

struct jittab {
	struct objtab
		*objects; /* borrowed: jitdumps are among them, and the budget of open files */
	ARRAY(struct jit_process) procs;
	uint32_t window;
	uint32_t last_free; /* where to look for a free entry first */
	size_t refused;	    /* processes without a perf map because too many files are open */
};

void jittab_init(struct jittab *t, struct objtab *objects);
void jittab_done(struct jittab *t);

/*
 * An entry for process @tgid, which runs or ran a moment ago; @parent is the entry of the process
 * that it was forked from, or JITTAB_NONE. Its number, or JITTAB_NONE when there is no room.
 */
uint32_t jittab_add(struct jittab *t, uint32_t tgid, uint32_t parent);

/* The number in "…/jit-NUMBER.dump", the name of a jitdump; 0 = it is none. */
uint32_t jittab_dump_number(const char *path);

/* @object of the object table, with @number in its name, is mapped by the process. */
void jittab_set_dump(struct jittab *t, uint32_t process, uint32_t object, uint32_t number);

/* What is handed in from here on is about a later time. */
void jittab_next_window(struct jittab *t);

/* The epoch of a sample of @process at @time_ns that will have a place; JITTAB_NONE = no memory. */
uint32_t jittab_epoch(struct jittab *t, uint32_t process, uint64_t time_ns);

/* The process is over and nothing more comes of it: an entry without places is freed. */
void jittab_end(struct jittab *t, uint32_t process);

/* Looks for files that were not there yet, before places are named. */
void jittab_settle(struct jittab *t);

/*
 * Files of @process for a request; `when` is the caller's to set. @ret_sources says for each which
 * of the bytes of an epoch are its own.
 */
void jittab_files(const struct jittab *t, uint32_t process, struct sym_jit *ret,
		  enum jit_source ret_sources[SYM_JIT_FILES]);

/* Bytes in use. */
size_t jittab_bytes(const struct jittab *t);
