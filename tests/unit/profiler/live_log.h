/* SPDX-License-Identifier: Apache-2.0 */
/* A log of what the running kernel tells of processes, for tests that look into it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "array.h"
#include "sideband.h"

#define LIVE_LARGE_RING (4u << 20) /* room for what other tests do meanwhile */

/* What perf_event_open(2) is to refuse: a kernel that knows less, or a lack of something. */
extern struct live_refused {
	bool build_id, format_lost, descriptor;
} live_refused;

enum live_kind { LIVE_MMAP, LIVE_COMM, LIVE_EXEC, LIVE_FORK, LIVE_EXIT };

struct live_record {
	enum live_kind kind;
	uint64_t time_ns;
	uint32_t tgid, tid, parent_tgid;
	struct sideband_mmap mmap; /* its pointers are not valid */
	uint8_t build_id[SIDEBAND_BUILD_ID_MAX];
	char text[256]; /* name or comm */
};

/* Everything delivered so far. */
extern struct live_log {
	ARRAY(struct live_record) all;
	size_t cursor; /* live_expect() goes on here */
	uint64_t lost;
} live_log;

/* Callbacks that write to live_log. */
extern const struct sideband_callbacks live_callbacks;

/* Starts with rings of that size, or skips the test where that is not allowed. */
struct sideband *live_start(size_t ring_bytes);

/* Counters agree with the log, the log is in order; skips the test if a CPU came or went. */
void live_expect_sound(struct sideband *s);

/* The next record of that thread, kind and text (NULL = any), after the one found before. */
const struct live_record *live_expect(enum live_kind kind, pid_t tgid, pid_t tid, const char *text);

/* How many births and deaths of this process's children are in the log. */
uint64_t live_count_children(void);

/* Has a child that does nothing. */
void live_fork_and_wait(void);

/* waitpid(2) of a child that fork(2) gave. */
void live_wait(pid_t pid, int *ret_status);
