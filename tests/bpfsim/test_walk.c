/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Stacks of every shape, one frame after another, by the table of
 * tests/unit/unwind/fixtures/frames.S; frames.expected there lists the rule at each of its
 * addresses.
 */
#include "walk_sim.h"

#define FRAMES	  TEST_BUILD "/fixtures/unwind/frames"

/* Where the fixture's code is loaded, and a place in it by the address that the file gives it. */
#define CODE	  0x7f1200000000ull
#define AT(addr)  (CODE + (addr)-0x401000)

#define START	  AT(0x401202) /* _start, behind its first instruction: called by nobody */
#define RSP_16	  AT(0x401001)
#define RBP_16	  AT(0x401214) /* rbp is saved at CFA - 16 */
#define RSP_64	  AT(0x40122d) /* rbp is saved at CFA - 24 */
#define NO_ROWS	  AT(0x412520)

/* A return address of a call that is at @at. */
#define AFTER(at) ((at) + 1)

static struct unwind_table *table;
static struct wire_area code;

static void load_frames(void)
{
	walk_init();
	table = walk_table_of(FRAMES);
	code = walk_area(table, walk_add_table(table), CODE, AT(0x413000));
	walk_set_space(&code, 1);
}

static void done(void)
{
	unwind_table_free(table);
	walk_done();
}

TestSuite(walk, .init = load_frames, .fini = done);

Test(walk, of_plain_frames)
{
	walk_regs(AT(0x401000), STACK, 0);
	WORDS_AT(STACK, AFTER(RSP_16));
	WORDS_AT(STACK + 8, 0, AFTER(RSP_16));
	WORDS_AT(STACK + 24, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x401000), RSP_16, RSP_16, START);
}

Test(walk, looks_the_leaf_up_at_its_pc_and_callers_at_their_calls)
{
	/* The first byte of a function, and a call that is the last instruction of the one before.
	 */
	walk_regs(AT(0x401220), STACK, 0);
	WORDS_AT(STACK, AT(0x401360));
	WORDS_AT(STACK + 8, 0, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x401220), AT(0x40135f), START);
}

Test(walk, restores_the_frame_pointer_that_a_frame_saved)
{
	walk_regs(RSP_64, STACK, 0x1234567890);
	WORDS_AT(STACK + 40, STACK + 0x200, 0, AFTER(RBP_16));
	WORDS_AT(STACK + 0x200, STACK + 0x300, AFTER(RBP_16));
	WORDS_AT(STACK + 0x300, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, RSP_64, RBP_16, RBP_16, START);
}

Test(walk, keeps_a_frame_pointer_that_nobody_saved)
{
	walk_regs(RSP_16, STACK, STACK + 0x200);
	WORDS_AT(STACK + 8, AFTER(RSP_16));
	WORDS_AT(STACK + 24, AFTER(RBP_16));
	WORDS_AT(STACK + 0x200, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, RSP_16, RSP_16, RBP_16, START);
}

Test(walk, of_a_frame_whose_cfa_was_saved)
{
	/* *(rbp - 8), rbp at *(rbp): gcc -mstackrealign */
	walk_regs(AT(0x4124f3), STACK, STACK + 0x40);
	WORDS_AT(STACK + 0x38, STACK + 0x100, STACK + 0x300);
	WORDS_AT(STACK + 0xf8, AFTER(RBP_16));
	WORDS_AT(STACK + 0x300, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x4124f3), RBP_16, START);
	/* *(rsp + 536) + 8, called by itself */
	walk_regs(AT(0x412504), STACK, 0);
	WORDS_AT(STACK + 536, STACK + 0x400);
	WORDS_AT(STACK + 0x400, AFTER(AT(0x412504)));
	WORDS_AT(STACK + 0x408 + 536, STACK + 0x800);
	WORDS_AT(STACK + 0x800, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x412504), AT(0x412504), START);
}

Test(walk, of_a_realigned_frame_that_gave_the_frame_pointer_back)
{
	/* The rule is still *rbp, which is the caller's again. */
	walk_regs(AT(0x4124fb), STACK, STACK + 0x200);
	WORDS_AT(STACK, AFTER(RBP_16));
	WORDS_AT(STACK + 0x200, STACK + 0x300, AFTER(RBP_16));
	WORDS_AT(STACK + 0x300, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x4124fb), RBP_16, RBP_16, START);
}

