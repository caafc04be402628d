/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for one unpacked protobuf message at a time. protobuf-c allocates each part of a message
 * by itself; here that is moving a pointer, and forgetting the message is moving it back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

struct pbarena {
	ProtobufCAllocator allocator; /* what to give to unpack functions */
	struct pbarena_block *blocks; /* newest first; only the oldest survives a reset */
	bool failed;		      /* memory ran out since the last reset */
};

/* @a must not move until pbarena_done(). */
void pbarena_init(struct pbarena *a);

/* Forgets everything that was allocated; keeps one block for what comes. */
void pbarena_reset(struct pbarena *a);

void pbarena_done(struct pbarena *a);
