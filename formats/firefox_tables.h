/* SPDX-License-Identifier: Apache-2.0 */
/* What firefox_write() makes of a profile before it writes: frames, stacks and threads, each once.
 */
#pragma once

#include <stdint.h>

#include "array.h"
#include "frames.h"

/* Index into the categories of the file. */
enum firefox_category { CATEGORY_OTHER, CATEGORY_USER, CATEGORY_KERNEL, CATEGORY_JIT };

struct firefox_frame {
	uint32_t function; /* of frames.functions */
	int64_t line, column;
	uint32_t inline_depth;
};

struct firefox_stack {
	uint32_t frame;
	uint32_t prefix; /* PROFILE_NONE: the frame is a root */
};

struct firefox_thread {
	int64_t pid, tid;	    /* 0 when not known */
	uint32_t comm, thread_comm; /* strings of the profile, 0 = unknown */
	size_t first, n;	    /* of rows */
};

/* A library: its path, and the name to show. */
struct firefox_object {
	uint32_t path, name; /* strings of frames.text */
};

/* A sample in its thread. */
struct firefox_row {
	uint32_t thread, sample;
	uint32_t stack;	 /* PROFILE_NONE: it has no frames */
	int64_t time_ns; /* since the first of all */
};

struct firefox_tables {
	const struct profile *p;
	size_t type;
	struct frames frames;
	ARRAY(struct firefox_frame) list;
	struct hindex list_index;
	ARRAY(struct firefox_stack) stacks;
	struct hindex stack_index;
	ARRAY(struct firefox_thread) threads;
	struct hindex thread_index;
	ARRAY(struct firefox_row) rows; /* by thread and time */
	ARRAY(struct firefox_object) objects;
	uint32_t *object_of; /* of each string of frames.text: its library, PROFILE_NONE */
	int64_t step_ns;     /* from one sample to the next */
	size_t cpu_type;     /* the sample type cpu/nanoseconds, SIZE_MAX when there is none */
};

/* 0, -ENOMEM, -E2BIG; firefox_tables_done() in every case. */
int firefox_tables_init(struct firefox_tables *t, const struct profile *p, size_t type);
void firefox_tables_done(struct firefox_tables *t);

enum firefox_category firefox_category(const struct firefox_tables *t, uint32_t function);
