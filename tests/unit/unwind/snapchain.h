/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of calls through functions without frame pointers, whose addresses are known. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SNAPCHAIN_MAX 8

/* Filled by the chain: the return addresses of its functions, innermost first. */
struct snapchain {
	void (*at_end)(struct snapchain *c); /* called by the innermost function */
	void *arg;
	uint64_t ret[SNAPCHAIN_MAX];
	size_t n;
};

/* Calls c->at_end through functions with frames of several kinds. */
void snapchain_call(struct snapchain *c);

/* Calls itself @depth times, then @fn. */
uint64_t snapchain_recurse(unsigned depth, void (*fn)(void *), void *arg);
