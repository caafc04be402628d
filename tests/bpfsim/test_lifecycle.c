/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the sampler knows of a process when that process execs or exits, and of one that is
 * restless. */
#include "sampler_sim.h"
#include "walk_sim.h"

#define CODE 0x401000ull

TestSuite(lifecycle, .init = walk_init, .fini = walk_done);

static void know(bool is_restless)
{
	const struct wire_area a = {
		.start = CODE, .end = CODE + 4096, .how = WIRE_HOW_POINTER, .tag = 1
	};
	struct wire_space *space;

	walk_set_space(&a, 1);
	space = fake_get("spaces", SIM_WALKER);
	space->restless = is_restless;
}

/* What is known is all that had happened before @time_ns. */
static void as_of(uint64_t time_ns)
{
	struct wire_space *space = fake_get("spaces", SIM_WALKER);

	space->as_of_ns = time_ns;
}

static bool is_known(void)
{
	return fake_get("spaces", SIM_WALKER) != NULL;
}

static void tick(void)
{
	walk_regs(CODE + 8, STACK, 0);
	sim_tick(true);
}

Test(lifecycle, exec_makes_a_process_unknown)
{
	know(false);
	tick();
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 0, "who gave it a space knows it");
	sim_task(SIM_WALKER, SIM_WALKER + 1); /* whichever thread it is that execs */
	cr_expect_eq(forget_at_exec(NULL), 0);
	cr_expect_not(is_known());
	tick();
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1, "user space is told");
	sim_expect_account();
}

Test(lifecycle, exit_of_the_first_thread_makes_a_process_unknown)
{
	know(false);
	tick();
	sim_task(SIM_WALKER, SIM_WALKER + 1);
	cr_expect_eq(forget_at_exit(NULL), 0);
	cr_expect(is_known(), "a thread more or less");
	sim_task(SIM_WALKER, SIM_WALKER);
	cr_expect_eq(forget_at_exit(NULL), 0);
	cr_expect_not(is_known());
	cr_expect_eq(fake_map("known_tgids")->n, 0);
}

/* A number that is used again at once, while the sampler remembers what was known of it. */
Test(lifecycle, what_is_remembered_of_a_process_goes_with_it)
{
	struct walked w;

	know(false);
	walk_regs(CODE + 8, STACK, 0);
	walk_tick(true, &w);
	cr_expect_eq(w.end, WIRE_END_NO_INFO);
	cr_expect_eq(forget_at_exit(NULL), 0);
	walk_tick(true, &w);
	cr_expect_eq(w.end, WIRE_END_LOADING);
}

Test(lifecycle, others_stay_known)
{
	know(false);
	sim_task(SIM_WALKER + 5, SIM_WALKER + 5);
	cr_expect_eq(forget_at_exec(NULL), 0);
	cr_expect_eq(forget_at_exit(NULL), 0);
	cr_expect(is_known());
}

/* User space was about to speak of the program that the process was. */
Test(lifecycle, what_comes_late_of_the_program_before_is_not_believed)
{
	struct walked w;

	know(false);
	fake.now_ns = 1000;
	sim_task(SIM_WALKER, SIM_WALKER);
	cr_expect_eq(forget_at_exec(NULL), 0);
	know(false);
	as_of(999);
	walk_regs(CODE + 8, STACK, 0);
	walk_tick(true, &w);
	cr_expect_eq(w.end, WIRE_END_LOADING, "%s", walk_end_text(w.end));
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1, "user space is told");
	know(false);
	as_of(fake.now_ns);
	walk_tick(true, &w);
	cr_expect_neq(w.end, WIRE_END_LOADING, "this is of the program that runs");
}

/* Nor of the process that had the number. */
Test(lifecycle, what_comes_late_of_a_process_that_ended_is_not_believed)
{
	struct walked w;

	know(false);
	fake.now_ns = 1000;
	sim_task(SIM_WALKER, SIM_WALKER);
	cr_expect_eq(forget_at_exit(NULL), 0);
	know(false);
	as_of(999);
	walk_regs(CODE + 8, STACK, 0);
	walk_tick(true, &w);
	cr_expect_eq(w.end, WIRE_END_LOADING, "%s", walk_end_text(w.end));
}

Test(lifecycle, what_is_known_stays_when_another_number_begins_a_program)
{
	struct walked w;

	know(false);
	fake.now_ns = 1000;
	sim_task(SIM_WALKER + WIRE_BEGUN, SIM_WALKER + WIRE_BEGUN);
	cr_expect_eq(forget_at_exec(NULL), 0);
	sim_task(SIM_WALKER, SIM_WALKER);
	walk_regs(CODE + 8, STACK, 0);
	walk_tick(true, &w);
	cr_expect_neq(w.end, WIRE_END_LOADING, "it is of another process");
}

Test(lifecycle, sample_in_execve_says_so)
{
	static const struct {
		uint64_t syscall;
		bool in_user, says;
	} t[] = { { 59, false, true },
		  { 322, false, true },
		  { 60, false, false },
		  { 0, false, false },
		  { 59, true, false } };

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct walked w;

		know(false);
		walk_regs(CODE + 8, STACK, 0);
		fake.syscall = t[i].syscall;
		walk_tick(t[i].in_user, &w);
		cr_expect_eq(!!(w.flags & WIRE_IN_EXEC), t[i].says, "%zu", i);
	}
}

Test(lifecycle, restless_process_has_each_sample_sent)
{
	const struct wire_sample *s, *t;
	size_t size;

	know(true);
	tick();
	tick();
	cr_expect_eq(sim_rows(0), 0, "two that look the same need not be the same");
	cr_assert_eq(sim_records(WIRE_SAMPLE), 2);
	s = sim_record(WIRE_SAMPLE, 0, &size);
	t = sim_record(WIRE_SAMPLE, 1, &size);
	cr_expect_neq(s->flags & WIRE_RESTLESS, 0);
	cr_expect_lt(s->time_ns, t->time_ns);
	sim_expect_account();
}

Test(lifecycle, restless_process_has_its_stack_copied)
{
	know(true);
	config.snapshots_per_cpu = 1;
	tick();
	tick();
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 1);
	cr_expect_eq(sim_records(WIRE_SAMPLE), 1, "the limit holds for it, too");
	cr_expect_eq(sim_rows(0), 0);
	sim_expect_account();
}

Test(lifecycle, row_tells_the_time_of_its_first_sample)
{
	uint64_t first;

	know(false);
	fake.now_ns = 1000;
	tick();
	cr_assert_eq(sim_rows(0), 1);
	first = sim_row(0, 0)->time_ns;
	cr_expect_geq(first, 1000);
	tick();
	cr_expect_eq(sim_row(0, 0)->samples, 2);
	cr_expect_eq(sim_row(0, 0)->time_ns, first);
}