Test(walk, of_linkage_table_entries)
{
	for (uint64_t i = 0; i < 16; i++) {
		walk_regs(AT(0x412560) + i, STACK, 0);
		WORDS_AT(STACK, i < 11 ? AFTER(START) : 0xbad, i < 11 ? 0xbad : AFTER(START));
		EXPECT_WALK(WIRE_END_ROOT, AT(0x412560) + i, START);
	}
}

Test(walk, of_a_leaf_whose_cfa_is_in_another_register)
{
	walk_regs(AT(0x4124e5), STACK, 0);
	fake.regs[R10] = STACK + 0x100;
	WORDS_AT(STACK + 0xf8, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x4124e5), START);
	walk_regs(AT(0x412503), STACK, 0);
	fake.regs[RAX] = STACK + 0x208;
	WORDS_AT(STACK + 0x208, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x412503), START);
}

Test(walk, of_a_leaf_whose_return_address_is_in_a_register)
{
	walk_regs(AT(0x412511), STACK, 0);
	fake.regs[RDI] = AFTER(RSP_16);
	WORDS_AT(STACK + 8, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x412511), RSP_16, START);
}

Test(walk, does_not_take_a_callers_register_for_the_leafs)
{
	static const uint64_t calls[] = { AT(0x4124e5), AT(0x412503), AT(0x412511) };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		walk_regs(RSP_16, STACK, 0);
		fake.regs[R10] = fake.regs[RAX] = fake.regs[RDI] = STACK + 0x100;
		WORDS_AT(STACK + 8, AFTER(calls[i]));
		EXPECT_WALK(WIRE_END_RULE, RSP_16, calls[i]);
	}
}

/* A signal's frame at @sp: what was interrupted ran at @pc with @its_sp and @its_fp. */
static void put_signal(uint64_t sp, uint64_t pc, uint64_t its_sp, uint64_t its_fp)
{
	WORDS_AT(sp + 120, its_fp);
	WORDS_AT(sp + 160, its_sp, pc);
}

#define SIGNAL AT(0x412541)

Test(walk, of_a_signal_looks_up_the_interrupted_pc_itself)
{
	/* A handler in RSP_16; the function behind _start was about to begin. */
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, AFTER(SIGNAL));
	put_signal(STACK + 16, AT(0x401210), STACK + 0x400, STACK + 0x500);
	WORDS_AT(STACK + 0x400, AFTER(RBP_16));
	WORDS_AT(STACK + 0x500, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, RSP_16, SIGNAL, AT(0x401210), RBP_16, START);
}

Test(walk, of_a_signal_may_come_from_another_stack)
{
	walk_regs(RSP_16, STACK + 0x4000, 0);
	WORDS_AT(STACK + 0x4008, AFTER(SIGNAL));
	put_signal(STACK + 0x4010, AT(0x401000), STACK + 0x100, 0);
	WORDS_AT(STACK + 0x100, AFTER(RSP_16));
	WORDS_AT(STACK + 0x110, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, RSP_16, SIGNAL, AT(0x401000), RSP_16, START);
}

Test(walk, of_a_signal_does_not_take_the_interrupted_codes_registers_for_the_leafs)
{
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, AFTER(SIGNAL));
	put_signal(STACK + 16, AT(0x4124e5), STACK + 0x400, 0);
	EXPECT_WALK(WIRE_END_RULE, RSP_16, SIGNAL, AT(0x4124e5));
}

Test(walk, of_a_signal_in_a_signal)
{
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, AFTER(SIGNAL));
	put_signal(STACK + 16, SIGNAL, STACK + 0x400, 0);
	put_signal(STACK + 0x400, AT(0x401000), STACK + 0x800, 0);
	WORDS_AT(STACK + 0x800, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, RSP_16, SIGNAL, SIGNAL, AT(0x401000), START);
}

Test(walk, of_a_signal_frame_that_names_itself_ends)
{
	walk_regs(SIGNAL, STACK, 0);
	put_signal(STACK, SIGNAL, STACK, 0);
	config.max_user_frames = 5;
	EXPECT_WALK(WIRE_END_DEPTH, SIGNAL, SIGNAL, SIGNAL, SIGNAL, SIGNAL);
}

