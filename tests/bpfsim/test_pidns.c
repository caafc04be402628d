/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* In a PID namespace of its own the sampler goes by the numbers of that, and whoever has none in it
 * is nobody's. */
#include <sched.h>
#include <signal.h>
#include <stddef.h>

#include <linux/bpf.h>

#include "sampler_sim.h"
#include "sim.h"

#define OURS 4026532178u

static const struct fake_pidns machine = { .inum = 4026531836u }, around = { .inum = OURS - 1 },
			       ours = { .inum = OURS }, within = { .inum = OURS + 1 },
			       theirs = { .inum = OURS + 2 };

static void inside_init(void)
{
	sim_init();
	config.pidns = OURS;
	pidns = (struct wire_pidns){
		.task_pid = offsetof(struct fake_task, thread_pid),
		.task_signal = offsetof(struct fake_task, signal),
		.signal_pids = offsetof(struct fake_signal, pids),
		.pid_level = offsetof(struct fake_pid, level),
		.pid_numbers = offsetof(struct fake_pid, numbers),
		.upid_nr = offsetof(struct fake_pid, numbers[0].nr) -
			   offsetof(struct fake_pid, numbers),
		.upid_ns = offsetof(struct fake_pid, numbers[0].ns) -
			   offsetof(struct fake_pid, numbers),
		.upid_bytes = sizeof(((struct fake_pid *)0)->numbers[0]),
		.ns_inum = offsetof(struct fake_pidns, inum),
	};
}

TestSuite(pidns, .init = inside_init, .fini = sim_done);

/* Who has number @nr on the machine and @inside in our namespace. */
static struct fake_pid resident(int nr, int inside)
{
	return (struct fake_pid){ .level = 1, .numbers = { { nr, &machine }, { inside, &ours } } };
}

/* Makes the thread @tid of process @tgid the current task, who has these numbers on the machine. */
static void run_as(const struct fake_pid *tgid, const struct fake_pid *tid)
{
	static struct fake_signal signal;
	static struct fake_task task;

	signal = (struct fake_signal){ .pids = { NULL, tgid } };
	task = (struct fake_task){ .thread_pid = tid, .signal = &signal };
	sim_task((uint32_t)tgid->numbers[0].nr, (uint32_t)tid->numbers[0].nr);
	fake.thread_pid = tid;
	fake.signal = &signal;
	fake.task = &task;
}

/* The row of a tick of @tid; NULL when it is filtered. */
static const struct wire_key *tick(const struct fake_pid *tgid, const struct fake_pid *tid)
{
	uint64_t filtered = sim_counter(CTR_FILTERED);
	size_t rows = sim_rows(0);

	run_as(tgid, tid);
	sim_tick(true);
	sim_expect_account();
	if (sim_rows(0) > rows)
		return &sim_row(0, rows)->key;
	cr_expect_eq(sim_counter(CTR_FILTERED), filtered + 1);
	return NULL;
}

Test(pidns, samples_have_the_numbers_of_the_namespace)
{
	struct fake_pid tgid = resident(5000, 7), tid = resident(5001, 8);
	const struct wire_key *k = tick(&tgid, &tid);

	cr_assert_not_null(k);
	cr_expect_eq(k->tgid, 7);
	cr_expect_eq(k->tid, 8);
	cr_expect_not_null(fake_get_u32("known_tgids", 7), "announced by that number");
	k = tick(&tgid, &tgid);
	cr_assert_not_null(k);
	cr_expect_eq(k->tid, 7);
}

Test(pidns, what_is_outside_is_filtered_and_not_announced)
{
	struct fake_pid out = { .level = 0, .numbers = { { 7, &machine } } };
	struct fake_pid other = { .level = 1, .numbers = { { 5000, &machine }, { 7, &theirs } } };
	struct fake_pid beside = {
		.level = 2, .numbers = { { 5000, &machine }, { 7, &around }, { 7, &theirs } }
	};

	cr_expect_null(tick(&out, &out));
	cr_expect_null(tick(&other, &other));
	cr_expect_null(tick(&beside, &beside));
	config.by_tgid = 1;
	fake_put_u32("target_tgids", 7, 1);
	cr_expect_null(tick(&out, &out), "7 is another one");
	config.only_tgid = 7;
	cr_expect_null(tick(&other, &other));
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 0);
}

Test(pidns, namespaces_may_be_around_ours_and_within_it)
{
	struct fake_pid deep = { .level = 2,
				 .numbers = { { 5000, &machine }, { 70, &around }, { 7, &ours } } };
	struct fake_pid deeper = {
		.level = 3,
		.numbers = { { 5001, &machine }, { 71, &around }, { 8, &ours }, { 1, &within } }
	};
	const struct wire_key *k = tick(&deep, &deep);

	cr_assert_not_null(k);
	cr_expect_eq(k->tgid, 7);
	k = tick(&deeper, &deeper);
	cr_assert_not_null(k);
	cr_expect_eq(k->tgid, 8);
}

