/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that run or were sampled: which program had which number when, what code was where
 * in its address space. It is told of events as they happen (procevents.h), and reads /proc of what
 * was there before it. From an address of a process to a place in an object.
 *
 * A process here is the life of one program: execve(2) ends it and begins another one of the same
 * number. What ended is kept until nothing more can come that was sampled before its end. Files are
 * opened when a wanted program starts or the first sample comes: all else costs its table of areas
 * only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "aspace.h"
#include "hindex.h"
#include "identity.h"
#include "jittab.h"
#include "maplater.h"
#include "objtab.h"
#include "wire.h"

#define PROCTAB_NO_MAPPING ASPACE_NO_MAPPING
#define PROCTAB_MAX_AREAS  65536 /* of one process */

struct containers;
struct targets;

struct process {
	uint32_t tgid;
	uint64_t since_ns, until_ns; /* CLOCK_MONOTONIC; until UINT64_MAX while it lives */
	uint64_t exited_ns;	     /* its first thread has exited; 0 = it has not */
	bool known;		     /* its areas are: they were read, or it began in our sight */
	bool wanted;		     /* it was named, or is a child of one that was */
	uint8_t holds;		     /* of what targets ask for: WIRE_JUDGED */
	bool seen;		     /* it was sampled, or is wanted: its files are open */
	bool by_exec, to_exec;	     /* it began, or ended, with execve(2) */
	bool doubtful;		     /* events were missed: its maps are to be read again */
	bool gone;		 /* its maps could not be read: it has exited, or we may not look */
	uint32_t task;		 /* whom /proc is asked about: a live thread; 0 = the first one */
	uint32_t window;	 /* last window with a sample, for eviction */
	uint32_t exe;		 /* mapping of its program, or PROCTAB_NO_MAPPING */
	uint64_t exe_addr;	 /* address of that; 0 = not known yet */
	bool changed;		 /* the areas did, and the sampler does not know yet */
	bool waiting;		 /* some of its unwind tables are being built */
	bool restless;		 /* it puts code in the place of other code */
	uint64_t restless_ns;	 /* since then */
	uint32_t replaced;	 /* window in which it did last */
	struct wire_space space; /* its areas in the sampler's memory */
	uint64_t placed_ns;	 /* since when they are there; 0 = they never were */
	uint32_t scanned;	 /* window in which the maps were read last */
	uint64_t scan_after_ns;	 /* they are not read before: so much of our time they may take */
	uint64_t read_ns;	 /* CLOCK_MONOTONIC just before they were read; 0 = never */
	uint32_t forked_from; /* number of its parent, 0 = not known; of one that began with fork(2)
			       */
	uint32_t jit;	      /* in the table of processes that make code, or JITTAB_NONE */
	size_t scans;	      /* of the maps in this window */
	size_t files;	      /* that were new, and were opened for it, in this window */
	bool files_late;      /* there are more */
	struct identity id;   /* who it is */
	size_t map_work;      /* areas looked at for events of this window */
	char comm[WIRE_COMM + 1]; /* of the process, not of one of its threads */
	struct aspace *as;	  /* a reference; NULL = there is none yet */
};

/* What cannot be seen in the samples. */
struct proctab_counts {
	uint64_t events_lost; /* the kernel's words of processes that found no room */
	uint64_t rescans;     /* maps that were read again for that */
	uint64_t files_late;  /* processes that mapped so many new files that some had to wait */
	uint64_t scans_late;  /* maps that were so long that nobody waited for them */
};

struct proctab {
	struct objtab *objects; /* borrowed */
	struct jittab *jits; /* borrowed; NULL = nobody asks for names of code made at run time */
	struct cgrouptab *cgroups; /* borrowed; told of new groups; NULL = nobody asks for them */
	ARRAY(struct process) procs;
	struct hindex index; /* by tgid */
	uint32_t window;
	uint64_t told_ns; /* the kernel's word of all that happened before is in the table */
	bool all_wanted;  /* every process is, as if it were named */
	bool no_inherit;  /* children of those that were named are not wanted */
	struct containers *containers; /* is told of new cgroups; borrowed, NULL = nobody asks */
	const struct targets *targets; /* what else has to hold of one; borrowed, NULL = nothing */
	bool any_changed; /* some process has `changed` set, since this was cleared last */
	bool any_to_drop; /* some process has ended, or may have */
	size_t max_procs; /* more are forgotten, those without samples longest first */
	struct proctab_counts counts;
	struct maplater later;
	void (*on_forget)(void *ctx, struct process *p); /* before each ends or is forgotten; NULL =
							    nobody is told */
	/* Something more of what is asked for holds of a process; NULL as before. */
	void (*on_holds)(void *ctx, const struct process *p);
	void *forget_ctx; /* of both */
};

void proctab_init(struct proctab *t, struct objtab *objects, size_t max_procs);
void proctab_done(struct proctab *t);

/*
 * The process that had number @tgid at @time_ns, of which there is a sample; read from /proc if it
 * is not known. Borrowed until the next call that may add one. NULL = out of memory.
 */
struct process *proctab_get(struct proctab *t, uint32_t tgid, uint64_t time_ns);

/* The same without a sample, or before it is known whether that is wanted: no files are opened. */
struct process *proctab_know(struct proctab *t, uint32_t tgid, uint64_t time_ns);

/* What is asked for and does not hold of @p: WIRE_JUDGED. */
uint8_t proctab_lacks(const struct proctab *t, const struct process *p);

/* Looks at what holds of @p now. */
void proctab_judge(struct proctab *t, struct process *p);

/* Whether @p will be sampled, as far as one can tell. */
bool proctab_expects(const struct proctab *t, const struct process *p);

/* The same if it is in the table, else NULL; without a sample. */
struct process *proctab_find(struct proctab *t, uint32_t tgid, uint64_t time_ns);

/* Reads what /proc knows of all processes, of half as many as there is room for at most. */
void proctab_scan_all(struct proctab *t);

/* A new one that lives from @since_ns, or from the end of the last one of that number if that is
 * later; borrowed likewise. NULL = out of memory. */
struct process *proctab_add(struct proctab *t, uint32_t tgid, uint64_t since_ns);

/* @p lived until @time_ns. */
void proctab_end(struct proctab *t, struct process *p, uint64_t time_ns);

/* Takes the maps that were so long that a thread read them, if there are some by now. */
void proctab_take_late(struct proctab *t);

/* Reads the maps of @p again, now, if it lives and it is not too soon: 0 or -ENOMEM. */
int proctab_rescan(struct proctab *t, struct process *p);

/* Opens what @p has mapped and nobody looked at yet: 0 or -ENOMEM. */
int proctab_resolve(struct proctab *t, struct process *p);

/* @n events were missed, of whatever processes: all maps are read again before they are used. */
void proctab_doubt(struct proctab *t, uint64_t n);

/*
 * Ends a window: every sample from before @drained_ns has come. Forgets what ended before then, and
 * what is over the limit.
 */
void proctab_tick(struct proctab *t, uint64_t drained_ns);

/*
 * Finds where @addr was in @p at @time_ns, reading its maps again (once a window) when no mapping
 * holds it. The mapping's number (>= 0) and in *@ret the address that the place has in that
 * mapping; -ENOENT when there is none, -ESRCH when the process could not be looked at, -ENOMEM.
 */
int64_t proctab_place(struct proctab *t, struct process *p, uint64_t addr, uint64_t time_ns,
		      uint64_t *ret);
