/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What one tick becomes where there is room for everything. */
#include "sampler_sim.h"
#include "sim.h"

TestSuite(tick, .init = sim_init, .fini = sim_done);

Test(tick, in_user_mode_becomes_a_row_with_the_user_stack)
{
	const struct wire_row *row;

	sim_task(77, 78);
	sim_tick_event(3, true);
	cr_assert_eq(sim_rows(0), 1);
	row = sim_row(0, 0);
	cr_expect_eq(row->key.tgid, 77);
	cr_expect_eq(row->key.tid, 78);
	cr_expect_eq(row->key.event, 3);
	cr_expect_eq(row->key.flags, 0);
	cr_expect_eq(row->key.end, WIRE_END_UNKNOWN);
	cr_expect_eq(row->key.kernel_stack, WIRE_NO_STACK);
	cr_expect_str_eq(row->key.comm, "t78");
	cr_expect_eq(row->samples, 1);
	cr_expect_eq(row->value, SIM_PERIOD);
	cr_expect_eq(row->n_user, 3);
	cr_expect_arr_eq(row->addr, fake.user.addr, 3 * sizeof(uint64_t));
	sim_expect_account();
}

Test(tick, in_kernel_mode_has_both_stacks)
{
	const struct wire_row *row;

	sim_tick(false);
	row = sim_row(0, 0);
	cr_expect_eq(row->n_user, 3);
	cr_expect_arr_eq(sim_row_kernel(0, &row->key), fake.kernel.addr, 3 * sizeof(uint64_t));
	cr_expect_eq(sim_row_kernel(0, &row->key)[3], 0);
	sim_expect_account();
}

Test(tick, of_every_event_says_which_one_it_was)
{
	for (unsigned i = 0; i < WIRE_MAX_EVENTS; i++) {
		sim_tick_event(i, true);
		cr_expect_eq(sim_row(0, i)->key.event, i);
	}
	cr_expect_eq(sim_rows(0), WIRE_MAX_EVENTS);
	sim_expect_account();
}

Test(tick, like_an_earlier_one_adds_to_its_row)
{
	for (int i = 0; i < 5; i++)
		sim_tick(false);
	cr_assert_eq(sim_rows(0), 1);
	cr_expect_eq(sim_row(0, 0)->samples, 5);
	cr_expect_eq(sim_row(0, 0)->value, 5ull * SIM_PERIOD);
	cr_expect_eq(sim_block(0, 0)->rows, 1);
	sim_expect_account();
}

Test(tick, adds_to_a_row_of_its_own_cpu)
{
	for (unsigned i = 0; i < 10; i++) {
		fake.cpu = i % 2;
		sim_tick(false);
	}
	cr_assert_eq(sim_rows(0), 2);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(sim_row(0, i)->samples, 5);
		cr_expect_eq(sim_block(0, i * config.blocks_per_cpu)->rows, 1);
	}
	sim_expect_account();
}

Test(tick, after_a_thread_renamed_itself_is_another_row)
{
	sim_tick(true);
	strcpy(fake.comm, "renamed");
	sim_tick(true);
	cr_assert_eq(sim_rows(0), 2);
	cr_expect_str_eq(sim_row(0, 1)->key.comm, "renamed");
	cr_expect_eq(sim_row(0, 0)->key.user_stack, sim_row(0, 1)->key.user_stack);
}

Test(tick, of_a_kernel_thread_has_no_user_stack_and_is_not_truncated)
{
	fake.user.n = 0;
	sim_tick(false);
	cr_assert_eq(sim_rows(0), 1);
	cr_expect_eq(sim_row(0, 0)->key.user_stack, 0);
	cr_expect_eq(sim_row(0, 0)->key.end, WIRE_END_ABSENT);
}

Test(tick, in_user_mode_with_an_unreadable_stack_is_counted_and_marked)
{
	fake.user.n = 0;
	sim_tick(true);
	cr_assert_eq(sim_rows(0), 1);
	cr_expect_eq(sim_row(0, 0)->key.user_stack, 0);
	cr_expect_eq(sim_row(0, 0)->key.end, WIRE_END_READ);
	sim_expect_account();
}

