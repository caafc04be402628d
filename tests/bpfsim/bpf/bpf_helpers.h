/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Stands in for libbpf's header of this name where the BPF programs are compiled as ordinary C: the
 * same macros, and the helpers as functions of fake_kernel.c. What the programs do not use is
 * missing.
 */
#pragma once

#include <linux/types.h>

#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline	 __attribute__((noinline))
/* Hides from the compiler where a value came from, as libbpf's does. */
#define barrier_var(var) asm volatile("" : "+r"(var))

void *bpf_map_lookup_elem(const void *map, const void *key);
long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(const void *map, const void *key);
long bpf_ringbuf_output(const void *map, const void *data, __u64 size, __u64 flags);
__u64 bpf_ringbuf_query(const void *map, __u64 flags);
long bpf_get_stack(void *ctx, void *buf, __u32 size, __u64 flags);
long bpf_get_stackid(void *ctx, const void *map, __u64 flags);
__u64 bpf_get_current_pid_tgid(void);
__u64 bpf_get_current_task(void);
__u64 bpf_get_current_uid_gid(void);
__u64 bpf_get_current_cgroup_id(void);
__u64 bpf_ktime_get_ns(void);
long bpf_get_current_comm(void *buf, __u32 size);
__u32 bpf_get_smp_processor_id(void);
long bpf_probe_read_kernel(void *dst, __u32 size, const void *src);
long bpf_probe_read_user(void *dst, __u32 size, const void *src);
long bpf_current_task_under_cgroup(const void *map, __u32 i);
