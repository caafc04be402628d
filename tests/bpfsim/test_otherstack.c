/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Copies of the stacks that a copied one leads to. */
#include "sampler_sim.h"
#include "walk_sim.h"

#define SP	 (STACK + 0x100)
#define PC	 0x550000001234ull
#define CODE	 (PC & ~0xfffull)
#define AFTER	 (CODE + 0x108) /* a return address */
#define OTHER	 0xc000010e00ull
#define THIRD	 0x7f0000002000ull
#define RED_ZONE 128
#define SEGMENTS 0x002b000000000033ull

static void start(void)
{
	walk_init();
	config.snapshots_per_cpu = 100;
	walk_regs(PC, SP, 1);
	for (uint64_t at = STACK; at < STACK + STACK_BYTES; at += 8)
		fake_user_put(at, at | 1);
	fake_user_map(CODE, 4096);
	fake_user_put(AFTER - 8, 0xe8000000ull); /* a call, of 5 bytes */
	fake_user_map(OTHER & ~4095ull, 0x5000);
	fake_user_map(THIRD, 4096);
	fake_user_put(OTHER + 8, AFTER);
}

TestSuite(otherstack, .init = start, .fini = walk_done);

/* Takes a snapshot and expects it to have other stacks from there on, of that many bytes. */
static void expect_others(uint64_t first, uint32_t n_first, uint64_t second, uint32_t n_second)
{
	const uint64_t from[] = { first, second };
	const uint32_t n[] = { n_first, n_second };
	const struct wire_snapshot *s;
	size_t size, at;

	fake_map_clear("ring");
	sim_tick(true);
	cr_assert_eq(sim_records(WIRE_SNAPSHOT), 1);
	s = sim_record(WIRE_SNAPSHOT, 0, &size);
	cr_expect_eq(s->stack_start, SP - RED_ZONE);
	cr_expect_eq(s->n_stack, STACK + STACK_BYTES - (SP - RED_ZONE));
	cr_assert_eq(size, WIRE_SNAPSHOT_HEAD + s->n_stack + n_first + n_second);
	at = s->n_stack;
	for (size_t i = 0; i < 2; i++) {
		uint8_t *there = malloc(n[i] + 1);

		cr_expect_eq(s->other_start[i], from[i], "%#lx", (long)s->other_start[i]);
		cr_assert_eq(s->n_other[i], n[i], "%u", s->n_other[i]);
		cr_assert(fake_user_read(from[i], there, n[i]));
		cr_expect_eq(memcmp(s->stack + at, there, n[i]), 0);
		at += n[i];
		free(there);
	}
	sim_empty(0);
}

Test(otherstack, is_where_the_frame_pointer_leads)
{
	walk_regs(PC, SP, OTHER);
	expect_others(OTHER, 0x200 + 2 * 4096, 0, 0);
	fake_user_unmap((OTHER & ~4095ull) + 4096, 0x4000);
	expect_others(OTHER, 0x200, 0, 0);
	walk_regs(PC, SP, SP + 64); /* its own */
	expect_others(0, 0, 0, 0);
}

Test(otherstack, is_where_a_saved_word_leads)
{
	fake_user_put(SP + 0x208, OTHER);
	expect_others(OTHER, 0x200 + 2 * 4096, 0, 0);
	fake_user_put(SP + 0x208, 0);
	fake_user_put(SP + 4096, OTHER);
	expect_others(0, 0, 0, 0); /* too far up */
}

/* It takes a return address: something that a call is in front of, and in known code. */
Test(otherstack, is_none_where_nobody_was_called)
{
	const struct wire_area area = {
		.start = CODE, .end = CODE + 4096, .how = WIRE_HOW_WAIT, .tag = 1
	};
	static const struct {
		uint64_t code;
		bool is_call;
	} t[] = {
		{ 0xe8000000ull, true },	  { 0xd0ffull << 48, true }, /* call *%rax */
		{ 0x0852ffull << 40, true },				     /* call *8(%rdx) */
		{ 0x000015ffull << 16, true }, /* call *N(%rip), less one byte of N */
		{ 0x2494ffull << 8, true },    /* call *N(%rsp) */
		{ 0xe0ffull << 48, false },    /* jmp *%rax */
		{ 0x9090909090909090ull, false },
	};

	walk_set_space(&area, 1);
	fake_user_put(SP + 0x208, OTHER);
	expect_others(OTHER, 0x200 + 2 * 4096, 0, 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		fake_user_put(AFTER - 8, t[i].code);
		if (t[i].is_call)
			expect_others(OTHER, 0x200 + 2 * 4096, 0, 0);
		else
			expect_others(0, 0, 0, 0);
	}
	fake_user_put(AFTER - 8, 0xe8000000ull);
	fake_user_put(OTHER + 8, CODE + 4096 + 8);
	expect_others(0, 0, 0, 0);
	fake_user_put(OTHER + 8, 0);
	expect_others(0, 0, 0, 0);
}

/* What the kernel left for a handler on a stack of its own. */
Test(otherstack, is_where_a_signal_came_in)
{
	fake_user_put(SP + 0x300, SEGMENTS);
	fake_user_put(SP + 0x300 - 24, OTHER + RED_ZONE);
	expect_others(OTHER, 0x200 + 2 * 4096, 0, 0);
	fake_user_put(SP + 0x300 - 24, SP + 0x800); /* the same stack */
	expect_others(0, 0, 0, 0);
}

Test(otherstack, may_lead_to_one_more)
{
	walk_regs(PC, SP, OTHER);
	fake_user_put(OTHER + 0x40, THIRD);
	fake_user_put(THIRD + 8, AFTER);
	expect_others(OTHER, 0x200 + 2 * 4096, THIRD, 4096);
	fake_user_put(THIRD + 0x10, SP); /* and back: that was copied already */
	expect_others(OTHER, 0x200 + 2 * 4096, THIRD, 4096);
}

/* Words that could be anything are looked at so often and no more. */
Test(otherstack, is_not_sought_for_ever)
{
	for (uint64_t i = 0; i < 60; i++)
		fake_user_put(SP + i * 8, THIRD + i * 64);
	fake_user_put(SP + 60 * 8, OTHER);
	expect_others(0, 0, 0, 0);
	fake_user_put(SP + 30 * 8, OTHER);
	expect_others(OTHER, 0x200 + 2 * 4096, 0, 0);
}
