/* SPDX-License-Identifier: Apache-2.0 */
/* Processes whose numbers are beyond pid_max, so that /proc knows nothing of them, and one that is there. */
#include "procevents.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "err.h"
#include "proctab.h"
#include "sideband.h"
#include "targets.h"

#define SHELL  5000001u
#define CHILD  5000002u
#define OTHER  5000003u
#define IN_USE 0x401000ull

static struct objtab objects;
static struct proctab procs;
static struct sideband_callbacks tell;

static void start(void)
{
	objtab_init(&objects, 100);
	proctab_init(&procs, &objects, 16);
	procevents_callbacks(&procs, NULL, &tell);
}

static void done(void)
{
	proctab_done(&procs);
	objtab_done(&objects);
}

TestSuite(procevents, .init = start, .fini = done, .timeout = 20);

static void exec_at(uint64_t time, uint32_t tgid, const char *comm)
{
	tell.on_comm(tell.ctx, time,
		     &(struct sideband_comm){ tgid, tgid, .comm = comm, .exec = true });
}

static void rename_at(uint64_t time, uint32_t tgid, uint32_t tid, const char *comm)
{
	tell.on_comm(tell.ctx, time, &(struct sideband_comm){ tgid, tid, .comm = comm });
}

static void map_at(uint64_t time, uint32_t tgid, uint64_t addr, uint64_t ino, const char *name)
{
	tell.on_mmap(tell.ctx, time,
		     &(struct sideband_mmap){ .tgid = tgid,
					      .tid = tgid,
					      .addr = addr,
					      .len = 0x1000,
					      .dev = 7,
					      .ino = ino,
					      .prot = PROT_READ | PROT_EXEC,
					      .name = name });
}

static void fork_at(uint64_t time, uint32_t parent, uint32_t child, uint32_t tid)
{
	tell.on_fork(
		tell.ctx, time,
		&(struct sideband_task){ child, tid, .parent_tgid = parent, .parent_tid = parent });
}

static void exit_at(uint64_t time, uint32_t tgid, uint32_t tid)
{
	tell.on_exit(tell.ctx, time, &(struct sideband_task){ tgid, tid, 1, 1 });
}

/* What a sample of @tgid at @time finds at @addr: the path of the file. */
static const char *file_at(uint64_t time, uint32_t tgid, uint64_t addr)
{
	struct process *p = proctab_get(&procs, tgid, time);
	uint64_t placed = 0;
	int64_t m;

	cr_assert_not_null(p);
	m = proctab_place(&procs, p, addr, time, &placed);
	return m < 0 ? "" : objects.objects.items[objects.mappings.items[m].object].name;
}

static const char *comm_at(uint64_t time, uint32_t tgid)
{
	const struct process *p = proctab_find(&procs, tgid, time);

	return p ? p->comm : "?";
}

/* A shell, known from its exec on. */
static void start_shell(void)
{
	exec_at(10, SHELL, "sh");
	map_at(11, SHELL, IN_USE, 1, "/bin/sh");
	map_at(12, SHELL, 0x7000000, 2, "/lib/libc.so");
}

