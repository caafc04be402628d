/* SPDX-License-Identifier: Apache-2.0 */
/* On the running kernel, where that is allowed. */
#include "sideband.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "cpuset.h"
#include "elfsym.h"
#include "err.h"
#include "live_log.h"

#define STORM 2000

/* --- a life --- */

struct life {
	pid_t tid;
	void *file, *jit, *late;
};

static void *live_thread(void *arg)
{
	struct life *l = arg;

	l->tid = gettid();
	prctl(PR_SET_NAME, "side-thread");
	return NULL;
}

static void live(struct life *l, const char *program)
{
	int fd = open(program, O_RDONLY | O_CLOEXEC);
	pthread_t t;

	prctl(PR_SET_NAME, "side-renamed");
	l->file = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
	l->jit = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	l->late = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	mprotect(l->late, 4096, PROT_READ | PROT_EXEC);
	if (pthread_create(&t, NULL, live_thread, l) == 0)
		pthread_join(t, NULL);
	execl(program, program, NULL);
	_exit(1);
}

static void expect_identity(const struct live_record *s, const char *program)
{
	char id[BUILD_ID_HEX_MAX] = "", hex[2 * SIDEBAND_BUILD_ID_MAX + 1] = "";
	int fd = open(program, O_RDONLY | O_CLOEXEC);
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	for (unsigned i = 0; i < s->mmap.build_id_n; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->build_id[i]);
	if (s->mmap.build_id_n) {
		cr_assert_eq(elf_build_id(fd, id), 0);
		cr_expect_str_eq(hex, id);
	} else {
		cr_expect_eq(s->mmap.ino, st.st_ino);
	}
	close(fd);
}

static void expect_life(void)
{
	struct life *l =
		mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sideband *s = live_start(LIVE_LARGE_RING);
	char *program = realpath("/bin/true", NULL);
	const struct live_record *m;
	int status;
	pid_t pid;

	cr_assert(l != MAP_FAILED && program);
	pid = fork();
	if (pid == 0)
		live(l, program);
	live_wait(pid, &status);
	cr_assert_eq(status, 0);
	sideband_read(s);
	live_expect_sound(s);

	m = live_expect(LIVE_FORK, pid, pid, NULL);
	cr_expect_eq(m->parent_tgid, (uint32_t)getpid());
	live_expect(LIVE_COMM, pid, pid, "side-renamed");
	m = live_expect(LIVE_MMAP, pid, pid, program);
	cr_expect_eq(m->mmap.addr, (uintptr_t)l->file);
	cr_expect_eq(m->mmap.len, 8192);
	cr_expect_eq(m->mmap.file_off, 4096);
	cr_expect_eq(m->mmap.flags, MAP_PRIVATE);
	expect_identity(m, program);
	m = live_expect(LIVE_MMAP, pid, pid, "//anon");
	cr_expect(m->mmap.addr <= (uintptr_t)l->jit &&
		  (uintptr_t)l->jit < m->mmap.addr + m->mmap.len);
	cr_expect_eq(m->mmap.build_id_n, 0);
	m = live_expect(LIVE_MMAP, pid, pid, program);
	cr_expect_eq(m->mmap.addr, (uintptr_t)l->late, "mprotect(2)");
	m = live_expect(LIVE_FORK, pid, l->tid, NULL);
	cr_expect_eq(m->parent_tgid, (uint32_t)pid);
	live_expect(LIVE_COMM, pid, l->tid, "side-thread");
	m = live_expect(LIVE_EXIT, pid, l->tid, NULL);
	live_expect(LIVE_EXEC, pid, pid, "true");
	m = live_expect(LIVE_MMAP, pid, pid, program);
	expect_identity(m, program);
	live_expect(LIVE_MMAP, pid, pid, "[vdso]");
	m = live_expect(LIVE_EXIT, pid, pid, NULL);
	cr_expect_eq(m->parent_tgid, (uint32_t)getpid());
	sideband_free(s);
	free(program);
}

Test(sideband, a_life_is_told_in_order)
{
	expect_life();
}

Test(sideband, a_life_on_a_kernel_without_build_ids)
{
	live_refused.build_id = live_refused.format_lost = true;
	expect_life();
	array_each(&live_log.all, s)
		cr_expect_eq(s->mmap.build_id_n, 0);
}

/* --- storms --- */

Test(sideband, storm_that_is_read_alongside_loses_nothing)
{
	struct sideband *s = live_start(LIVE_LARGE_RING);

	for (int i = 0; i < STORM; i++) {
		live_fork_and_wait();
		if (i % 100 == 0)
			sideband_read(s);
	}
	sideband_read(s);
	live_expect_sound(s);
	cr_expect_eq(sideband_counts(s)->lost, 0);
	cr_expect_eq(live_count_children(), 2 * STORM);
	for (size_t i = 0, births = 0; i < live_log.all.n; i++)
		if (live_log.all.items[i].parent_tgid == (uint32_t)getpid()) {
			/* one child at a time: birth, death, birth, ... */
			cr_expect_eq(live_log.all.items[i].kind,
				     births % 2 ? LIVE_EXIT : LIVE_FORK);
			births++;
		}
	sideband_free(s);
}

/* Makes a record on every CPU, for the kernel to tell of losses with. */
static void touch_cpus(void)
{
	cpu_set_t before;

	cr_assert_eq(sched_getaffinity(0, sizeof(before), &before), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (CPU_ISSET(cpu, &before) && sched_setaffinity(0, sizeof(one), &one) == 0)
			prctl(PR_SET_NAME, "side-touch");
	}
	sched_setaffinity(0, sizeof(before), &before);
}

