/* SPDX-License-Identifier: Apache-2.0 */
/* Tracepoints that tell the sampler of new and ended threads of the processes it follows. */
#pragma once

#include <stdint.h>

struct err;

/* What the kernel's tracefs says of the tracepoints. */
struct follow_layout {
	uint32_t newtask_id, exit_id; /* for perf_event_open(2) */
	uint32_t newtask_pid_off;     /* offsets in the record of task:task_newtask */
	uint32_t newtask_clone_flags_off;
};

/*
 * Reads the layout from tracefs, through a mount of our own that nobody else sees where it is not
 * mounted. 0, or -errno with a sentence.
 */
int follow_layout_read(struct follow_layout *ret, struct err *e);

/* Finds `field:… NAME;` in the text of a format file and its offset: 0, or -EBADMSG. */
int follow_field_offset(const char *format, const char *name, uint32_t *ret);

/* Attaches @prog_fd to tracepoint @id on all CPUs: the perf event (close it to detach) or -errno.
 */
int follow_attach(uint32_t id, int prog_fd);
