/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that are never called: their address is put at the end of a stack that was made by
 * hand, so that what runs there first returns to them (makecontext's __start_context in glibc). No
 * call precedes such an address, and there is nobody further up.
 *
 * Their unwind information does not say so. It says nothing at all, which means that they leave the
 * stack pointer alone, but that is what they do not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"

/* The lengths of function that come into question. */
#define STACK_END_MIN 16
#define STACK_END_MAX 128

/* Whether a function of @len bytes, whose FDE has the instructions @insns, may be one: then its
 * code is to be looked at. */
bool stack_end_may_be(struct bytes insns, uint64_t len);

/* Whether @code, of such a function, takes the stack pointer from a register. Machine code of
 * x86-64. */
bool stack_end_is(struct bytes code);
