/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until no BPF program that was running is running any more. */
#pragma once

struct grace {
	int outer_fd, inner_fd;
};

/* 0 or -errno of creating two tiny maps. */
int grace_init(struct grace *g);
void grace_done(struct grace *g);

/*
 * Returns after an RCU grace period. Replacing an element of a map of maps is the one operation for
 * which the kernel promises to wait for running programs (maybe_wait_bpf_programs() in
 * kernel/bpf/syscall.c, made for swapping buffers as we do); membarrier(2) refuses on nohz_full
 * hosts. 0 or -errno.
 */
int grace_wait(const struct grace *g);
