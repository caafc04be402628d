/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes do, told by the kernel as it happens: new executable mappings, names, births and
 * deaths, from one dummy perf event a CPU, merged into one stream in the order of time.
 *
 * The order holds for causes: a record is delivered after everything that had been recorded, on any
 * CPU, before what it tells of happened. A child's mappings come after its fork, in this call of
 * sideband_read() or an earlier one.
 *
 * What the kernel does not tell: munmap(2), mremap(2), and what was there before sideband_new(),
 * which /proc knows. Ids are those of the pid namespace that this process is in; there a process of
 * another namespace is 0, and one that is past telling UINT32_MAX. Functions without a word about
 * errors cannot fail. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpuset;
struct err;

#define SIDEBAND_BUILD_ID_MAX 20 /* bytes that perf_event_open(2) has room for */

/*
 * Something executable was mapped, by mmap(2), execve(2) or mprotect(2): the whole area that
 * resulted, perhaps with what was there. Either a build id or an inode is known of a file; of the
 * vDSO and of anonymous memory neither is.
 */
struct sideband_mmap {
	uint32_t tgid, tid;
	uint64_t addr, len; /* in the process, bytes */
	uint64_t file_off;  /* of what is at `addr`, bytes */
	uint64_t dev, ino;  /* makedev(3) and inode; both 0 = not told */
	uint64_t ino_generation;
	uint32_t prot, flags;	 /* PROT_ and MAP_ of mmap(2) */
	const uint8_t *build_id; /* borrowed during the callback */
	uint8_t build_id_n;	 /* bytes, at most SIDEBAND_BUILD_ID_MAX; 0 = not told */
	const char *name; /* path as the process saw it then, "//anon", "[vdso]", ...; borrowed
			     likewise. Foreign bytes; " (deleted)" may follow. */
};

struct sideband_comm {
	uint32_t tgid, tid;
	const char *comm; /* the new name; borrowed during the callback; foreign bytes */
	bool exec; /* by execve(2): everything mapped before is gone, as are all other threads */
};

/* Birth or death of a thread. The last thread of a process that exits is not marked as such. */
struct sideband_task {
	uint32_t tgid, tid;		  /* equal for the first thread of a process */
	uint32_t parent_tgid, parent_tid; /* who forked; of a death the process's parent */
};

/* A cgroup of version 2 was made. Told where sideband_opts.cgroups asks for it. */
struct sideband_cgroup {
	uint64_t id;
	const char *path; /* below the mount; borrowed during the callback; foreign bytes */
};

/*
 * Who is told, each with CLOCK_MONOTONIC of the event. Any may be NULL. They must not call
 * functions of this header but sideband_counts().
 */
struct sideband_callbacks {
	void (*on_mmap)(void *ctx, uint64_t time_ns, const struct sideband_mmap *m);
	void (*on_comm)(void *ctx, uint64_t time_ns, const struct sideband_comm *c);
	void (*on_fork)(void *ctx, uint64_t time_ns, const struct sideband_task *t);
	void (*on_exit)(void *ctx, uint64_t time_ns, const struct sideband_task *t);
	void (*on_cgroup)(void *ctx, uint64_t time_ns, const struct sideband_cgroup *g);
	/* @n records of @cpu found its ring full before @time_ns: look into /proc again. */
	void (*on_lost)(void *ctx, uint64_t time_ns, unsigned cpu, uint64_t n);
	void *ctx;
};

/* What came since sideband_new(). Each record is counted under one of the first three. */
struct sideband_counts {
	uint64_t records;   /* delivered, those about losses included */
	uint64_t unknown;   /* of a type that was not asked for */
	uint64_t malformed; /* made no sense */
	uint64_t lost;	    /* records that the kernel had no room for */
};

struct sideband_opts {
	size_t ring_bytes; /* of each CPU, rounded up to a power of two of pages; 0 = 64 KiB */
	bool cgroups;	   /* new cgroups are told of, too, where the kernel (5.7) can */
	bool build_ids;	   /* of files instead of inodes, where the kernel (5.12) can tell them */
};

struct sideband;

/*
 * Opens and starts one event on every online CPU. That takes a descriptor each, and ring_bytes and
 * a page each of lockable memory; where that much may not be locked all rings become smaller, down
 * to a page, as sideband_ring_bytes() tells. Copies @cb; NULL @o = defaults. 0 and *@ret (free with
 * sideband_free()). With a sentence: -EACCES or -EPERM without privilege or lockable memory,
 * -EMFILE, -EINVAL for rings beyond a gigabyte, -ENOMEM, other -errno of perf_event_open(2) and
 * mmap(2).
 */
int sideband_new(struct sideband **ret, const struct sideband_opts *o,
		 const struct sideband_callbacks *cb, struct err *e);

/*
 * A descriptor for poll(2) and other epoll sets, readable when something was recorded since it was
 * last said to be; borrowed until sideband_free(). Call sideband_read() after adding it to a set.
 * Records can come by the thousand: who wants to sleep meanwhile looks at it from time to time.
 */
int sideband_poll_fd(const struct sideband *s);

/* Delivers every record that is in the rings when it is called, and of those that come meanwhile
 * the ones that belong before them. */
void sideband_read(struct sideband *s);

/*
 * Follows CPUs that went or came since the last call, those included that went and came back. The
 * rest of what CPUs that went had recorded is delivered first; what happened on one that came,
 * before the call, was not recorded: look into /proc again. How many rings were closed and opened,
 * or -errno as sideband_new() (tried again at the next call). Takes some 20 µs a CPU: each event is
 * asked on its CPU.
 */
int sideband_refresh(struct sideband *s);

/* sideband_refresh() as if the CPUs of @online were online and no others. */
int sideband_follow(struct sideband *s, const struct cpuset *online);

/* CPUs that are followed now. */
size_t sideband_cpus(const struct sideband *s);

/* Room for records of the CPU that has the least. */
size_t sideband_ring_bytes(const struct sideband *s);

/* Borrowed until sideband_free(); changes with every call that delivers. */
const struct sideband_counts *sideband_counts(const struct sideband *s);

/* Closes everything, delivers nothing. NULL is fine. */
void sideband_free(struct sideband *s);
