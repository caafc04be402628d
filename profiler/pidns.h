/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PID namespace that wick is in. The kernel side sees the machine's numbers of processes;
 * everything else - /proc, fork(2), perf's records of processes, the command line - those of the
 * namespace. So the kernel side is told which one it is.
 */
#pragma once

#include <stdint.h>

#include "wire.h"

struct err;

enum pidns_kind {
	PIDNS_MACHINE,	    /* all processes have numbers in it, and these are the kernel's own */
	PIDNS_OWN,	    /* only some of the machine's processes are in it */
	PIDNS_OF_PARENTS,   /* what it starts, threads included, has to be in another one */
	PIDNS_FOREIGN_PROC, /* /proc is not there or shows another one: nobody can be told */
};

/* Judges by where /proc/self, /proc/self/ns/pid and …/pid_for_children point to, NULL = nowhere.
 * @ret_inum: the number of the namespace, if it is PIDNS_OWN; else 0. */
enum pidns_kind pidns_judge(const char *self, const char *ns, const char *children,
			    uint32_t *ret_inum);

/* The number of the namespace, 0 where it is the machine's. 0, or -errno with a sentence for the two
 * kinds in which nothing can be recorded. */
int pidns_find(uint32_t *ret_inum, struct err *e);

struct pidns {
	uint32_t inum; /* as pidns_find() */
	struct wire_pidns layout;
};

/* pidns_find(), and where the kernel keeps the numbers. 0, or -errno with a sentence. */
int pidns_layout(struct pidns *ret, struct err *e);