Test(walk, ends_at_a_return_address_of_0)
{
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, 0);
	EXPECT_WALK(WIRE_END_ROOT, RSP_16);
}

Test(walk, ends_where_a_rule_is_not_supported)
{
	walk_regs(AT(0x412571), STACK, 0);
	EXPECT_WALK(WIRE_END_RULE, AT(0x412571));
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, AFTER(AT(0x412571)));
	EXPECT_WALK(WIRE_END_RULE, RSP_16, AT(0x412571));
}

Test(walk, goes_by_the_frame_pointer_where_there_are_no_rows)
{
	walk_regs(RSP_64, STACK, 0);
	WORDS_AT(STACK + 40, STACK + 0x200, 0, AFTER(NO_ROWS));
	WORDS_AT(STACK + 0x200, STACK + 0x300, AFTER(NO_ROWS));
	WORDS_AT(STACK + 0x300, STACK + 0x400, AFTER(RBP_16));
	WORDS_AT(STACK + 0x400, 0, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, RSP_64, NO_ROWS, NO_ROWS, RBP_16, START);
}

/* Code that lies where nobody has rows for it. */
#define JIT (STACK + 0x4000)

static void put_jit_leaf(uint64_t before, uint64_t here, uint64_t sp, uint64_t fp)
{
	WORDS_AT(JIT, before, here);
	walk_regs(JIT + 8, sp, fp);
}

Test(walk, by_the_frame_pointer_misses_no_caller_where_it_is_not_set)
{
	static const struct {
		uint64_t before, here, above;
	} codes[] = {
		{ 0, 0x55, 0 },			  /* push %rbp */
		{ 0, 0xc3, 0 },			  /* ret */
		{ 0, 0xfa1e0ff3, 0 },		  /* endbr64 */
		{ 0, 0x10663b49, 0 },		  /* Go: cmp 0x10(%r14),%rsp */
		{ 0x10663b49ull << 32, 0x76, 0 }, /* and jbe */
		{ 0x10663b49ull << 32, 0x860f, 0 },
		{ 0, 0xff0124a48d4c, 0 },	    /* lea -N(%rsp),%r12 */
		{ 0, 0x10663b4d, 0 },		    /* cmp 0x10(%r14),%r12 */
		{ 0x1276ull << 48, 0x18ec8348, 0 }, /* and sub $24,%rsp */
		{ 0, 0x10246c8948, 24 },	    /* mov %rbp,16(%rsp) */
		{ 0, 0x10246c8d48, 24 },	    /* lea 16(%rsp),%rbp */
		{ 0, 0xc318c48348, 24 },	    /* add $24,%rsp; ret */
		{ 0x55ull << 56, 0xe58948, 8 },	    /* mov %rsp,%rbp after push */
		{ 0x55ull << 56, 0xec8b48, 8 },
	};
	struct wire_area a[] = { code,
				 { .start = JIT, .end = JIT + 0x100, .how = WIRE_HOW_POINTER } };

	walk_set_space(a, 2);
	WORDS_AT(STACK + 0x100, AFTER(RBP_16));
	WORDS_AT(STACK + 0x200, 0, AFTER(START));
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		put_jit_leaf(codes[i].before, codes[i].here, STACK + 0x100 - codes[i].above,
			     STACK + 0x200);
		EXPECT_WALK(WIRE_END_ROOT, JIT + 8, RBP_16, START);
	}
	put_jit_leaf(0, 0x90, STACK, STACK + 0x200);
	EXPECT_WALK(WIRE_END_ROOT, JIT + 8, START);
	put_jit_leaf(0, 0xe58948, STACK, STACK + 0x200);
	EXPECT_WALK(WIRE_END_ROOT, JIT + 8, START);
	put_jit_leaf(0x90, 0x18ec8348, STACK, STACK + 0x200);
	EXPECT_WALK(WIRE_END_ROOT, JIT + 8, START);
}

