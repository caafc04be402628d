/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Copies of stacks for user space to unwind, where the sampler cannot. */
#include "sampler_sim.h"
#include "walk_sim.h"

#define SP	 (STACK + 0x1008) /* its red zone is on the page below */
#define PC	 0x550000001234ull
#define RED_ZONE 128

static void start(void)
{
	walk_init();
	config.snapshots_per_cpu = 100;
	walk_regs(PC, SP, STACK + 0x2000);
	for (uint64_t at = STACK; at < STACK + STACK_BYTES; at += 8)
		fake_user_put(at, at * 3);
}

TestSuite(snapshot, .init = start, .fini = walk_done);

/* The latest snapshot, whose stack must be what is there from @from on, up to @to. */
static const struct wire_snapshot *last_snapshot(uint64_t from, uint64_t to)
{
	const struct wire_snapshot *s;
	uint8_t *there = malloc(to - from);
	size_t size;

	cr_assert_gt(sim_records(WIRE_SNAPSHOT), 0);
	s = sim_record(WIRE_SNAPSHOT, sim_records(WIRE_SNAPSHOT) - 1, &size);
	cr_assert_eq(size, WIRE_SNAPSHOT_HEAD + s->n_stack);
	cr_expect_eq(s->rec.tgid, fake.tgid);
	cr_expect_eq(s->rec.tid, fake.tid);
	cr_expect_eq(s->rec.value, SIM_PERIOD);
	cr_expect_arr_eq(s->rec.comm, fake.comm, WIRE_COMM);
	cr_expect_eq(s->rec.n_user, 0);
	for (size_t i = 0; i < FAKE_REGS; i++)
		cr_expect_eq(s->regs[i], fake.regs[i], "register %zu", i);
	cr_expect_eq(s->stack_start, from, "from %#lx", (unsigned long)s->stack_start);
	cr_expect_eq(s->n_stack, to - from, "%u bytes", s->n_stack);
	cr_assert(fake_user_read(from, there, to - from));
	cr_expect_eq(memcmp(s->stack, there, s->n_stack), 0);
	free(there);
	return s;
}

static void know(uint32_t how)
{
	const struct wire_area a = {
		.start = PC & ~0xfffull, .end = PC + 4096, .how = how, .tag = 1
	};

	walk_set_space(&a, 1);
}

Test(snapshot, is_sent_of_a_process_that_is_not_known_yet)
{
	const struct wire_snapshot *s;

	sim_tick_event(5, true);
	s = last_snapshot(SP - RED_ZONE, STACK + STACK_BYTES);
	cr_expect_eq(s->rec.end, WIRE_END_LOADING);
	cr_expect_eq(s->rec.event, 5);
	cr_expect_eq(s->rec.flags, WIRE_CALLS);
	cr_expect_eq(s->rec.n_kernel, 0);
	cr_expect_eq(sim_rows(0) + sim_records(WIRE_SAMPLE), 0);
	cr_expect_eq(sim_records(WIRE_NEW_PROCESS), 1);
	cr_expect_eq(fake.wakeups, 2, "the process may not live long");
	sim_expect_account();
}

Test(snapshot, has_the_code_of_its_leaf_as_far_as_it_is_there)
{
	const uint64_t code[] = { 0x1111111122222222ull, 0x3333333344444444ull };
	const struct wire_snapshot *s;
	size_t size;

	for (int i = 0; i < 3; i++) {
		uint64_t at = PC & ~0xfffull;

		fake_user_unmap(at - 4096, 8192);
		if (i)
			fake_user_map(at, 4096);
		if (i == 2)
			fake_user_map(at - 4096, 4096);
		if (i)
			fake_user_put(at, code[0]);
		if (i == 2)
			fake_user_put(at - 8, code[1]);
		walk_regs(at, SP, 0);
		sim_tick(true);
		s = sim_record(WIRE_SNAPSHOT, (size_t)i, &size);
		cr_expect_eq(s->code.at[0], i ? 0x22222222 : 0);
		cr_expect_eq(s->code.at[1], i ? 0x11111111 : 0);
		cr_expect_eq(s->code.before, i == 2 ? 0x33333333 : 0);
	}
}

