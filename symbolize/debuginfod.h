/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug files from servers (debuginfod), for who asked for it: it tells them which programs run
 * here, and may take long. The questions wait in a bounded queue, a thread of its own puts one
 * after another to libdebuginfod, and the answer is fetched later. The library is loaded at run
 * time and need not be installed; the servers and the folder of what was fetched are those that its
 * environment variables name (DEBUGINFOD_URLS, DEBUGINFOD_CACHE_PATH).
 *
 * Thread-safe. The lock is held for moments only, never while the network is waited for.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct debuginfod;

/* 0 = the default. */
struct debuginfod_opts {
	const char *library;   /* NULL = libdebuginfod.so.1 */
	unsigned timeout_ms;   /* without a byte of an answer, checked once a second; 5000. Some
				* versions   of the library let us look only while something comes:
				* total_ms, then */
	unsigned total_ms;     /* for one file that does come; 60000 */
	unsigned absent_ms;    /* "not there" is believed for so long; 600000 */
	unsigned max_waiting;  /* questions in the queue; 256 */
	unsigned max_known;    /* questions and answers kept in all, at least max_waiting; 2048 */
	unsigned max_failures; /* one after another, and no server is asked for absent_ms; 3 */
	uint64_t max_bytes;    /* of one file; 4 GiB */
};

struct debuginfod_stats {
	uint64_t asked;	    /* questions put to the servers */
	uint64_t found;	    /* of these: a debug file came */
	uint64_t absent;    /* no server has one */
	uint64_t timed_out; /* given up */
	uint64_t failed;    /* no server could be reached, too large, or not the file that was asked
			       for */
	uint64_t refused;   /* not asked: the queue was full */
	uint64_t skipped;   /* not asked: too many failed before */
	uint64_t
		late; /* somebody did without a file (debuginfod_note_late()) that came then, or may come */
	int error; /* of the first that failed: -errno, -EBADMSG when it is not what was asked for */
};

/*
 * Loads the library (some 10 ms) and starts the thread, with all signals blocked. 0 and *@ret (free
 * with debuginfod_free()), -EDESTADDRREQ when DEBUGINFOD_URLS names no server, -ENOSYS when the
 * library is not there or too old, -EINVAL, -ENOMEM, -errno of starting the thread.
 */
int debuginfod_new(struct debuginfod **ret, const struct debuginfod_opts *opts);

/*
 * Asks for the debug file of a build id (lowercase hex) or for the answer. Never blocks.
 * >= 0: a descriptor of the file (caller closes), which is a debug file of that build id, or one that such
 *       files have in common. It stays until its place in the table is needed: who asks may forget it.
 * -EINPROGRESS: the question waits or was put just now, ask again
 * -ENOENT: there is none, or the servers do not answer
 * -EAGAIN: the queue is full
 * -EINVAL: no build id
 */
int debuginfod_ask(struct debuginfod *d, const char *build_id);

/* Whether debuginfod_ask() would say nothing new of this build id: it would be -EINPROGRESS, of a question that
 * was put before, or -EAGAIN. */
bool debuginfod_is_busy(struct debuginfod *d, const char *build_id);

/* Notes that somebody did without the answer about @build_id, which has not come, or was not asked for because the
 * queue is full. */
void debuginfod_note_late(struct debuginfod *d, const char *build_id);

/* Waits until every question has its answer, at most @ms: 0, -ETIMEDOUT. */
int debuginfod_wait(struct debuginfod *d, unsigned ms);

struct debuginfod_stats debuginfod_stats(struct debuginfod *d);

/*
 * Cancels what is under way and waits for the thread, at most 2 seconds: where the library does not
 * let go by then, the thread ends on its own and frees @d then. NULL is accepted.
 */
void debuginfod_free(struct debuginfod *d);
