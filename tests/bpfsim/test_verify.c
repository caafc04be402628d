/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Samples that are sent both ways: walked by the sampler, and copied for user space to unwind. */
#include "sampler_sim.h"
#include "walk_sim.h"

#define SP	 (STACK + 0x1008)
#define PC	 0x550000001234ull
#define RED_ZONE 128

/* Code whose frames the walk finds by their pointers, @n callers deep. */
static void know(unsigned n)
{
	const struct wire_area a = {
		.start = PC & ~0xfffull, .end = PC + 4096, .how = WIRE_HOW_POINTER, .tag = 1
	};
	uint64_t at = SP + 16;

	walk_set_space(&a, 1);
	walk_regs(PC, SP, n ? at : 0);
	for (unsigned i = 0; i < n; i++, at += 64)
		WORDS_AT(at, i + 1 < n ? at + 64 : 0, PC + i + 1);
}

static void start(void)
{
	walk_init();
	config.snapshots_per_cpu = 100;
	config.verify_per_cpu = 100;
	for (uint64_t at = STACK; at < STACK + STACK_BYTES; at += 8)
		fake_user_put(at, at * 3);
	know(3);
}

TestSuite(verify, .init = start, .fini = walk_done);

static const struct wire_verify *last_record(void)
{
	const struct wire_verify *v;
	size_t size;

	cr_assert_gt(sim_records(WIRE_VERIFY), 0);
	v = sim_record(WIRE_VERIFY, sim_records(WIRE_VERIFY) - 1, &size);
	cr_assert_eq(size, WIRE_VERIFY_HEAD + v->snap.n_stack);
	cr_expect_eq(v->snap.rec.type, WIRE_SNAPSHOT);
	cr_expect_eq(v->snap.rec.n_user, 0);
	cr_expect_eq(v->snap.rec.tgid, fake.tgid);
	cr_expect_eq(v->snap.rec.tid, fake.tid);
	cr_expect_eq(v->snap.rec.flags, WIRE_CALLS);
	return v;
}

Test(verify, has_the_walk_and_the_registers_it_began_with)
{
	const uint64_t walked[] = { PC, PC, PC + 1, PC + 2 };
	const struct wire_verify *v;
	uint8_t there[STACK_BYTES];

	sim_tick(true);
	v = last_record();
	cr_expect_eq(v->n_walked, 4, "%u", v->n_walked);
	cr_expect_arr_eq(v->walked, walked, sizeof(walked));
	cr_expect_eq(v->snap.rec.end, WIRE_END_ROOT);
	for (size_t i = 0; i < FAKE_REGS; i++)
		cr_expect_eq(v->snap.regs[i], fake.regs[i], "register %zu", i);
	cr_expect_eq(v->snap.stack_start, SP - RED_ZONE);
	cr_expect_eq(v->snap.n_stack, STACK + STACK_BYTES - (SP - RED_ZONE));
	cr_assert(fake_user_read(SP - RED_ZONE, there, v->snap.n_stack));
	cr_expect_eq(memcmp(v->snap.stack, there, v->snap.n_stack), 0);
	cr_expect_eq(sim_rows(0) + sim_records(WIRE_SAMPLE) + sim_records(WIRE_SNAPSHOT), 0);
	sim_expect_account();
}

Test(verify, of_a_task_in_the_kernel_has_both_its_stacks)
{
	sim_kernel_stack(9, 5);
	sim_tick(false);
	cr_expect_eq(last_record()->snap.rec.n_kernel, 5);
	cr_expect_eq(last_record()->n_walked, 4);
	sim_expect_account();
}

Test(verify, tells_how_a_walk_ended_that_user_space_could_go_on_with)
{
	walk_set_space(NULL, 0);
	sim_tick(true);
	cr_expect_eq(last_record()->snap.rec.end, WIRE_END_MAPPING);
	cr_expect_eq(last_record()->n_walked, 1);
	cr_expect_eq(sim_records(WIRE_STALE), 1);
	sim_expect_account();
}

Test(verify, takes_the_longest_stack)
{
	config.max_user_frames = WIRE_USER_FRAMES;
	know(400);
	sim_tick(true);
	cr_expect_eq(last_record()->n_walked, 401);
	cr_expect_eq(last_record()->walked[400], PC + 399);
	config.max_user_frames = 10;
	sim_tick(true);
	cr_expect_eq(last_record()->n_walked, 10);
	cr_expect_eq(last_record()->snap.rec.end, WIRE_END_DEPTH);
}

Test(verify, is_done_so_often_a_cpu_and_window_and_no_more)
{
	config.verify_per_cpu = 3;
	for (uint32_t set = 0; set < 2; set++) {
		for (uint32_t i = 0; i < 10; i++) {
			fake.cpu = i % 2;
			sim_tick(true);
		}
		cr_expect_eq(sim_records(WIRE_VERIFY), 6 * (set + 1));
		cr_expect_eq(sim_rows(set), 2, "the others are counted as ever");
		sim_swap();
	}
	sim_empty(0);
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_VERIFY), 13, "a set that was drained has new ones");
}

Test(verify, that_finds_no_room_in_the_ring_leaves_a_row)
{
	fake_put_u32("known_tgids", SIM_WALKER, 1);
	fake_map("ring")->max_entries = 4096;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_VERIFY), 0);
	cr_assert_eq(sim_rows(0), 1);
	cr_expect_eq(sim_row(0, 0)->n_user, 4);
	sim_expect_account();
}

Test(verify, needs_a_user_stack)
{
	fake.cs = 0; /* a kernel thread */
	sim_kernel_stack(9, 5);
	sim_tick(false);
	fake.cs = 0x23; /* 32 bits */
	sim_tick(true);
	config.kernel_only = 1;
	fake.cs = 0x33;
	sim_tick(false);
	cr_expect_eq(sim_records(WIRE_VERIFY) + sim_records(WIRE_SNAPSHOT), 0);
	sim_expect_account();
}

Test(verify, is_not_done_unless_wanted)
{
	config.verify_per_cpu = 0;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_VERIFY), 0);
	cr_expect_eq(sim_rows(0), 1);
}

Test(verify, every_sample_can_be_a_snapshot_instead_of_a_walk)
{
	config.verify_per_cpu = 0;
	config.by_snapshot = 1;
	config.snapshots_per_cpu = 3;
	for (int i = 0; i < 5; i++)
		sim_tick(i % 2);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 3);
	cr_expect_eq(fake.wakeups, 0, "user space knows all it needs");
	cr_expect_eq(sim_samples_in_rows(), 2, "beyond the limit, what was walked is kept");
	config.kernel_only = 1;
	sim_swap();
	sim_tick(false);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 3, "nobody wants a user stack");
	sim_expect_account();
}
