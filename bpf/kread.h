/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the kernel's own structures, at offsets that user space has found. */
#pragma once

#include <linux/types.h>

#include <bpf/bpf_helpers.h>

/* The word at @at of the kernel's memory: 0 or -1. */
static __always_inline int read_kernel_word(__u64 at, __u64 *ret)
{
	return bpf_probe_read_kernel(ret, sizeof(*ret), (void *)at) ? -1 : 0;
}

/* The number of 32 bits there: 0 or -1. */
static __always_inline int read_kernel_number(__u64 at, __u32 *ret)
{
	return bpf_probe_read_kernel(ret, sizeof(*ret), (void *)at) ? -1 : 0;
}
