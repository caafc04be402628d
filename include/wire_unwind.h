/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * How user space tells the sampler to unwind each process: which code lies where in an address
 * space, and which table of unwind rows (unwind_row.h) holds the rules for it.
 *
 *	tgid ─► spaces ─► areas[first … first + n)   sorted by address, found by binary search
 *	                    │ how: rows, frame pointer, …
 *	                    ▼ table
 *	                  tables ─► rows             shared by all processes that map the object
 *
 * `areas`, `tables` and `rows` are memory-mapped arrays that user space fills without system calls.
 * What is live is never changed in place: a space that changes gets new areas and its entry in
 * `spaces` is replaced; a table that goes gets another tag, which the areas naming it do not match.
 */
#pragma once

#include <linux/types.h>

#include "unwind_row.h"

/* How the code of an area is unwound. */
enum wire_how {
	WIRE_HOW_NONE,	  /* not at all: the stack ends here */
	WIRE_HOW_ROWS,	  /* by the table; where it has no rows, by the frame pointer */
	WIRE_HOW_POINTER, /* by the frame pointer: JIT code, objects without tables */
	WIRE_HOW_WAIT,	  /* its table is being loaded, or is too large for that */
};

/* Value of `areas`. */
struct wire_area {
	__u64 start, end; /* addresses */
	__u64 bias;	  /* address - bias = the table's pc */
	__u16 table;	  /* index into `tables` */
	__u16 tag;	  /* must be the table's */
	__u32 how;	  /* enum wire_how */
};
_Static_assert(sizeof(struct wire_area) == 32, "two areas a cache line");

/* Value of `spaces`, whose key is the tgid. */
struct wire_space {
	__u32 first, n; /* in `areas` */
	__u16 stale;	/* the sampler met code outside of them, and said so */
	/* The process replaces code at the same addresses: its areas may be out of date without a
	 * sign, and equal stacks not be the same. Each sample then travels by itself, with a
	 * snapshot if it may. */
	__u16 restless;
	__u64 as_of_ns; /* CLOCK_MONOTONIC: what the process had done before is in it */
};

/*
 * Value of `begun`: when a process last began a program with execve(2), or ended. A space that was
 * made of what was known before that is of the program before, however late it was put into
 * `spaces`. By tgid % WIRE_BEGUN: of two processes in one place the later one stays.
 */
#define WIRE_BEGUN 4096

struct wire_begun {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 tgid;    /* 0 = none yet */
	__u32 reserved;
};

/* Processes that share a number of how often their entries of `spaces` have changed. */
#define WIRE_SPACE_SLOTS 256
static inline __u32 wire_space_slot(__u32 tgid)
{
	return tgid & (WIRE_SPACE_SLOTS - 1);
}

/* Value of `tables`. */
struct wire_table {
	struct unwind_place place;
	__u32 tag; /* changes whenever the slot gets another table */
};
_Static_assert(sizeof(struct wire_table) == 24, "wire_table has no holes");

/* Value of `rows`. */
#define WIRE_PAGE_WORDS 1024
struct wire_page {
	__u32 word[WIRE_PAGE_WORDS];
};

/* Steps of a binary search that finds any area of a space. */
#define WIRE_SPACE_STEPS 20
#define WIRE_SPACE_AREAS (1 << 18) /* at most in one space */

/* Why a user stack ends where it does. */
enum wire_end {
	WIRE_END_NOT,	  /* not yet: goes on with the caller */
	WIRE_END_ROOT,	  /* nobody called: _start, clone, … */
	WIRE_END_ABSENT,  /* there is no user stack: a kernel thread, or none was wanted */
	WIRE_END_UNKNOWN, /* a frame-pointer walk, which cannot tell a root from a broken chain */
	WIRE_END_DEPTH,	  /* as many frames as are kept; the stack goes on */
	WIRE_END_MAPPING, /* the code is in no known mapping */
	WIRE_END_NO_INFO, /* the code has no unwind information, nor a frame pointer that makes
			     sense */
	WIRE_END_READ,	  /* the stack's memory could not be read */
	WIRE_END_RULE,	  /* the rule for this code cannot be evaluated in the kernel */
	WIRE_END_LOADING, /* the unwind information is still being loaded */
	WIRE_END_LOOP,	  /* the next frame would not be further up */
	WIRE_END_REGS,	  /* the user registers could not be found */
	WIRE_END_SHORT,	  /* the stack goes on beyond the part that a snapshot holds */
	WIRE_END_MAX,
};
