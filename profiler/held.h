/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples of programs that are just beginning: within execve(2) the task has the name of the next program
 * already, but nothing of it is mapped yet, so nobody can say which file it is. They wait for the
 * kernel's word of the first mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "array.h"
#include "trace.h"

/* More are not held: some 300 KB, and several for each CPU of a machine with a hundred. */
#define HELD_MAX 256

struct held_sample {
	struct trace t; /* without a user stack */
	uint64_t kernel[WIRE_KERNEL_FRAMES];
};

struct held {
	ARRAY(struct held_sample) samples; /* in the order in which they came */
};

/* Keeps @t, but for its user stack: that is the one of the program before, and gone. False when there is
 * no room or no memory. */
bool held_add(struct held *h, const struct trace *t);

/* Whether a held one is to stay; @t as held_add() got it. */
typedef bool held_look(void *ctx, const struct trace *t);

/* Shows each of them to @look, and keeps those that it wants to. It may not add any. */
void held_each(struct held *h, held_look *look, void *ctx);
void held_done(struct held *h);
