/* SPDX-License-Identifier: Apache-2.0 */
/* Takes snapshots of processes, as the kernel side would, and describes their address spaces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "array.h"
#include "snapshot.h"

struct snapprocess {
	pid_t pid;
	ARRAY(struct snapshot_area) areas; /* executable ones */
	ARRAY(int) fds;
	uint8_t *vdso;
	struct snapshot snap;
	uint8_t *stack; /* what snap.stack borrows */
};

/* Reads the mappings of @pid, or of this process for 0. */
int snapprocess_open(pid_t pid, struct snapprocess *ret);
void snapprocess_done(struct snapprocess *p);

struct snapshot_space snapprocess_space(const struct snapprocess *p);

/* Takes registers and up to @max bytes of the stack of a process that is stopped under ptrace, from
 * @below bytes below the red zone. */
int snapprocess_take(struct snapprocess *p, size_t below, size_t max);

/* Takes them of the caller: up to @max bytes from its frame upwards. Not to be inlined. */
int snapprocess_take_self(struct snapprocess *p, size_t max);