/* Nobody looked at it before it became another program; its parent is the same. */
Test(procevents, what_becomes_another_program_keeps_its_parent)
{
	pid_t child = fork();
	const struct process *p;

	if (child == 0) {
		pause();
		_exit(0);
	}
	cr_assert_not_null(proctab_add(&procs, (uint32_t)child, 10));
	exec_at(20, (uint32_t)child, "sh");
	for (uint64_t time = 15; time <= 25; time += 10) {
		p = proctab_find(&procs, (uint32_t)child, time);
		cr_assert_not_null(p);
		cr_expect_eq(p->id.ppid, (uint32_t)getpid(), "at %d: %u", (int)time, p->id.ppid);
		cr_expect_str_not_empty(p->id.parent_comm);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(procevents, program_is_known_from_its_exec_on)
{
	start_shell();
	cr_expect_str_eq(comm_at(20, SHELL), "sh");
	cr_expect_eq(objects.objects.n, 0, "no file is looked at before the first sample");
	cr_expect_str_eq(file_at(20, SHELL, IN_USE + 5), "/bin/sh");
	cr_expect_str_eq(file_at(20, SHELL, 0x7000005), "/lib/libc.so");
	cr_expect_not(proctab_get(&procs, SHELL, 20)->gone);
	map_at(21, SHELL, 0x8000000, 3, "/lib/libm.so (deleted)");
	cr_expect_str_eq(file_at(22, SHELL, 0x8000005), "/lib/libm.so");
}

Test(procevents, child_has_what_its_parent_had)
{
	start_shell();
	fork_at(20, SHELL, CHILD, CHILD);
	map_at(30, SHELL, 0x8000000, 3, "/lib/of-the-parent.so");
	map_at(31, CHILD, 0x9000000, 4, "/lib/of-the-child.so");
	cr_expect_str_eq(comm_at(25, CHILD), "sh");
	cr_expect_str_eq(file_at(40, CHILD, IN_USE), "/bin/sh");
	cr_expect_str_eq(file_at(40, CHILD, 0x9000000), "/lib/of-the-child.so");
	cr_expect_str_eq(file_at(40, CHILD, 0x8000000), "");
	cr_expect_str_eq(file_at(40, SHELL, 0x8000000), "/lib/of-the-parent.so");
	cr_expect_str_eq(file_at(40, SHELL, 0x9000000), "");
}

Test(procevents, samples_from_before_and_after_exec_have_each_their_program)
{
	start_shell();
	fork_at(20, SHELL, CHILD, CHILD);
	exec_at(30, CHILD, "ls");
	map_at(31, CHILD, IN_USE, 9, "/bin/ls");
	cr_expect_str_eq(file_at(40, CHILD, IN_USE), "/bin/ls");
	cr_expect_str_eq(file_at(25, CHILD, IN_USE), "/bin/sh");
	cr_expect_str_eq(file_at(40, SHELL, IN_USE), "/bin/sh");
	cr_expect_str_eq(comm_at(25, CHILD), "sh");
	cr_expect_str_eq(comm_at(30, CHILD), "ls");
	cr_expect_eq(proctab_get(&procs, CHILD, 25)->exe, proctab_get(&procs, SHELL, 25)->exe);
	cr_expect_neq(proctab_get(&procs, CHILD, 40)->exe, proctab_get(&procs, CHILD, 25)->exe);
}

Test(procevents, number_that_is_given_again_is_another_process)
{
	start_shell();
	fork_at(20, SHELL, CHILD, CHILD);
	exec_at(21, CHILD, "ls");
	map_at(22, CHILD, IN_USE, 9, "/bin/ls");
	exit_at(30, CHILD, CHILD);
	fork_at(40, SHELL, CHILD, CHILD);
	cr_expect_str_eq(file_at(29, CHILD, IN_USE), "/bin/ls");
	cr_expect_str_eq(file_at(41, CHILD, IN_USE), "/bin/sh");
}

Test(procevents, what_ended_goes_when_its_samples_have_come)
{
	start_shell();
	fork_at(20, SHELL, CHILD, CHILD);
	exit_at(30, CHILD, CHILD);
	proctab_tick(&procs, 25);
	cr_expect_not_null(proctab_find(&procs, CHILD, 29));
	proctab_tick(&procs, clock_mono_ns() + 1);
	cr_expect_null(proctab_find(&procs, CHILD, 29));
	cr_expect_not_null(proctab_find(&procs, SHELL, 29));
	cr_expect_eq(procs.procs.n, 1);
}

/* The kernel still ticks in a task after it told of its exit, and until the number is free. */
Test(procevents, sample_from_after_the_exit_is_of_the_process_that_exited)
{
	start_shell();
	fork_at(20, SHELL, CHILD, CHILD);
	exit_at(30, CHILD, CHILD);
	proctab_tick(&procs, 25);
	cr_expect_str_eq(file_at(31, CHILD, IN_USE), "/bin/sh");
	cr_expect_str_eq(file_at(29, CHILD, IN_USE), "/bin/sh");
	cr_expect_str_eq(comm_at(29, CHILD), "sh");
}

/* Up to the moment in which another process gets the number. */
Test(procevents, sample_from_after_the_exit_is_not_of_the_next_process)
{
	start_shell();
	fork_at(20, SHELL, CHILD, CHILD);
	exec_at(21, CHILD, "ls");
	map_at(22, CHILD, IN_USE, 9, "/bin/ls");
	exit_at(30, CHILD, CHILD);
	fork_at(40, SHELL, CHILD, CHILD);
	cr_expect_str_eq(file_at(35, CHILD, IN_USE), "/bin/ls");
	cr_expect_str_eq(file_at(40, CHILD, IN_USE), "/bin/sh");
}

Test(procevents, process_outlives_its_first_thread)
{
	uint32_t self = (uint32_t)getpid();

	cr_assert_not_null(proctab_get(&procs, self, 10));
	exit_at(20, self, self);
	proctab_tick(&procs, 30);
	proctab_tick(&procs, 40);
	cr_expect_not_null(proctab_find(&procs, self, 50), "the number is in use");
}

Test(procevents, threads_are_no_processes)
{
	start_shell();
	fork_at(20, SHELL, SHELL, SHELL + 50);
	exit_at(21, SHELL, SHELL + 50);
	rename_at(22, SHELL, SHELL + 50, "worker");
	cr_expect_eq(procs.procs.n, 1);
	cr_expect_str_eq(comm_at(30, SHELL), "sh");
	rename_at(31, SHELL, SHELL, "renamed");
	cr_expect_str_eq(comm_at(40, SHELL), "renamed");
	cr_expect_eq(proctab_find(&procs, SHELL, 40)->exited_ns, 0);
}

Test(procevents, processes_of_other_namespaces_are_left_alone)
{
	exec_at(10, 0, "x");
	exec_at(10, UINT32_MAX, "x");
	fork_at(10, 0, 0, 0);
	fork_at(10, UINT32_MAX, UINT32_MAX, UINT32_MAX);
	map_at(10, 0, IN_USE, 1, "/x");
	exit_at(10, UINT32_MAX, UINT32_MAX);
	cr_expect_eq(procs.procs.n, 0);
}

Test(procevents, code_in_the_place_of_other_code_makes_restless_for_a_while)
{
	start_shell();
	cr_assert_not_null(proctab_get(&procs, SHELL, 20));
	map_at(30, SHELL, 0x8000000, 3, "/lib/a.so");
	cr_expect_not(proctab_find(&procs, SHELL, 30)->restless);
	procs.any_changed = false;
	map_at(40, SHELL, 0x8000000, 4, "/lib/b.so");
	cr_expect(proctab_find(&procs, SHELL, 40)->restless);
	cr_expect_eq(proctab_find(&procs, SHELL, 40)->restless_ns, 40);
	cr_expect(procs.any_changed);
	cr_expect_str_eq(file_at(39, SHELL, 0x8000000), "/lib/a.so");
	cr_expect_str_eq(file_at(40, SHELL, 0x8000000), "/lib/b.so");
	for (uint64_t i = 0; i < 20; i++)
		proctab_tick(&procs, 50 + i);
	cr_expect_not(proctab_find(&procs, SHELL, 90)->restless);
}

Test(procevents, mapping_without_end_costs_a_bounded_amount)
{
	uint64_t start_ns = clock_mono_ns();

	start_shell();
	for (uint64_t i = 0; i < 300000; i++)
		map_at(20 + i, SHELL, 0x10000000 + (i << 13), 100 + i, "/tmp/many");
	cr_expect(proctab_find(&procs, SHELL, 1)->doubtful, "/proc tells the rest");
	cr_expect_leq(proctab_find(&procs, SHELL, 1)->map_work, 2u << 20);
	/* Each into its place would be 10 s; this is 0.1 s. */
	cr_expect_lt(clock_mono_ns() - start_ns, 5 * NSEC_PER_SEC);
}

/* An event was lost: what is known of a process that runs is read again. */
Test(procevents, losses_make_all_doubtful)
{
	uint32_t self = (uint32_t)getpid();
	void *code;

	cr_assert_not_null(proctab_get(&procs, self, clock_mono_ns()));
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tell.on_lost(tell.ctx, 1, 0, 5);
	proctab_tick(&procs, 2);
	cr_expect_str_eq(file_at(clock_mono_ns(), self, (uintptr_t)code), "//anon");
	cr_expect_not(proctab_find(&procs, self, clock_mono_ns())->doubtful);
}

/* Who was there before is read when it has its first child, or its first sample. */
Test(procevents, unknown_parents_are_looked_up)
{
	uint32_t self = (uint32_t)getpid();

	fork_at(clock_mono_ns(), self, OTHER, OTHER);
	cr_expect_not_null(strstr(file_at(clock_mono_ns(), OTHER, (uintptr_t)start_shell), "unit"));
}

/* A process that was looked at, but never sampled, before it loads something. */
Test(procevents, what_is_loaded_later_is_not_the_program)
{
	uint32_t self = (uint32_t)getpid();
	const struct process *p;

	fork_at(clock_mono_ns(), self, OTHER, OTHER);
	map_at(clock_mono_ns(), OTHER, 0x10000, 3, "/lib/plugin.so");
	p = proctab_get(&procs, OTHER, clock_mono_ns());
	cr_assert_not_null(p);
	cr_assert_neq(p->exe, PROCTAB_NO_MAPPING);
	cr_expect_not_null(
		strstr(objects.objects.items[objects.mappings.items[p->exe].object].name, "unit"));
}

/* --- processes that are described ----------------------------------------------------------------
 */

static struct targets described;
static int held; /* how often somebody was told that something holds */

static void count_held(void *ctx, const struct process *p)
{
	(void)ctx;
	(void)p;
	held++;
}

static void describe(bool inherit)
{
	struct err e;

	cr_assert_eq(targets_add_comm(&described, "^wanted$", &e), 0);
	described.inherit = inherit;
	procs.targets = &described;
	procs.on_holds = count_held;
}

static uint8_t lacks_at(uint64_t time, uint32_t tgid)
{
	const struct process *p = proctab_find(&procs, tgid, time);

	cr_assert_not_null(p);
	return proctab_lacks(&procs, p);
}

Test(procevents, a_name_is_looked_at_whenever_it_changes)
{
	describe(true);
	exec_at(10, SHELL, "sh");
	cr_expect_eq(lacks_at(11, SHELL), WIRE_OF_COMM);
	rename_at(20, SHELL, SHELL + 1, "wanted");
	cr_expect_eq(lacks_at(21, SHELL), WIRE_OF_COMM, "a thread's name is not the process's");
	rename_at(30, SHELL, SHELL, "wanted");
	cr_expect_eq(lacks_at(31, SHELL), 0);
	cr_expect_eq(held, 1);
	rename_at(40, SHELL, SHELL, "other");
	cr_expect_eq(lacks_at(41, SHELL), 0, "it stays one that was asked for");
	targets_done(&described);
}

Test(procevents, what_is_asked_for_is_handed_on_to_children_and_programs)
{
	describe(true);
	exec_at(10, SHELL, "wanted");
	fork_at(20, SHELL, CHILD, CHILD);
	exec_at(30, CHILD, "other");
	cr_expect_eq(lacks_at(25, CHILD), 0);
	cr_expect_eq(lacks_at(31, CHILD), 0);
	fork_at(40, CHILD, OTHER, OTHER);
	cr_expect_eq(lacks_at(41, OTHER), 0);
	targets_done(&described);
}

Test(procevents, or_not)
{
	describe(false);
	exec_at(10, SHELL, "wanted");
	fork_at(20, SHELL, CHILD, CHILD);
	exec_at(30, CHILD, "other");
	cr_expect_eq(lacks_at(25, CHILD), 0, "it has the name");
	cr_expect_eq(lacks_at(31, CHILD), WIRE_OF_COMM);
	targets_done(&described);
}

Test(procevents, files_are_opened_early_only_of_whom_is_expected)
{
	describe(true);
	procs.all_wanted = true;
	exec_at(10, SHELL, "sh");
	exec_at(10, OTHER, "wanted");
	map_at(20, SHELL, IN_USE, 1, "/bin/sh");
	map_at(20, OTHER, IN_USE, 2, "/bin/wanted");
	cr_expect_not(proctab_find(&procs, SHELL, 21)->seen);
	cr_expect(proctab_find(&procs, OTHER, 21)->seen);
	cr_expect_eq(objects.objects.n, 1);
	targets_done(&described);
}

Test(procevents, children_of_those_named_are_expected_unless_told_not_to)
{
	exec_at(10, SHELL, "sh");
	proctab_find(&procs, SHELL, 11)->wanted = true;
	fork_at(20, SHELL, CHILD, CHILD);
	cr_expect(proctab_find(&procs, CHILD, 21)->wanted);
	procs.no_inherit = true;
	fork_at(30, SHELL, OTHER, OTHER);
	cr_expect_not(proctab_find(&procs, OTHER, 31)->wanted);
}

Test(procevents, counts_what_was_lost)
{
	exec_at(10, SHELL, "sh");
	tell.on_lost(tell.ctx, 20, 0, 7);
	tell.on_lost(tell.ctx, 30, 1, 1);
	cr_expect_eq(procs.counts.events_lost, 8);
	cr_expect(proctab_find(&procs, SHELL, 31)->doubtful);
}
