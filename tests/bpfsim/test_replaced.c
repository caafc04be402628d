/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Stacks of which the kernel is replacing a page. */
#include <string.h>

#include "sampler_sim.h"
#include "walk_sim.h"

#define PC     0x550000001000ull
#define PAGE   (STACK + FAKE_PAGE) /* that is replaced */
#define FRAME  (STACK + 0xf80)	   /* the first, on the page below */
#define SP     (FRAME - 16)

#define SHARED 0x25 /* of an entry in the page table: present, the user's, not to be written to */

static _Alignas(FAKE_PAGE) uint64_t old[FAKE_PAGE / 8];

/* Three frames, the middle one on the page that is gone. */
static void start(void)
{
	const struct wire_area a = { .start = PC, .end = PC + 4096, .how = WIRE_HOW_POINTER };

	walk_init();
	walk_set_space(&a, 1);
	walk_regs(PC + 1, SP, FRAME);
	WORDS_AT(FRAME, PAGE + 0x200, PC + 0x11);
	WORDS_AT(PAGE + 0x200, PAGE + FAKE_PAGE + 0x100, PC + 0x21);
	WORDS_AT(PAGE + FAKE_PAGE + 0x100, 0, PC + 0x31);
	cr_assert(fake_user_read(PAGE, old, sizeof(old)));
	fake_user_unmap(PAGE, FAKE_PAGE);
	fake.replacing = (struct fake_fault){ .page = PAGE, .old = old, .flags = SHARED };
}

TestSuite(replaced, .init = start, .fini = walk_done);

static void expect_end(unsigned end, size_t n)
{
	struct walked w;

	walk_tick(false, &w);
	cr_expect_eq(w.end, end, "%s", walk_end_text(w.end));
	cr_expect_eq(w.n, n);
}

Test(replaced, are_walked_by_what_is_replaced)
{
	static const uint64_t whole[] = { PC + 1, PC + 0x10, PC + 0x20, PC + 0x30 };
	struct walked w;

	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_ROOT, "%s", walk_end_text(w.end));
	cr_assert_eq(w.n, 4);
	cr_expect_arr_eq(w.addr, whole, sizeof(whole));
}

Test(replaced, are_walked_when_the_leaf_is_there)
{
	walk_regs(PC + 1, PAGE + 0x100, PAGE + 0x200);
	expect_end(WIRE_END_ROOT, 3);
}

/* What one tick found is not for the next, not even where nothing is ever mapped. */
Test(replaced, are_forgotten_with_the_tick)
{
	expect_end(WIRE_END_ROOT, 4);
	fake.replacing.page = 0;
	walk_regs(PC + 1, 8, 16);
	expect_end(WIRE_END_READ, 1);
}

Test(replaced, are_copied_so)
{
	const struct wire_snapshot *s;
	size_t size;

	config.snapshots_per_cpu = config.by_snapshot = 1;
	sim_tick(false);
	cr_assert_eq(sim_records(WIRE_SNAPSHOT), 1);
	s = sim_record(WIRE_SNAPSHOT, 0, &size);
	cr_expect_eq(s->stack_start, SP - 128);
	cr_expect_eq(s->absent, 0);
	cr_expect_eq(s->n_stack, STACK + STACK_BYTES - (SP - 128));
	cr_expect_arr_eq(s->stack + (PAGE - s->stack_start), old, sizeof(old));
}

Test(replaced, end_there_where_no_fault_says_so)
{
	struct walked w;

	fake.replacing.page = 0;
	expect_end(WIRE_END_READ, 2);
	fake.replacing.page = PAGE + FAKE_PAGE;
	expect_end(WIRE_END_READ, 2);
	/* The tick did not interrupt the kernel. */
	fake.replacing.page = PAGE;
	walk_tick(true, &w);
	cr_expect_eq(w.end, WIRE_END_READ);
}

Test(replaced, end_there_where_the_fault_is_another_one)
{
	fake.replacing.is_foreign = true;
	expect_end(WIRE_END_READ, 2);
	fake.replacing.is_foreign = false;
	fake.replacing.flags = SHARED | 2; /* its own, to be written to */
	expect_end(WIRE_END_READ, 2);
	fake.replacing.flags = SHARED & ~1u; /* not there: swapped out */
	expect_end(WIRE_END_READ, 2);
	fake.replacing.flags = SHARED;
	fake.replacing.is_scattered = true;
	expect_end(WIRE_END_READ, 2);
	fake.replacing.is_scattered = false;
	expect_end(WIRE_END_ROOT, 4);
}

Test(replaced, end_there_where_structures_are_not_known)
{
	struct walked w;

	fake.has_no_layout = true;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_REGS, "%s", walk_end_text(w.end));
}

static int no_kernel(enum fake_call call, const char *map)
{
	static int n; /* the registers are read before */

	(void)map;
	return call == FAKE_READ && n++ > 2 ? -EFAULT : 0;
}

Test(replaced, end_there_where_the_kernel_cannot_be_read)
{
	fake.fault = no_kernel;
	sim_tick(false);
	cr_assert_eq(sim_records(WIRE_SAMPLE) + sim_rows(0), 1);
	sim_expect_account();
}
