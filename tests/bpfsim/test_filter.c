/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Which ticks are recorded and which are turned away. */
#include "sampler_sim.h"
#include "sim.h"

TestSuite(filter, .init = sim_init, .fini = sim_done);

/* Whether a tick of the current task is recorded; it is counted as filtered otherwise. */
static bool is_recorded(bool in_user)
{
	uint64_t filtered = sim_counter(CTR_FILTERED), rows = sim_samples_in_rows();
	bool recorded;

	sim_tick(in_user);
	recorded = sim_samples_in_rows() == rows + 1;
	cr_expect_eq(sim_counter(CTR_FILTERED), filtered + !recorded);
	sim_expect_account();
	return recorded;
}

Test(filter, records_everybody_but_ourselves)
{
	cr_expect(is_recorded(true));
	sim_task(SIM_SELF, SIM_SELF + 1);
	cr_expect_not(is_recorded(true));
	cr_expect_not(is_recorded(false));
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1, "what is filtered is not announced");
}

Test(filter, records_ourselves_when_we_are_a_target)
{
	config.by_tgid = 1;
	fake_put_u32("target_tgids", SIM_SELF, 1);
	sim_task(SIM_SELF, SIM_SELF + 1);
	cr_expect(is_recorded(true));
}

Test(filter, knows_an_only_target_without_looking)
{
	config.only_tgid = 10;
	config.by_tgid = 1;
	cr_expect_not(is_recorded(true));
	sim_task(10, 11);
	cr_expect(is_recorded(true));
	config.only_tgid = SIM_SELF;
	cr_expect_not(is_recorded(true));
	sim_task(SIM_SELF, SIM_SELF + 1);
	cr_expect(is_recorded(true), "ourselves, too");
}

/* Process 10 and thread 21 are targets, cgroup 2 is. */
Test(filter, combines_processes_threads_and_cgroups)
{
	static const struct {
		bool by_tgid, by_tid, by_cgroup;
		uint32_t tgid, tid, cgroups;
		bool recorded;
	} t[] = {
		{ true, false, false, 10, 10, 0, true },
		{ true, false, false, 10, 19, 0, true },
		{ true, false, false, 20, 21, 0, false },
		{ false, true, false, 20, 21, 0, true },
		{ false, true, false, 21, 22, 0, false }, /* a process id is no thread id */
		{ false, true, false, 10, 10, 0, false },
		{ true, true, false, 10, 10, 0, true }, /* either will do */
		{ true, true, false, 20, 21, 0, true },
		{ true, true, false, 20, 20, 0, false },
		{ false, false, true, 30, 30, 1 << 2, true },
		{ false, false, true, 30, 30, 1 << 1, true },
		{ false, false, true, 30, 30, 1 << 3, false }, /* beyond n_cgroups */
		{ false, false, true, 30, 30, 0, false },
		{ false, false, true, SIM_SELF, SIM_SELF, 1 << 2, false },
		{ true, false, true, 10, 10, 1 << 2, true }, /* both are wanted */
		{ true, false, true, 10, 10, 0, false },
		{ true, false, true, 20, 20, 1 << 2, false },
		{ false, true, true, 20, 21, 1 << 0, true },
	};

	fake_put_u32("target_tgids", 10, 1);
	fake_put_u32("target_tids", 21, 1);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		config.by_tgid = t[i].by_tgid;
		config.by_tid = t[i].by_tid;
		config.n_cgroups = t[i].by_cgroup ? 3 : 0;
		sim_task(t[i].tgid, t[i].tid);
		fake.cgroups = t[i].cgroups;
		cr_expect_eq(is_recorded(true), t[i].recorded, "case %zu", i);
	}
}

Test(filter, looks_up_children_of_an_only_target_once_there_are_some)
{
	config.only_tgid = 10;
	config.by_tgid = 1;
	fake_put_u32("target_tgids", 20, 1);
	sim_task(20, 20);
	cr_expect_not(is_recorded(true), "it has none");
	targets_born = 1;
	cr_expect(is_recorded(true));
	sim_task(30, 30);
	cr_expect_not(is_recorded(true));
}

/* --- processes that are described ----------------------------------------------------------------
 */

/* What user space has said of process 10: it lacks @lacks; -1 = nothing. */
static void said(int lacks)
{
	fake_map("known_tgids")->n = 0;
	if (lacks >= 0)
		fake_put_u32("known_tgids", 10, (uint32_t)lacks);
}

/* What the row of thread @tid says that it showed. */
static int flags_of(uint32_t tid)
{
	for (size_t i = 0; i < sim_rows(0); i++)
		if (sim_row(0, i)->key.tid == tid)
			return sim_row(0, i)->key.flags & WIRE_JUDGED;
	return -1;
}

