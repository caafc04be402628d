/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What sim.c needs of the compiled programs: their maps have no types outside of their own file. */
#pragma once

#include <stdbool.h>

#include <linux/types.h>

struct sim_sizes;
struct bpf_perf_event_data;
struct bpf_raw_tracepoint_args;

#define SIM_PERIOD	10101010 /* sample_period of every tick */
#define SIM_STACK_BYTES 16384	 /* of the kernel's stacks */

void sampler_sim_add_maps(const struct sim_sizes *sizes);
int sampler_sim_tick(unsigned event, bool in_user);

/* Subprograms that the verifier checks by themselves. */
__u32 find_rule(__u32 start, __u32 span, __u32 index, __u32 rows_at, __u32 pc);
__u32 find_area(__u32 first, __u32 n, __u64 addr);
int find_fault(__u64 from, __u32 off);
int read_block(__u64 addr);
int find_known_rule(__u64 key);
int walk_rare(__u64 at);
int change_area(__u64 at);
int walk_frames(void);
int add_row(__u32 set, __u32 hash, __u32 at);
int count_tick(__u32 set);
__u64 hash_stack(__u32 n);
__u32 number_inside(__u64 pid);
__u64 id_inside(void);
__u64 old_page(__u64 fault, __u64 page);
int copy_page(__u64 addr, __u32 n);
int copy_stack(__u64 from);
int is_frame(__u64 at);
__u64 find_among(__u32 off, __u32 end);
int copy_other(__u64 from, __u32 n);

int follow_newtask(void *ctx);
int follow_newtask_inside(struct bpf_raw_tracepoint_args *ctx);
int follow_exit(void *ctx);
int forget_at_exec(void *ctx);
int forget_at_exit(void *ctx);

int sample_0(struct bpf_perf_event_data *ctx);
int sample_1(struct bpf_perf_event_data *ctx);
int sample_2(struct bpf_perf_event_data *ctx);
int sample_3(struct bpf_perf_event_data *ctx);
int sample_4(struct bpf_perf_event_data *ctx);
int sample_5(struct bpf_perf_event_data *ctx);
int sample_6(struct bpf_perf_event_data *ctx);
int sample_7(struct bpf_perf_event_data *ctx);