Test(pidns, an_idle_cpu_is_idle)
{
	struct fake_pid none = { .level = 0, .numbers = { { 0, &machine } } };

	run_as(&none, &none);
	sim_tick(false);
	cr_expect_eq(sim_counter(CTR_IDLE), 1);
	sim_expect_account();
}

/* Its last instructions in the kernel. */
Test(pidns, a_task_that_has_given_its_number_back_is_nobody)
{
	struct fake_pid tgid = resident(5000, 7);

	run_as(&tgid, &tgid);
	fake.thread_pid = NULL;
	sim_tick(false);
	cr_expect_eq(sim_counter(CTR_FILTERED), 1);
	fake.thread_pid = &tgid;
	fake.signal = NULL;
	sim_tick(false);
	cr_expect_eq(sim_counter(CTR_FILTERED), 2);
	sim_expect_account();
}

static int unreadable(enum fake_call call, const char *map)
{
	(void)map;
	return call == FAKE_READ ? -EFAULT : 0;
}

Test(pidns, a_number_that_cannot_be_read_is_none)
{
	struct fake_pid tgid = resident(5000, 7);

	run_as(&tgid, &tgid);
	fake.fault = unreadable;
	cr_expect_eq(id_inside(), 0);
	cr_expect_eq(number_inside((uintptr_t)&tgid), 0);
	fake.fault = NULL;
	cr_expect_eq(id_inside(), 7ull << 32 | 7);
	cr_expect_eq(number_inside((uintptr_t)&tgid), 7);
}

/* The current task clones @child. */
static void clone_task(const struct fake_pid *child, uint64_t flags)
{
	const struct fake_task task = { .thread_pid = child };
	union {
		struct bpf_raw_tracepoint_args args;
		uint64_t word[2];
	} u = { .word = { (uintptr_t)&task, flags } };

	cr_expect_eq(follow_newtask_inside(&u.args), 0);
}

Test(pidns, children_are_followed_by_the_numbers_of_the_namespace)
{
	struct fake_pid a = resident(5000, 7), thread = resident(5001, 8), b = resident(5002, 9);
	struct fake_pid stranger = { .level = 0, .numbers = { { 7, &machine } } };
	struct fake_pid c = resident(5003, 10);

	config.by_tgid = config.by_tid = 1;
	fake_put_u32("target_tgids", 7, 1);
	fake_put_u32("target_tids", 7, 1);
	run_as(&a, &a);
	clone_task(&thread, CLONE_THREAD | CLONE_VM);
	clone_task(&b, SIGCHLD);
	cr_assert_not_null(fake_get_u32("target_tgids", 9));
	cr_expect_eq(*fake_get_u32("target_tgids", 7), 2);
	cr_expect_not_null(fake_get_u32("target_tids", 8));
	run_as(&stranger, &stranger);
	clone_task(&c, SIGCHLD);
	cr_expect_null(fake_get_u32("target_tgids", 10), "it came in from outside");
	cr_expect_eq(follow_exit(NULL), 0);
	cr_expect_eq(*fake_get_u32("target_tgids", 7), 2, "a stranger ended");
	run_as(&b, &b);
	cr_expect_eq(follow_exit(NULL), 0);
	cr_expect_null(fake_get_u32("target_tgids", 9));
	cr_expect_null(fake_get_u32("target_tids", 9));
}

Test(pidns, a_child_outside_is_not_followed)
{
	struct fake_pid a = resident(5000, 7);
	struct fake_pid out = { .level = 0, .numbers = { { 9, &machine } } };

	config.by_tgid = 1;
	fake_put_u32("target_tgids", 7, 1);
	run_as(&a, &a);
	clone_task(&out, SIGCHLD);
	cr_expect_eq(fake_map("target_tgids")->n, 1);
}

Test(pidns, strangers_that_exec_and_exit_are_no_residents)
{
	struct fake_pid a = resident(5000, 7);
	struct fake_pid stranger = { .level = 0, .numbers = { { 7, &machine } } };

	fake_put_u32("known_tgids", 7, 0);
	run_as(&stranger, &stranger);
	forget_at_exec(NULL);
	forget_at_exit(NULL);
	cr_expect_not_null(fake_get_u32("known_tgids", 7));
	run_as(&a, &a);
	forget_at_exec(NULL);
	cr_expect_null(fake_get_u32("known_tgids", 7));
	fake_put_u32("known_tgids", 7, 0);
	forget_at_exit(NULL);
	cr_expect_null(fake_get_u32("known_tgids", 7));
}

Test(pidns, wick_itself_is_known_by_its_number_inside)
{
	struct fake_pid self = resident(5000, SIM_SELF), other = resident(SIM_SELF, 7);

	cr_expect_null(tick(&self, &self));
	cr_expect_not_null(tick(&other, &other));
}
