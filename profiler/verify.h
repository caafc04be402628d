/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the sampler unwinds user stacks as libunwind does: of each stack that was taken both
 * ways, the frames on which they agree, and where they part. A tally, nothing is read or written
 * here.
 *
 * The leaf is not compared, for both have it from the registers: a stack of n frames has n - 1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "strtab.h"
#include "trace.h"

struct objtab;
struct process;

/* A user stack: addresses of calls, leaf first, and enum wire_end. */
struct verify_stack {
	const uint64_t *addr;
	size_t n;
	uint8_t end;
};

enum verify_kind {
	VERIFY_AGREE,	    /* the same frames and the same end */
	VERIFY_OTHER_FRAME, /* two different callers of one frame */
	VERIFY_WALK_CUT,    /* the sampler's walk ends, libunwind goes on */
	VERIFY_UNWIND_CUT,  /* libunwind ends, the sampler's walk goes on */
	VERIFY_OTHER_END,   /* the same frames, and two reasons why they end */
	VERIFY_LEFT,	    /* the walk ends where a snapshot stands in: no disagreement */
	VERIFY_SHORT,	    /* so does the copy of the stack: compared as far as it reaches */
	VERIFY_GONE,	    /* the mappings of then are not known any more */
	VERIFY_KINDS,
};

/* What a comparison of two stacks found. */
struct verify_outcome {
	enum verify_kind kind;
	size_t common;		   /* frames from the leaf on that are the same */
	size_t compared, agreeing; /* frames without the leaf */
	bool whole;		   /* the same frames up to the root */
};

/* Compares what the sampler @walked with what libunwind has @unwound from the same registers. */
struct verify_outcome verify_compare(const struct verify_stack *walked,
				     const struct verify_stack *unwound);

/* A place in a file. */
struct verify_place {
	uint32_t object; /* in verify.names, 0 = no mapping */
	uint64_t offset; /* in the file; the address when there is none */
};

/* Disagreements of one kind behind code of one object, and an example of them. */
struct verify_class {
	enum verify_kind kind;
	uint8_t walk_end, unwind_end; /* enum wire_end */
	uint64_t stacks, frames;      /* frames that did not agree */
	uint32_t tgid;
	char comm[WIRE_COMM + 1];
	struct verify_place last, walked, unwound; /* the last common frame; each one's next */
	bool has_walked, has_unwound;
};

/* All stacks of one program. */
struct verify_program {
	uint32_t name; /* in verify.names */
	uint64_t stacks, whole, compared, agreeing;
};

#define VERIFY_MAX_PROGRAMS 512 /* further ones are counted together, */
#define VERIFY_MAX_CLASSES  512 /* and so are further classes */

struct verify {
	struct strtab names;
	ARRAY(struct verify_program) programs;
	ARRAY(struct verify_class) classes;
	struct verify_program total;
	uint64_t unlisted; /* disagreements without a class: too many, or no memory */
};

/* 0 or -ENOMEM. Release with verify_done() in every case. */
int verify_init(struct verify *v);
void verify_done(struct verify *v);

/*
 * Counts a sample of @proc: @t has the stack that the sampler walked, @unwound is libunwind's. Both
 * @proc and @objects are only looked at. Out of memory costs names and classes, no numbers.
 */
void verify_add(struct verify *v, const struct objtab *objects, const struct process *proc,
		const struct trace *t, const struct verify_stack *unwound);

/* Most samples first; classes: disagreements before what is none. */
void verify_sort(struct verify *v);

/* Whether at least 999 of 1000 frames agree, and there were any. */
bool verify_passes(const struct verify *v);
