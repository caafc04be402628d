/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Following a command into its children. */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "sampler_sim.h"
#include "sim.h"

/* struct trace_event_raw_task_newtask: 8 bytes of header, pid, comm, clone_flags, oom_score_adj */
#define PID_OFF	      8
#define FLAGS_OFF     32
#define NEWTASK_BYTES 42

static void family_init(void)
{
	sim_init();
	config.by_tgid = 1;
	newtask_pid_off = PID_OFF;
	newtask_clone_flags_off = FLAGS_OFF;
	fake_put_u32("target_tgids", 77, 1);
}

TestSuite(family, .init = family_init, .fini = sim_done);

/* Thread @tid of @tgid clones @child. */
static void clone_task(uint32_t tgid, uint32_t tid, uint32_t child, uint64_t flags)
{
	char *record = calloc(1, NEWTASK_BYTES);

	memcpy(record + PID_OFF, &child, sizeof(child));
	memcpy(record + FLAGS_OFF, &flags, sizeof(flags));
	sim_task(tgid, tid);
	cr_assert_eq(follow_newtask(record), 0);
	free(record);
}

static void exit_task(uint32_t tgid, uint32_t tid)
{
	char record[8] = { 0 };

	sim_task(tgid, tid);
	cr_assert_eq(follow_exit(record), 0);
}

/* The live threads of @tgid as the sampler knows it; -1 when it is no target. */
static int threads(uint32_t tgid)
{
	const uint32_t *n = fake_get_u32("target_tgids", tgid);

	return n ? (int)*n : -1;
}

static int unreadable(enum fake_call call, const char *map)
{
	(void)map;
	return call == FAKE_READ ? -EFAULT : 0;
}

Test(family, child_of_a_target_becomes_a_target_before_it_runs)
{
	clone_task(77, 77, 78, SIGCHLD);
	cr_expect_eq(threads(78), 1);
	cr_expect_eq(threads(77), 1);
	sim_task(78, 78);
	sim_tick(true);
	cr_expect_eq(sim_samples_in_rows(), 1);
	clone_task(78, 78, 79, SIGCHLD | CLONE_VFORK | CLONE_VM);
	cr_expect_eq(threads(79), 1, "grandchildren are followed, also by vfork");
}

Test(family, threads_are_counted_up_and_down)
{
	clone_task(77, 77, 78, CLONE_THREAD | CLONE_VM);
	clone_task(77, 78, 79, CLONE_THREAD | CLONE_VM);
	cr_expect_eq(threads(77), 3);
	cr_expect_eq(threads(78), -1, "a thread is no process");
	exit_task(77, 78);
	cr_expect_eq(threads(77), 2);
}

Test(family, last_exit_ends_the_target_whichever_thread_it_is)
{
	clone_task(77, 77, 78, CLONE_THREAD | CLONE_VM);
	exit_task(77, 77);
	cr_expect_eq(threads(77), 1, "a process may outlive its first thread");
	sim_task(77, 78);
	sim_tick(true);
	exit_task(77, 78);
	cr_expect_eq(threads(77), -1);
	sim_task(77, 77);
	sim_tick(true);
	cr_expect_eq(sim_counter(CTR_FILTERED), 1, "a stranger that gets the number is filtered");
	cr_expect_eq(sim_samples_in_rows(), 1);
	sim_expect_account();
}

/* The live thread @tid is a target. */
static bool is_target_thread(uint32_t tid)
{
	return fake_get_u32("target_tids", tid);
}

Test(family, threads_hand_it_on_to_threads_and_processes)
{
	config.by_tgid = 0;
	config.by_tid = 1;
	fake_put_u32("target_tids", 51, 1);
	clone_task(50, 51, 52, CLONE_THREAD | CLONE_VM);
	clone_task(50, 50, 53, CLONE_THREAD | CLONE_VM);
	clone_task(50, 52, 60, SIGCHLD);
	clone_task(60, 60, 61, CLONE_THREAD | CLONE_VM);
	cr_expect(is_target_thread(52));
	cr_expect_not(is_target_thread(53), "another thread's");
	cr_expect(is_target_thread(60));
	cr_expect(is_target_thread(61));
	exit_task(50, 52);
	cr_expect_not(is_target_thread(52));
	cr_expect(is_target_thread(51));
	exit_task(50, 51);
	exit_task(60, 60);
	exit_task(60, 61);
	cr_expect_eq(fake_map("target_tids")->n, 0);
	cr_expect_eq(fake_map("target_tgids")->n, 1, "not looked at");
}

Test(family, only_a_process_tells_that_there_are_children)
{
	clone_task(50, 50, 51, SIGCHLD);
	clone_task(77, 77, 79, CLONE_THREAD | CLONE_VM);
	cr_expect_eq(targets_born, 0);
	clone_task(77, 77, 78, SIGCHLD);
	cr_expect_eq(targets_born, 1);
}

Test(family, strangers_are_ignored)
{
	clone_task(50, 50, 51, SIGCHLD);
	clone_task(50, 50, 52, CLONE_THREAD | CLONE_VM);
	exit_task(50, 52);
	exit_task(0, 0);
	cr_expect_eq(fake_map("target_tgids")->n, 1);
	cr_expect_eq(threads(77), 1);
}

Test(family, child_with_a_number_of_an_earlier_one_starts_at_one_thread)
{
	clone_task(77, 77, 78, SIGCHLD);
	clone_task(78, 78, 79, CLONE_THREAD | CLONE_VM);
	clone_task(77, 77, 78, SIGCHLD);
	cr_expect_eq(threads(78), 1);
}

Test(family, unreadable_record_or_full_map_adds_nobody)
{
	fake.fault = unreadable;
	clone_task(77, 77, 78, SIGCHLD);
	fake.fault = NULL;
	cr_expect_eq(threads(78), -1);
	cr_expect_eq(threads(0), -1);
	fake_map("target_tgids")->max_entries = 1;
	clone_task(77, 77, 78, SIGCHLD);
	cr_expect_eq(threads(78), -1);
	exit_task(78, 78);
	cr_expect_eq(threads(77), 1);
}
