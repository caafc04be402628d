/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocfail.h"
#include "clock.h"
#include "objtab.h"
#include "proctab.h"

static struct objtab objects;
static struct proctab procs;

static void start(void)
{
	objtab_init(&objects, 100);
	proctab_init(&procs, &objects, 4);
}

static void done(void)
{
	proctab_done(&procs);
	objtab_done(&objects);
}

TestSuite(proctab, .init = start, .fini = done, .timeout = 20);

/* A child that runs this program's code and waits to be killed. */
static pid_t spawn(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	cr_assert_gt(pid, 0);
	return pid;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* proc_pid_stat(5): R, S, Z, ... */
static char state_of(pid_t pid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state;
}

/* Has a sample of @tgid. */
static int see(struct proctab *t, uint32_t tgid)
{
	return proctab_get(t, tgid, clock_mono_ns()) ? 0 : -ENOMEM;
}

static int64_t place(uint32_t tgid, uintptr_t addr, uint64_t *ret)
{
	struct process *p = proctab_get(&procs, tgid, clock_mono_ns());

	cr_assert_not_null(p);
	return proctab_place(&procs, p, addr, clock_mono_ns(), ret);
}

static const char *object_name(int64_t mapping)
{
	cr_assert_geq(mapping, 0);
	return objects.objects.items[objects.mappings.items[mapping].object].name;
}

Test(proctab, knows_its_own_process)
{
	uint32_t self = (uint32_t)getpid();
	const struct process *p;
	uint64_t addr = 0;
	int64_t m;

	prctl(PR_SET_NAME, "fifteen-letters");
	p = proctab_get(&procs, self, clock_mono_ns());
	cr_assert_not_null(p);
	cr_expect_not(p->gone);
	cr_expect_str_eq(p->comm, "fifteen-letters");
	cr_expect_not_null(strstr(object_name(p->exe), "unit-profiler"));
	m = place(self, (uintptr_t)spawn, &addr);
	cr_expect_eq(m, p->exe);
	cr_expect_eq(addr, (uintptr_t)spawn, "the first to show a mapping gives it its addresses");
	cr_expect_not_null(strstr(object_name(place(self, (uintptr_t)getpid, &addr)), "libc"));
	cr_expect_eq(proctab_get(&procs, self, clock_mono_ns()), p);
	cr_expect_eq(procs.procs.n, 1);
}

Test(proctab, address_in_no_mapping_has_no_place)
{
	uint64_t addr = 42;

	cr_expect_eq(place((uint32_t)getpid(), 0, &addr), -ENOENT);
	cr_expect_eq(place((uint32_t)getpid(), (uintptr_t)&addr, &addr), -ENOENT,
		     "the stack is not executable");
	cr_expect_eq(addr, 42);
}

Test(proctab, reads_new_mappings_once_a_window)
{
	uint32_t self = (uint32_t)getpid();
	uint64_t addr = 0;
	void *code;

	cr_assert_eq(see(&procs, self), 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(code, MAP_FAILED);
	cr_expect_eq(place(self, (uintptr_t)code, &addr), -ENOENT, "it was read in this window");
	proctab_tick(&procs, clock_mono_ns());
	cr_expect_str_eq(object_name(place(self, (uintptr_t)code, &addr)), "//anon");
	cr_expect_eq(addr, (uintptr_t)code);
	munmap(code, 4096);
}

Test(proctab, process_that_ended_keeps_its_places)
{
	pid_t child = spawn();
	uint64_t addr = 0;

	cr_assert_eq(see(&procs, (uint32_t)child), 0);
	reap(child);
	proctab_tick(&procs, clock_mono_ns());
	cr_expect_geq(place((uint32_t)child, (uintptr_t)spawn, &addr), 0);
	cr_expect_eq(place((uint32_t)child, 1, &addr), -ENOENT, "it was looked at in time");
	cr_expect_geq(place((uint32_t)child, (uintptr_t)getpid, &addr), 0,
		      "a fruitless second look loses nothing");
}

Test(proctab, process_that_ended_unseen_has_none)
{
	pid_t child = spawn();
	uint64_t addr = 0;

	reap(child);
	cr_expect(proctab_get(&procs, (uint32_t)child, clock_mono_ns())->gone);
	cr_expect_eq(place((uint32_t)child, (uintptr_t)spawn, &addr), -ESRCH);
}

Test(proctab, zombie_is_gone)
{
	pid_t child = spawn();
	siginfo_t si;
	uint64_t addr = 0;

	kill(child, SIGKILL);
	cr_assert_eq(waitid(P_PID, (id_t)child, &si, WEXITED | WNOWAIT), 0);
	cr_expect_eq(place((uint32_t)child, (uintptr_t)spawn, &addr), -ESRCH);
	reap(child);
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A zombie, to all appearance, whose other threads run. */
Test(proctab, first_thread_may_have_ended)
{
	pid_t child = fork();
	uint64_t addr = 0;
	siginfo_t si;
	pthread_t t;

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(20);
		if (pthread_create(&t, NULL, wait_for_ever, NULL))
			_exit(1);
		pthread_exit(NULL);
	}
	cr_assert_gt(child, 0);
	while (state_of(child) != 'Z')
		usleep(1000);
	cr_expect_geq(place((uint32_t)child, (uintptr_t)spawn, &addr), 0);
	cr_expect_not(proctab_get(&procs, (uint32_t)child, clock_mono_ns())->gone);
	reap(child);
	cr_expect_eq(waitid(P_PID, (id_t)child, &si, WEXITED), -1);
}

Test(proctab, processes_of_one_program_share_its_places)
{
	pid_t child = spawn();
	uint64_t a = 0, b = 0;

	cr_expect_eq(place((uint32_t)getpid(), (uintptr_t)spawn, &a),
		     place((uint32_t)child, (uintptr_t)spawn, &b));
	cr_expect_eq(a, b);
	reap(child);
}

Test(proctab, forgets_those_without_samples_longest)
{
	uint32_t base = 4000000; /* above pid_max: none of them lives */

	for (uint32_t i = 0; i < 10; i++) {
		cr_assert_eq(see(&procs, base + i), 0);
		proctab_tick(&procs, clock_mono_ns());
		cr_assert_leq(procs.procs.n, 4);
		cr_assert_not_null(proctab_find(&procs, base + i, clock_mono_ns()),
				   "the latest is kept");
		cr_assert_eq(proctab_find(&procs, base + i, clock_mono_ns())->tgid, base + i);
	}
	cr_expect_null(proctab_find(&procs, base, clock_mono_ns()));
	array_each(&procs.procs, p)
		cr_expect_eq(proctab_find(&procs, p->tgid, clock_mono_ns()), p);
}

static uint32_t forgotten[10];
static size_t n_forgotten;

static void note_forgotten(void *ctx, struct process *p)
{
	cr_assert_eq(ctx, &procs);
	cr_assert_lt(n_forgotten, 10);
	forgotten[n_forgotten++] = p->tgid;
}

Test(proctab, tells_of_each_process_that_it_forgets)
{
	procs.on_forget = note_forgotten;
	procs.forget_ctx = &procs;
	for (uint32_t i = 0; i < 4; i++)
		cr_assert_eq(see(&procs, 4000000 + i), 0);
	proctab_tick(&procs, clock_mono_ns());
	cr_expect_eq(n_forgotten, 0);
	cr_assert_eq(see(&procs, 4000004), 0);
	proctab_tick(&procs, clock_mono_ns());
	cr_assert_eq(n_forgotten, 2, "down to three quarters");
	for (size_t i = 0; i < 2; i++)
		cr_expect_null(proctab_find(&procs, forgotten[i], clock_mono_ns()));
	cr_expect_neq(forgotten[0], forgotten[1]);
}

static int see_own(void)
{
	struct objtab o;
	struct proctab t;
	int r;

	objtab_init(&o, 10);
	proctab_init(&t, &o, 4);
	r = see(&t, (uint32_t)getpid());
	if (r == 0) /* one more than there was room for at first */
		for (uint32_t i = 0; i < 10 && r == 0; i++)
			r = see(&t, 4000000 + i);
	proctab_done(&t);
	objtab_done(&o);
	return r;
}

Test(proctab, survives_every_failed_allocation)
{
	allocfail_each_tolerant(see_own); /* a build id that cannot be read is none */
}

Test(proctab, looks_again_at_a_process_after_memory_was_short)
{
	uint32_t self = (uint32_t)getpid();
	uint64_t addr;

	allocfail_at(4);
	cr_expect_neq(see(&procs, self), 0);
	cr_expect(allocfail_stop());
	proctab_tick(&procs, clock_mono_ns());
	cr_expect_geq(place(self, (uintptr_t)spawn, &addr), 0);
}

/* Maps pages with holes between them, so that there are many areas. */
static void *map_many(size_t n)
{
	char *all = mmap(NULL, n * 8192, PROT_READ | PROT_EXEC,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	cr_assert_neq(all, MAP_FAILED);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(mprotect(all + i * 8192, 4096, PROT_NONE), 0);
	return all;
}

Test(proctab, long_maps_are_not_waited_for)
{
	void *all = map_many(25000);
	struct process *p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());
	double until = (double)clock_mono_ns() + 20e9;

	cr_assert_not_null(p);
	if (p->known)
		cr_skip_test("they were not long enough for this machine");
	cr_expect_eq(procs.counts.scans_late, 1);
	cr_assert_eq(proctab_rescan(&procs, p), 0);
	cr_expect_not(p->known, "one reading at a time");
	while (!p->known && (double)clock_mono_ns() < until) {
		usleep(1000);
		proctab_take_late(&procs);
	}
	cr_assert(p->known);
	cr_expect_not(p->doubtful);
	cr_expect_not_null(aspace_find(p->as, (uintptr_t)all + 4096, clock_mono_ns()));
	cr_expect_gt(p->scan_after_ns, clock_mono_ns(), "they are not read again at once");
	cr_assert_eq(proctab_rescan(&procs, p), 0);
	cr_expect_eq(procs.counts.scans_late, 1);
	cr_expect(p->doubtful);
	munmap(all, 25000 * 8192);
}

Test(proctab, maps_that_are_still_read_at_the_end)
{
	void *all = map_many(25000);

	cr_expect_not_null(proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns()));
	munmap(all, 25000 * 8192); /* done() has to wait for the thread, no longer */
}

Test(proctab, reads_maps_so_often_in_a_window_and_no_more)
{
	struct process *p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());

	cr_assert_not_null(p);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(proctab_rescan(&procs, p), 0);
	cr_expect_leq(p->scans, 16);
	cr_expect(p->doubtful, "it is to be read again");
	proctab_tick(&procs, clock_mono_ns());
	p->scan_after_ns = 0; /* on a slow machine */
	cr_assert_not_null(proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns()));
	cr_expect_not(p->doubtful);
	cr_expect_gt(procs.counts.rescans, 0);
}

/* Files that are new, and more of them than may be opened in a window. */
Test(proctab, new_files_wait_for_the_next_window)
{
	struct process *p;
	size_t late = 0;

	objects.max_open_files = 1000;
	for (int i = 0; i < 300; i++) {
		int fd = memfd_create("piece", MFD_CLOEXEC);

		cr_assert_eq(write(fd,
				   "\x7f"
				   "ELF",
				   4),
			     4);
		cr_assert_neq(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0),
			      MAP_FAILED);
		close(fd);
	}
	p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());
	cr_assert_not_null(p);
	array_each(&p->as->areas, a)
		late += a->mapping == ASPACE_UNRESOLVED;
	cr_expect_gt(late, 0);
	cr_expect(p->files_late);
	cr_expect_eq(procs.counts.files_late, 1);
	proctab_tick(&procs, clock_mono_ns());
	p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());
	array_each(&p->as->areas, a)
		cr_expect_neq(a->mapping, ASPACE_UNRESOLVED);
	cr_expect_not(p->files_late);
}