/* push %rbp; mov %rsp,%rbp where nothing is mapped below. */
Test(walk, by_the_frame_pointer_knows_code_at_the_begin_of_a_page)
{
	const uint64_t page = STACK - 0x10000;
	struct wire_area a[] = { code,
				 { .start = page, .end = page + 0x1000, .how = WIRE_HOW_POINTER } };

	fake_user_map(page, 0x1000);
	walk_set_space(a, 2);
	WORDS_AT(page, 0xe5894855);
	WORDS_AT(STACK + 0x100, AFTER(RBP_16));
	WORDS_AT(STACK + 0x200, 0, AFTER(START));
	walk_regs(page + 1, STACK + 0x100 - 8, STACK + 0x200);
	EXPECT_WALK(WIRE_END_ROOT, page + 1, RBP_16, START);
	walk_regs(page, STACK + 0x100, STACK + 0x200);
	EXPECT_WALK(WIRE_END_ROOT, page, RBP_16, START);
}

Test(walk, has_no_information_where_there_are_no_rows_nor_a_sane_frame_pointer)
{
	static const uint64_t insane[] = { 0, STACK - 8, STACK + 4, STACK + 0x101, 8 };

	for (size_t i = 0; i < sizeof(insane) / sizeof(*insane); i++) {
		walk_regs(NO_ROWS, STACK, insane[i]);
		WORDS_AT(STACK, AFTER(START));
		EXPECT_WALK(WIRE_END_NO_INFO, NO_ROWS);
	}
}

Test(walk, cannot_read_what_is_not_there)
{
	static const uint64_t at[] = {
		STACK + STACK_BYTES, 1ull << 47, -4096ull, -16ull, -8ull, 0, 8
	};

	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		walk_regs(RSP_16, at[i], 0);
		EXPECT_WALK(WIRE_END_READ, RSP_16);
		if (at[i] < STACK)
			continue;
		walk_regs(NO_ROWS, STACK, at[i]);
		EXPECT_WALK(WIRE_END_READ, NO_ROWS);
	}
}

Test(walk, of_huge_frames)
{
	/* with_large_frame: CFA = rsp + 0x12345680 */
	walk_regs(AT(0x402000), STACK, 0);
	fake_user_map(STACK + 0x12345000, 0x1000);
	WORDS_AT(STACK + 0x12345678, AFTER(RSP_16));
	WORDS_AT(STACK + 0x12345688, AFTER(START));
	EXPECT_WALK(WIRE_END_ROOT, AT(0x402000), RSP_16, START);
}

Test(walk, reads_up_to_the_last_byte_that_is_there)
{
	uint64_t end = STACK + STACK_BYTES;

	for (uint64_t off = 16; off < 200; off += 8) {
		walk_regs(RSP_16, end - off, 0);
		WORDS_AT(end - off + 8, AFTER(RSP_16));
		for (uint64_t at = end - off + 16; at < end; at += 8)
			WORDS_AT(at, 0);
		if (off < 32)
			EXPECT_WALK(WIRE_END_READ, RSP_16, RSP_16);
		else
			EXPECT_WALK(WIRE_END_ROOT, RSP_16, RSP_16);
	}
}

Test(walk, needs_no_page_but_those_that_hold_what_it_reads)
{
	/* The frame's lower part was never written: its page is not there yet. */
	for (uint64_t off = 0; off < 256; off += 8) {
		uint64_t at = STACK + 0x2000 + off;

		fake_user_unmap(STACK, 0x2000);
		walk_regs(RSP_64, at - 56, 0);
		WORDS_AT(at, AFTER(RSP_16));
		fake_user_map(at - 16, 8); /* its frame pointer */
		WORDS_AT(at - 16, STACK + 0x500);
		WORDS_AT(at + 16, AFTER(START));
		EXPECT_WALK(WIRE_END_ROOT, RSP_64, RSP_16, START);
		/* Without anything saved below. */
		fake_user_unmap(STACK, 0x2000);
		walk_regs(AT(0x402000), at - 0x12345678, 0);
		EXPECT_WALK(WIRE_END_ROOT, AT(0x402000), RSP_16, START);
	}
}

Test(walk, does_not_climb_down_or_stand_still)
{
	/* rbp points at what was left behind */
	walk_regs(RSP_16, STACK + 0x100, STACK + 0x40);
	WORDS_AT(STACK + 0x108, AFTER(RBP_16));
	WORDS_AT(STACK + 0x40, 0, AFTER(RSP_16));
	EXPECT_WALK(WIRE_END_LOOP, RSP_16, RBP_16);
	/* or at the very frame */
	walk_regs(RSP_16, STACK + 0x100, STACK + 0x100);
	WORDS_AT(STACK + 0x100, 0, AFTER(RBP_16));
	EXPECT_WALK(WIRE_END_LOOP, RSP_16, RBP_16);
	/* a saved CFA that is the frame's own stack pointer */
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, AFTER(AT(0x412504)));
	WORDS_AT(STACK + 16 + 536, STACK + 8);
	EXPECT_WALK(WIRE_END_LOOP, RSP_16, AT(0x412504));
}