Test(snapshot, is_sent_where_user_space_could_do_better)
{
	static const struct {
		uint32_t how;
		size_t n;
	} t[] = {
		{ WIRE_HOW_WAIT, 1 },
		{ WIRE_HOW_ROWS, 1 }, /* evicted */
		{ WIRE_HOW_NONE, 0 },
		{ WIRE_HOW_POINTER, 0 },
	};
	size_t n = 0;

	walk_regs(PC, SP, 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		know(t[i].how);
		fake.tid++;
		sim_tick(true);
		n += t[i].n;
		cr_expect_eq(sim_records(WIRE_SNAPSHOT), n, "how %u", t[i].how);
	}
	walk_set_space(NULL, 0);
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), n + 1, "a mapping that is not known");
	cr_expect_eq(sim_records(WIRE_STALE), 1);
	fake.cs = 0x23;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), n + 1, "no registers");
	sim_expect_account();
}

Test(snapshot, is_not_sent_of_stacks_that_the_kernel_walks)
{
	config.by_pointer = 1;
	sim_tick(true);
	fake.user.n = 0;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 0);
	sim_expect_account();
}

Test(snapshot, of_a_task_in_the_kernel_has_both_its_stacks)
{
	const struct wire_snapshot *s;

	sim_kernel_stack(9, 5);
	sim_tick(false);
	s = last_snapshot(SP - RED_ZONE, STACK + STACK_BYTES);
	cr_expect_eq(s->rec.n_kernel, 5);
	cr_expect_arr_eq(s->kernel, fake.kernel.addr, 5 * sizeof(uint64_t));
	cr_expect_eq(s->rec.flags, WIRE_CALLS);
	sim_kernel_stack(9, FAKE_FRAMES);
	sim_tick(false);
	s = last_snapshot(SP - RED_ZONE, STACK + STACK_BYTES);
	cr_expect_eq(s->rec.n_kernel, WIRE_KERNEL_FRAMES);
	cr_expect_eq(s->rec.flags, WIRE_CALLS | WIRE_KERNEL_DEPTH);
	sim_kernel_stack(9, 0);
	sim_tick(false);
	s = last_snapshot(SP - RED_ZONE, STACK + STACK_BYTES);
	cr_expect_eq(s->rec.n_kernel, 0);
	config.user_only = 1;
	sim_kernel_stack(9, 5);
	sim_tick(false);
	cr_expect_eq(last_snapshot(SP - RED_ZONE, STACK + STACK_BYTES)->rec.n_kernel, 0);
	sim_expect_account();
}

Test(snapshot, holds_as_much_of_the_stack_as_is_there_and_fits)
{
	for (uint64_t pages = 1; pages <= 10; pages++)
		for (uint64_t off = 0; off < 4096; off += 8 * 61) {
			uint64_t from = STACK + off, to = STACK + pages * 4096;

			fake_user_unmap(STACK, 0x20000);
			fake_user_map(STACK, pages * 4096);
			for (uint64_t at = STACK; at < to; at += 8)
				fake_user_put(at, at * 3);
			walk_regs(PC, from + RED_ZONE, 0);
			fake_map_clear("ring");
			sim_tick(true);
			if (to - from >= WIRE_SNAPSHOT_STACK)
				to = from + WIRE_SNAPSHOT_STACK;
			last_snapshot(from, to);
			sim_empty(0);
		}
}

Test(snapshot, does_without_a_red_zone_that_is_not_there)
{
	walk_regs(PC, STACK + 0x1000, 0);
	fake_user_unmap(STACK, 0x1000);
	sim_tick(true);
	last_snapshot(STACK + 0x1000, STACK + STACK_BYTES);
}

