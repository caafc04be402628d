/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recording: every stage between the tick and the profile, in order. pipeline.c is the one file
 * that names them all. Single-threaded: all calls come from the thread that made it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpuset.h"
#include "event.h"
#include "sampler.h"
#include "tally.h"

struct err;
struct profile;
struct targets;
struct verify;

struct pipeline_opts {
	struct sampler_opts sampler; /* events, filters, window */
	unsigned freq_hz;	     /* 0 = use period */
	uint64_t period;
	/* Those that sampler.judged names, described; NULL = everybody. Borrowed by the pipeline.
	 */
	const struct targets *targets;
	const struct cpuset *cpus; /* NULL = all; borrowed during pipeline_new() */
	size_t max_bytes;	   /* for distinct stacks; 0 = 512 MiB */
	uint32_t split_mask; /* labels that split the counts (labels.h); 0 = those of threads */
	bool timed;	     /* by time, too, more coarsely when that takes much memory */
	/* Environment variables whose values become labels; borrowed until pipeline_free(). */
	const char *const *label_env;
	size_t n_label_env;
	bool no_inlines; /* inlined functions are not named */
	bool debuginfod; /* servers are asked for debug files; the profile waits for them, 5 s at
			    most */
	/* Where the samples of sampler.verify_per_cpu are compared; borrowed. */
	struct verify *verify;
};

struct pipeline;

/* Sets everything up; nothing is sampled yet. 0 and *@ret, or -errno with a sentence. */
int pipeline_new(struct pipeline **ret, const struct pipeline_opts *o, struct err *e);
void pipeline_free(struct pipeline *p);

/* Adds a process that has not run yet to the targets (sampler_opts.command). 0 or -errno. */
int pipeline_add_target(struct pipeline *p, uint32_t pid);

/* Takes one of sampler_opts.tgids, which has ended, out of the targets. */
void pipeline_drop_target(struct pipeline *p, uint32_t pid);

/* Cgroups (v2) of containers that were asked for and have been there. */
size_t pipeline_containers(const struct pipeline *p);

/* Starts and stops the ticking. */
int pipeline_start(struct pipeline *p, struct err *e);
void pipeline_stop(struct pipeline *p);

/* Readable when pipeline_read() should be called before the window ends. */
int pipeline_poll_fd(const struct pipeline *p);

/* Reads the ring; drains when the sampler asks for it. 0 or -errno. */
int pipeline_read(struct pipeline *p);

/* Readable when processes did something that pipeline_read_processes() should be told of; -1 = the
 * kernel does not tell. */
int pipeline_processes_fd(const struct pipeline *p);
void pipeline_read_processes(struct pipeline *p);

/* Readable when unwind tables are ready to be installed; -1 = there will be none. */
int pipeline_tables_fd(const struct pipeline *p);
void pipeline_install_tables(struct pipeline *p);

/* Ends a window: drains the sampler and follows CPUs that came or went. 0 or -errno. */
int pipeline_end_window(struct pipeline *p);

/* The account so far; exact after pipeline_stop() and pipeline_end_window(). 0 or -errno. */
int pipeline_tally(const struct pipeline *p, struct tally *ret);

/* How many samples brought a walk of the kernel where sampler.by_snapshot asked for a copy of the
 * stack. */
uint64_t pipeline_walked(const struct pipeline *p);

size_t pipeline_cpus(const struct pipeline *p);

/* Kernel and user memory of the recording in bytes. */
uint64_t pipeline_bytes(const struct pipeline *p);

/* Names everything that was recorded. @info becomes a comment of the profile, after the account.
 * 0 and *@ret (free with profile_free()), or -errno. */
int pipeline_profile(struct pipeline *p, const char *info, struct profile **ret);

/* Keeps on disk what was read for the names, for the next time: symbolizer_save(). */
void pipeline_keep_names(struct pipeline *p);