Test(filter, combines_what_the_task_shows_with_what_user_space_said)
{
	enum { COMM = WIRE_OF_COMM, USER = WIRE_OF_USER, BOX = WIRE_IN_CONTAINER };
	static const struct {
		int judged, shows, lacks;
		bool recorded;
	} t[] = {
		{ COMM, 0, -1, true }, /* nobody has looked: user space will decide */
		{ COMM, 0, 0, true },
		{ COMM, 0, COMM, false },
		{ COMM, USER, COMM, false },
		{ USER, USER, -1, true },
		{ USER, USER, USER, true }, /* it has become that user since */
		{ USER, 0, USER, false },
		{ USER, 0, 0, true }, /* a child of one that was asked for */
		{ USER, 0, -1, true },
		{ BOX, BOX, BOX, true },
		{ BOX, 0, BOX, false },
		{ COMM | USER, USER, COMM, false },
		{ COMM | USER, USER, USER, true },
		{ COMM | USER, 0, USER, false },
		{ COMM | USER | BOX, USER | BOX, USER | BOX, true },
		{ COMM | USER | BOX, USER, BOX, false },
		{ USER | BOX, USER | BOX, USER | BOX, true },
	};

	config.n_users = 2;
	config.users[1] = 7;
	n_containers = 2;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		config.judged = (uint8_t)t[i].judged;
		sim_task(10, 11 + (uint32_t)i);
		fake.uid = t[i].shows & USER ? 7 : 6;
		fake.cgroups = t[i].shows & BOX ? 1u << (WIRE_MAX_CGROUPS + 1) : 1;
		said(t[i].lacks);
		cr_expect_eq(is_recorded(true), t[i].recorded, "case %zu", i);
		if (t[i].recorded)
			cr_expect_eq(flags_of(11 + (uint32_t)i), t[i].shows & t[i].judged,
				     "case %zu", i);
	}
}

Test(filter, narrows_what_was_named)
{
	config.by_tgid = 1;
	config.judged = WIRE_OF_USER;
	config.n_users = 1;
	config.users[0] = 7;
	fake_put_u32("target_tgids", 10, 1);
	fake_put_u32("known_tgids", 10, WIRE_OF_USER);
	sim_task(10, 10);
	fake.uid = 7;
	cr_expect(is_recorded(true));
	fake.uid = 8;
	cr_expect_not(is_recorded(true));
	fake.uid = 7;
	sim_task(12, 12);
	cr_expect_not(is_recorded(true));
}

Test(filter, forgets_at_exec_what_was_said)
{
	config.judged = WIRE_OF_COMM;
	sim_task(10, 10);
	said(WIRE_OF_COMM);
	cr_expect_not(is_recorded(true));
	forget_at_exec(NULL);
	cr_expect(is_recorded(true));
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1, "and asks again");
	cr_expect(is_recorded(true));
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1, "once");
}

Test(filter, looks_at_all_cgroups_and_no_more)
{
	config.n_cgroups = WIRE_MAX_CGROUPS;
	fake.cgroups = 1u << (WIRE_MAX_CGROUPS - 1);
	cr_expect(is_recorded(true));
	fake.cgroups = 1u << WIRE_MAX_CGROUPS;
	cr_expect_not(is_recorded(true));
	config.n_cgroups = WIRE_MAX_CGROUPS + 1;
	cr_expect_not(is_recorded(true));
}

Test(filter, kernel_only_keeps_kernel_stacks_of_ticks_in_the_kernel)
{
	config.kernel_only = 1;
	cr_expect_not(is_recorded(true));
	cr_expect(is_recorded(false));
	cr_expect_eq(sim_row(0, 0)->key.user_stack, 0);
	cr_expect_eq(sim_row(0, 0)->key.flags, 0, "a stack that nobody wants is not missing");
	cr_expect_neq(sim_row(0, 0)->key.kernel_stack, WIRE_NO_STACK);
	cr_expect_eq(sim_row(0, 0)->n_user, 0);
}

Test(filter, user_only_keeps_user_stacks_of_all_ticks)
{
	config.user_only = 1;
	cr_expect(is_recorded(true));
	cr_expect(is_recorded(false));
	cr_assert_eq(sim_rows(0), 1, "without the kernel stack the two are the same");
	cr_expect_eq(sim_row(0, 0)->key.kernel_stack, WIRE_NO_STACK);
	cr_expect_eq(sim_row(0, 0)->n_user, 3);
}

Test(filter, user_only_turns_kernel_threads_away)
{
	config.user_only = 1;
	fake.user.n = 0;
	cr_expect_not(is_recorded(false));
	cr_expect(is_recorded(true), "in user mode it has a stack, if an unreadable one");
	cr_expect_eq(sim_row(0, 0)->key.end, WIRE_END_READ);
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1);
}