Test(snapshot, of_a_stack_that_cannot_be_read_is_none)
{
	fake_user_unmap(STACK, STACK_BYTES);
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 0);
	cr_assert_eq(sim_rows(0), 1);
	cr_expect_eq(sim_row(0, 0)->key.end, WIRE_END_READ);
	cr_expect_eq(sim_row(0, 0)->n_user, 1, "the interrupted function is known");
	cr_expect_eq(sim_row(0, 0)->addr[0], PC);
	sim_expect_account();
}

/* The fault of a push on a new page. */
Test(snapshot, begins_where_the_stack_does)
{
	const uint64_t page = SP & ~4095ull;

	fake_user_unmap(page - 4096, 2 * 4096);
	sim_tick(true);
	last_snapshot(page + 4096, STACK + STACK_BYTES);
	sim_expect_account();
}

/* An array on the stack that nobody wrote to yet. */
Test(snapshot, goes_on_behind_pages_that_are_not_there)
{
	const uint64_t page = SP & ~4095ull;
	const struct wire_snapshot *s;
	uint8_t there[4096];
	size_t size;

	fake_user_unmap(page + 4096, 2 * 4096);
	sim_tick(true);
	cr_assert_eq(sim_records(WIRE_SNAPSHOT), 1);
	s = sim_record(WIRE_SNAPSHOT, 0, &size);
	cr_expect_eq(s->stack_start, SP - RED_ZONE);
	cr_expect_eq(s->n_stack, STACK + STACK_BYTES - (SP - RED_ZONE));
	cr_expect_eq(s->absent, 6u << (page - s->stack_start > 0 ? 1 : 0), "%#x", s->absent);
	cr_assert(fake_user_read(page + 3 * 4096, there, sizeof(there)));
	cr_expect_eq(memcmp(s->stack + (page + 3 * 4096 - s->stack_start), there, sizeof(there)),
		     0);
	/* What is behind the last that is there is not sent. */
	fake_user_unmap(page + 5 * 4096, STACK + STACK_BYTES - (page + 5 * 4096));
	fake_map_clear("ring");
	sim_tick(true);
	s = sim_record(WIRE_SNAPSHOT, 0, &size);
	cr_expect_eq(s->n_stack, page + 5 * 4096 - (SP - RED_ZONE));
}

Test(snapshot, is_sent_so_often_a_cpu_and_window_and_no_more)
{
	config.snapshots_per_cpu = 3;
	for (uint32_t set = 0; set < 2; set++) {
		for (uint32_t i = 0; i < 10; i++) {
			fake.cpu = i % 2;
			sim_tick(true);
		}
		cr_expect_eq(sim_records(WIRE_SNAPSHOT), 6 * (set + 1));
		cr_expect_eq(sim_rows(set), 2, "the others are rows with what is known");
		sim_swap();
	}
	sim_empty(0);
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 13, "a set that was drained has new ones");
}

Test(snapshot, that_finds_no_room_in_the_ring_leaves_a_row)
{
	const struct wire_row *row;

	fake_put_u32("known_tgids", SIM_WALKER, 1);
	fake_map("ring")->max_entries = 4096;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_SNAPSHOT), 0);
	cr_assert_eq(sim_rows(0), 1);
	row = sim_row(0, 0);
	cr_expect_eq(row->key.end, WIRE_END_LOADING);
	cr_expect_eq(row->key.flags, WIRE_CALLS);
	cr_expect_eq(row->n_user, 1);
	cr_expect_eq(row->addr[0], PC);
	sim_expect_account();
}

static int no_snapshots(enum fake_call call, const char *map)
{
	return call == FAKE_LOOKUP && strcmp(map, "snapshots") == 0 ? -ENOENT : 0;
}

Test(snapshot, without_memory_for_it_leaves_a_row)
{
	fake.fault = no_snapshots;
	sim_tick(true);
	cr_expect_eq(sim_rows(0), 1);
	sim_expect_account();
}