static struct sideband *storm_a_small_ring(void)
{
	struct sideband *s = live_start(1);

	cr_expect_eq(sideband_ring_bytes(s), (size_t)sysconf(_SC_PAGESIZE));
	for (int i = 0; i < STORM; i++)
		live_fork_and_wait();
	sideband_read(s);
	return s;
}

Test(sideband, storm_that_overflows_is_counted)
{
	struct sideband *s = storm_a_small_ring();
	const struct sideband_counts *c = sideband_counts(s);
	uint64_t told_at_once = c->lost;

	live_expect_sound(s);
	touch_cpus();
	sideband_read(s);
	live_expect_sound(s);
	cr_expect_geq(live_count_children() + c->lost, 2 * STORM);
	cr_expect_gt(c->lost, 2 * STORM * 3 / 4);
	cr_expect_lt(c->lost - told_at_once, c->lost / 2, "%lu of %lu were told at once",
		     told_at_once, c->lost);
	sideband_free(s);
}

Test(sideband, storm_on_a_kernel_that_tells_of_losses_late)
{
	struct sideband *s;

	live_refused.format_lost = true;
	s = storm_a_small_ring();
	/* more than once, as the ring may have no room for the touch either */
	for (int i = 0; i < 100 && live_count_children() + sideband_counts(s)->lost < 2 * STORM;
	     i++) {
		touch_cpus();
		sideband_read(s);
	}
	live_expect_sound(s);
	cr_expect_geq(live_count_children() + sideband_counts(s)->lost, 2 * STORM);
	sideband_free(s);
}

/* --- the rest --- */

Test(sideband, a_record_wakes_a_loop_that_nests_it)
{
	struct sideband *s = live_start(16384);
	int loop = epoll_create1(EPOLL_CLOEXEC), quiet = 0;
	struct epoll_event ev = { .events = EPOLLIN };

	cr_assert_eq(epoll_ctl(loop, EPOLL_CTL_ADD, sideband_poll_fd(s), &ev), 0);
	for (int round = 0; round < 3; round++) {
		sideband_read(s);
		for (int i = 0; i < 300; i++)
			live_fork_and_wait();
		cr_expect_eq(epoll_wait(loop, &ev, 1, 5000), 1, "round %d", round);
	}
	for (int i = 0; i < 100 && !quiet; i++) {
		sideband_read(s);
		quiet = epoll_wait(loop, &ev, 1, 0) == 0;
	}
	cr_expect(quiet, "the loop does not spin");
	close(loop);
	sideband_free(s);
}

Test(sideband, cpus_come_and_go)
{
	struct sideband *s = live_start(LIVE_LARGE_RING);
	size_t cpus = sideband_cpus(s);
	struct cpuset online, first = { 0 };
	pid_t pid;

	cr_assert_eq(cpuset_online(&online), 0);
	cr_expect_eq(cpus, cpuset_count(&online));
	cr_expect_eq(sideband_refresh(s), 0);
	for (unsigned cpu = 0; !cpuset_count(&first); cpu++)
		if (cpuset_has(&online, cpu))
			cpuset_add(&first, cpu);
	pid = fork();
	if (pid == 0)
		_exit(0);
	live_wait(pid, NULL);
	cr_expect_eq(sideband_follow(s, &first), (int)cpus - 1);
	cr_expect_eq(sideband_cpus(s), 1);
	/* on whatever CPU it lived: a ring is read before it is closed */
	live_expect(LIVE_FORK, pid, pid, NULL);
	live_expect(LIVE_EXIT, pid, pid, NULL);
	cr_expect_eq(sideband_refresh(s), (int)cpus - 1);
	cr_expect_eq(sideband_cpus(s), cpus);
	live_fork_and_wait();
	sideband_read(s);
	cr_expect_geq(live_count_children(), 4);
	live_expect_sound(s);
	sideband_free(s);
}

/* Ends every event of this process the way a CPU does that goes offline. */
static int end_events(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		char path[32], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    strstr(target, "[perf_event]") && ioctl(fd, PERF_EVENT_IOC_DISABLE, 0) == 0)
			n++;
	}
	return n;
}

Test(sideband, a_cpu_that_went_and_came_back_is_followed_again)
{
	struct sideband *s = live_start(LIVE_LARGE_RING);
	int n;

	live_fork_and_wait();
	n = end_events();
	cr_expect_eq(n, (int)sideband_cpus(s));
	live_fork_and_wait();
	cr_expect_eq(sideband_refresh(s), 2 * n);
	cr_expect_eq(live_count_children(), 2,
		     "the first is delivered, the second was not recorded");
	cr_expect_eq(sideband_refresh(s), 0);
	cr_expect_eq(sideband_cpus(s), (size_t)n);
	live_fork_and_wait();
	sideband_read(s);
	cr_expect_eq(live_count_children(), 4);
	live_expect_sound(s);
	sideband_free(s);
}

Test(sideband, rings_that_are_too_large_are_refused)
{
	struct sideband *s = NULL;
	struct err e;

	cr_expect_eq(
		sideband_new(&s, &(struct sideband_opts){ .ring_bytes = (1u << 30) + 1, .build_ids = true }, &live_callbacks, &e),
		-EINVAL);
	cr_expect(strstr(e.text, "at most 1073741824"), "%s", e.text);
	cr_expect_null(s);
	sideband_free(NULL);
}
