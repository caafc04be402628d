/* SPDX-License-Identifier: Apache-2.0 */
/* How all threads of wick are started. */
#pragma once

#include <pthread.h>

/*
 * As pthread_create(3) with no attributes, but the thread takes no signals, which are for those that
 * expect them, and begins on another CPU if the process may use one: Linux 6.18 begins one thread in
 * six on the CPU of the one that makes it, even if the only other one is idle, and there it waits for
 * the end of a time slice, which is 3 ms. From then on it may run on all CPUs that the calling thread
 * may. 0 and *@ret, or -errno.
 */
int thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg);
