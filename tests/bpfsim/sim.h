/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The sampler on the fake kernel: its programs and knobs, and what user space does with its maps.
 */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "counters.h"
#include "fake_kernel.h"
#include "wire.h"

/* The globals of the programs, here without their `const`. */
extern volatile struct wire_config config;
extern volatile struct wire_pidns pidns;
extern volatile __u32 active_set, targets_born, n_containers;
extern volatile __u32 spaces_version[WIRE_SPACE_SLOTS];
extern volatile __u32 newtask_pid_off, newtask_clone_flags_off;

/* Sizes of the maps; 0 = roomy. */
struct sim_sizes {
	uint32_t buckets_per_cpu, kernel_buckets, blocks_per_cpu, ring_bytes, targets, known;
	uint32_t spaces, areas, tables, pages;
};

#define SIM_SELF 1000 /* our own process */

/* Creates the maps and sets every knob to its default, but user stacks are the kernel's. */
void sim_start(const struct sim_sizes *sizes);

/* For tests with roomy maps, and for all of them at the end. */
void sim_init(void);
void sim_done(void);

/* The current task: named after its numbers, in user mode on CPU 0, with stacks of 3 frames. */
void sim_task(uint32_t tgid, uint32_t tid);

/* Stacks of @n frames that differ in all frames from those of other @which. */
void sim_user_stack(unsigned which, int n);
void sim_kernel_stack(unsigned which, int n);

/* A tick of event @event that interrupts the current task in user or kernel mode. */
void sim_tick_event(unsigned event, bool in_user);
void sim_tick(bool in_user);

/* A counter, over all CPUs. */
uint64_t sim_counter(enum counter c);

/* Rows of a set, and one of them: CPU by CPU, those of each in the order in which they came. */
size_t sim_rows(unsigned set);
const struct wire_row *sim_row(unsigned set, size_t i);

/* Block @i of a set, as they are numbered from CPU to CPU. */
struct wire_block *sim_block(unsigned set, uint32_t i);

/* The kernel stack of a row, 0-terminated unless it is WIRE_KERNEL_FRAMES long. */
const uint64_t *sim_row_kernel(unsigned set, const struct wire_key *key);

/* Records of @type in the ring, and the @i-th of them. */
size_t sim_records(enum wire_type type);
const void *sim_record(enum wire_type type, size_t i, size_t *ret_size);

/* Samples of all rows of both sets. */
uint64_t sim_samples_in_rows(void);

/* What the collector does at a drain: the other set becomes active, the old one is emptied. */
void sim_swap(void);
void sim_empty(unsigned set);

/* ticks == rows + ring (samples, snapshots, both) + idle + filtered + lost. */
void sim_expect_account(void);

/* The name of a map of a set: "arena", 1 → "arena_1". */
const char *sim_map_name(const char *base, unsigned set);