Test(tick, marks_user_stacks_that_reach_the_limit)
{
	static const struct {
		int n;
		unsigned limit, stored;
		bool marked;
	} t[] = {
		{ 126, 127, 126, false }, { 127, 127, 127, true }, { 200, 127, 127, true },
		{ 9, 10, 9, false },	  { 10, 10, 10, true },	   { 11, 10, 10, true },
		{ 1, 1, 1, true },	  { 200, 500, 127, true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const struct wire_row *row;

		sim_init();
		config.max_user_frames = t[i].limit;
		sim_user_stack(1, t[i].n);
		sim_tick(true);
		row = sim_row(0, 0);
		cr_expect_eq(row->n_user, t[i].stored, "%d frames, limit %u", t[i].n, t[i].limit);
		cr_expect_arr_eq(row->addr, fake.user.addr, row->n_user * sizeof(uint64_t));
		cr_expect_eq(row->key.end, t[i].marked ? WIRE_END_DEPTH : WIRE_END_UNKNOWN,
			     "%d frames, limit %u", t[i].n, t[i].limit);
	}
}

Test(tick, keeps_the_deepest_kernel_stack_whole)
{
	sim_kernel_stack(1, WIRE_KERNEL_FRAMES);
	sim_tick(false);
	cr_expect_arr_eq(sim_row_kernel(0, &sim_row(0, 0)->key), fake.kernel.addr,
			 WIRE_KERNEL_FRAMES * sizeof(uint64_t));
}

Test(tick, on_an_idle_cpu_is_idle_and_nothing_else)
{
	sim_task(0, 0);
	sim_tick(false);
	config.by_tgid = 1;
	sim_tick(false);
	cr_expect_eq(sim_counter(CTR_IDLE), 2);
	cr_expect_eq(fake_map("ring")->n, 0);
	cr_expect_eq(sim_rows(0), 0);
	sim_expect_account();
}

Test(tick, goes_to_the_active_set)
{
	sim_tick(false);
	sim_swap();
	sim_tick(false);
	sim_tick(false);
	cr_expect_eq(sim_row(0, 0)->samples, 1);
	cr_expect_eq(sim_row(1, 0)->samples, 2);
	cr_expect_eq(sim_row(1, 0)->n_user, 3, "each set has stacks of its own");
	cr_expect_arr_eq(sim_row_kernel(1, &sim_row(1, 0)->key), fake.kernel.addr, 24);
	sim_expect_account();
}

Test(tick, keeps_a_row_s_user_stack_once_and_each_row_has_its_own)
{
	for (uint32_t tid = 10; tid < 20; tid++) {
		sim_task(10, tid);
		sim_tick(true);
		sim_tick(true);
	}
	cr_assert_eq(sim_rows(0), 10);
	for (size_t i = 0; i < 10; i++) {
		cr_expect_eq(sim_row(0, i)->key.user_stack, sim_row(0, 0)->key.user_stack);
		cr_expect_eq(sim_row(0, i)->samples, 2);
		cr_expect_eq(sim_row(0, i)->n_user, 3);
	}
	cr_expect_eq(sim_block(0, 0)->used, 10 * wire_row_bytes(3));
}

/* Where all keys share one bucket, rows are found as long as it has room, and never lost. */
Test(tick, with_a_bucket_too_small_becomes_a_row_again)
{
	sim_start(&(struct sim_sizes){ .buckets_per_cpu = 1 });
	for (uint32_t tid = 0; tid < 3 * WIRE_BUCKET_PLACES; tid++) {
		sim_task(10, 10 + tid % WIRE_BUCKET_PLACES);
		sim_tick(true);
	}
	cr_expect_eq(sim_rows(0), WIRE_BUCKET_PLACES);
	for (uint32_t tid = 0; tid < 100; tid++) {
		sim_task(10, 10 + tid);
		sim_tick(true);
	}
	cr_expect_geq(sim_rows(0), 100);
	sim_expect_account();
}

Test(tick, tells_apart_stacks_that_are_parts_of_each_other)
{
	for (unsigned n = 1; n <= 100; n++) {
		sim_user_stack(1, (int)n);
		sim_tick(true);
	}
	cr_assert_eq(sim_rows(0), 100);
	for (unsigned n = 1; n <= 100; n++)
		cr_expect_eq(sim_row(0, n - 1)->n_user, n);
}

Test(tick, announces_each_process_once)
{
	const struct wire_notice *notice;
	size_t size;

	for (uint32_t tgid = 1; tgid <= 3; tgid++)
		for (uint32_t tid = tgid; tid < tgid + 5; tid++) {
			sim_task(tgid, tid);
			sim_tick(true);
		}
	cr_assert_eq(sim_records(WIRE_NEW_PROCESS), 3);
	cr_expect_eq(fake.wakeups, 3, "user space is woken while the process lives");
	for (uint32_t i = 0; i < 3; i++) {
		notice = sim_record(WIRE_NEW_PROCESS, i, &size);
		cr_expect_eq(size, sizeof(*notice));
		cr_expect_eq(notice->tgid, i + 1);
	}
}

Test(tick, announces_again_when_the_ring_was_full_or_the_process_forgotten)
{
	sim_start(&(struct sim_sizes){ .ring_bytes = 8, .known = 2 });
	sim_tick(true);
	cr_expect_eq(fake_map("known_tgids")->n, 0, "nobody was told");
	fake_map("ring")->max_entries = 4096;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1);
	for (uint32_t tgid = 1; tgid <= 2; tgid++) {
		sim_task(tgid, tgid);
		sim_tick(true);
	}
	sim_task(77, 77);
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 4, "77 made room for 1 and 2");
	sim_expect_account();
}

Test(tick, says_whose_it_was_when_the_row_began)
{
	fake.uid = 1000;
	fake.gid = 7;
	fake.cgroup_id = 0x100000042;
	config.has_cgroups = 1;
	sim_tick(true);
	fake.uid = 0;
	fake.cgroup_id = 1;
	sim_tick(true);
	cr_assert_eq(sim_rows(0), 1);
	cr_expect_eq(sim_row(0, 0)->uid, 1000);
	cr_expect_eq(sim_row(0, 0)->cgroup, 0x100000042);
	sim_empty(0);
	sim_tick(true);
	cr_expect_eq(sim_row(0, 0)->uid, 0);
	cr_expect_eq(sim_row(0, 0)->cgroup, 1);
}

Test(tick, of_a_kernel_without_cgroups_has_none)
{
	fake.cgroup_id = 77;
	sim_tick(true);
	cr_expect_eq(sim_row(0, 0)->cgroup, 0);
}