/* @n frames of a recursion below _start. */
static void recurse(uint64_t n)
{
	walk_regs(RSP_16, STACK, 0);
	for (uint64_t i = 0; i < n; i++)
		WORDS_AT(STACK + 8 + 16 * i, i + 1 < n ? AFTER(RSP_16) : AFTER(START));
}

Test(walk, goes_as_deep_as_the_limit)
{
	static const uint32_t limits[] = { 1, 2, 3, 100, 127, 128, 300, 511, WIRE_USER_FRAMES };
	struct walked w;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		config.max_user_frames = limits[i];
		for (uint32_t n = limits[i] ? limits[i] - 1 : 0; n <= limits[i] + 1; n++) {
			if (n < 2)
				continue;
			recurse(n - 1);
			walk_tick(true, &w);
			cr_expect_eq(w.n, n < limits[i] ? n : limits[i]);
			cr_expect_eq(w.end, n <= limits[i] ? WIRE_END_ROOT : WIRE_END_DEPTH,
				     "%u frames, limit %u: %s", n, limits[i], walk_end_text(w.end));
			for (size_t k = 0; k < w.n; k++)
				cr_expect_eq(w.addr[k], k == n - 1 ? START : RSP_16);
		}
	}
}

Test(walk, tells_equal_stacks_from_others)
{
	for (uint64_t n = 1; n <= 40; n++) {
		recurse(n);
		for (uint32_t tid = 1; tid <= 3; tid++) {
			fake.tid = tid;
			fake.cpu = tid % 2;
			sim_tick(true);
		}
	}
	cr_assert_eq(sim_rows(0), 120);
	for (uint32_t i = 0; i < 40; i++) {
		const struct wire_row *row = sim_row(0, i); /* of thread 2, on CPU 0 */

		cr_expect_eq(row->key.user_stack, sim_row(0, 40 + 2 * i)->key.user_stack);
		cr_expect_eq(row->key.user_stack, sim_row(0, 40 + 2 * i + 1)->key.user_stack);
		cr_expect_eq(row->n_user, i + 2);
	}
	sim_expect_account();
}

static unsigned reads;

static int counted_reads(enum fake_call call, const char *map)
{
	(void)map;
	reads += call == FAKE_READ_USER;
	return 0;
}

static unsigned reads_of(uint64_t depth)
{
	struct walked w;

	recurse(depth);
	reads = 0;
	fake.fault = counted_reads;
	walk_tick(true, &w);
	fake.fault = NULL;
	cr_expect_eq(w.n, depth + 1);
	cr_expect_eq(w.end, WIRE_END_ROOT);
	return reads;
}

Test(walk, reads_as_much_of_the_stack_at_once_as_the_last_walk_wanted)
{
	cr_expect_eq(reads_of(10), 1);
	cr_expect_gt(reads_of(200), 1);
	cr_expect_eq(reads_of(200), 1);
	cr_expect_eq(reads_of(10), 1);
	cr_expect_eq(reads_of(150), 1, "one shallow stack says little");
	reads_of(200);
	fake.tid++;
	cr_expect_gt(reads_of(200), 1, "of this thread nothing is known");
	fake.tid--;
	cr_expect_eq(reads_of(200), 1);
}

Test(walk, tells_the_order_of_frames_apart)
{
	walk_regs(RSP_16, STACK, 0);
	WORDS_AT(STACK + 8, AFTER(RSP_16));
	WORDS_AT(STACK + 24, AFTER(AT(0x401000)));
	WORDS_AT(STACK + 32, AFTER(START));
	sim_tick(true);
	WORDS_AT(STACK + 8, AFTER(AT(0x401000)));
	WORDS_AT(STACK + 16, AFTER(RSP_16));
	sim_tick(true);
	cr_assert_eq(sim_rows(0), 2);
	cr_expect_neq(sim_row(0, 0)->key.user_stack, sim_row(0, 1)->key.user_stack);
}
