/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the maps of one process at a time on a thread of its own: of a process with a million areas
 * that takes a second or two, in which nobody else should have to wait.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct aspace;

struct maplater {
	bool busy; /* there is a thread; what follows is its until `done` */
	pthread_t thread;
	atomic_bool done, stop;
	uint32_t tgid, task;
	uint64_t asked_ns, took_ns; /* CLOCK_MONOTONIC, CPU time */
	struct aspace *as;
	int result;
};

/* Begins with the maps of @tgid, as its thread @task has them (0 = the first one): 0, -EBUSY while it is at some already, or -errno. */
int maplater_ask(struct maplater *m, uint32_t tgid, uint32_t task);

/* Whether a reading has ended; then `tgid`, `asked_ns` and `took_ns` are of that, and *@ret is what
 * aspace_read() made, or NULL when it failed. */
bool maplater_take(struct maplater *m, struct aspace **ret);

/* Ends what is under way. */
void maplater_done(struct maplater *m);
