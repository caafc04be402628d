/* SPDX-License-Identifier: Apache-2.0 */
/* What sampler.c (loading and setting up) and drain.c (reading) share: nobody else includes this.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "grace.h"
#include "residency.h"
#include "sampler.h"
#include "wire.h"

struct ring_buffer;
struct sampler_bpf;

/* One of the two sets of maps as user space sees it. */
struct set {
	uint32_t number;
	int kernel_stacks_fd;
	/* Kernel stacks that were read already: a stack-trace map never changes an id that it gave
	 * out, so each is read once until the map is emptied. NULL = not yet. */
	struct kernel_stack {
		uint32_t n;
		uint64_t addr[];
	} * *kernel_stacks;
	size_t n_kernel_stacks;
};

struct sampler {
	struct sampler_callbacks cb;
	struct sampler_bpf *skel;
	struct ring_buffer *ring;
	struct grace grace;
	struct set sets[WIRE_SETS];
	struct wire_block *arena;    /* mmap of the blocks of both sets … */
	struct wire_bucket *buckets; /* … and of the places of rows in them */
	size_t blocks_per_cpu, buckets_per_cpu, kernel_buckets;
	const uint64_t *ring_read, *ring_written; /* positions in the ring, in bytes; mapped */
	size_t to_read;			     /* bytes of the ring that may be read in this go */
	int n_cpus;			     /* possible CPUs */
	bool follows;			     /* children of targets */
	int follow_fds[2], lifecycle_fds[2]; /* -1 = none */
	/* mmap of rows, tables and areas */
	struct residency_memory unwind;
};

/* Forgets the kernel stacks that were read from @set. */
void sampler_forget_kernel_stacks(struct sampler *s, struct set *set);

/* Hands the rows of @set on, CPU by CPU, in the order in which they came, and empties it. */
void sampler_empty_arena(struct sampler *s, struct set *set);

/* libbpf's callback for each record of the ring; @ctx is the sampler. 0, or -EAGAIN when enough was
 * read. */
int sampler_on_record(void *ctx, void *data, size_t size);
