/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the sampler knows of a process, or not: its areas, their tables, JIT code, nothing at all.
 */
#include "sampler_sim.h"
#include "walk_sim.h"

/* Two pieces of code with tables, one of JIT code, with nothing between them. */
#define CODE_A	  0x550000000000ull
#define CODE_B	  (CODE_A + 0x10000)
#define JIT	  (CODE_A + 0x30000)
#define CODE_SIZE 0x10000

/* Everywhere in the code of A, and of B. */
#define CFA_A	  16
#define CFA_B	  32

static struct unwind_table *table_a, *table_b;
static struct residency_ref ref_a, ref_b;

/* One rule for all of it, but the last 16 bytes, which are a root. */
static struct unwind_table *table_with(uint32_t cfa)
{
	struct walk_row rows[] = {
		{ 0, walk_rule(RSP, cfa) },
		{ CODE_SIZE - 16, { .bits = UNWIND_CFA_ROOT } },
	};

	return walk_made_table(rows, 2, CODE_SIZE);
}

#define ROOT_A (CODE_A + CODE_SIZE - 9)

static struct wire_area area(uint64_t start, struct residency_ref ref, uint32_t how)
{
	return (struct wire_area){
		.start = start,
		.end = start + CODE_SIZE,
		.bias = start,
		.table = ref.table,
		.tag = ref.tag,
		.how = how,
	};
}

static void know(uint32_t how_a, uint32_t how_b)
{
	const struct residency_ref none = { 0 };
	struct wire_area areas[] = {
		area(CODE_A, ref_a, how_a),
		area(CODE_B, ref_b, how_b),
		area(JIT, none, WIRE_HOW_POINTER),
	};

	walk_set_space(areas, 3);
}

static void start(void)
{
	walk_init();
	table_a = table_with(CFA_A);
	table_b = table_with(CFA_B);
	ref_a = walk_add_table(table_a);
	ref_b = walk_add_table(table_b);
	know(WIRE_HOW_ROWS, WIRE_HOW_ROWS);
}

static void done(void)
{
	unwind_table_free(table_a);
	unwind_table_free(table_b);
	walk_done();
}

TestSuite(spaces, .init = start, .fini = done);

/* A → B → A → root, whose return addresses are here. */
static void put_stack(void)
{
	walk_regs(CODE_A + 100, STACK, 0);
	WORDS_AT(STACK + 8, CODE_B + 201);
	WORDS_AT(STACK + 16 + 24, CODE_A + 301);
	WORDS_AT(STACK + 48 + 8, ROOT_A + 1);
}

#define WHOLE_STACK CODE_A + 100, CODE_B + 200, CODE_A + 300, ROOT_A

Test(spaces, with_tables_are_walked_from_one_to_the_other)
{
	put_stack();
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK);
}

Test(spaces, are_searched_to_their_first_and_last_byte)
{
	put_stack();
	walk_regs(CODE_A, STACK, 0);
	WORDS_AT(STACK + 8, CODE_A + 1);
	WORDS_AT(STACK + 24, CODE_A + CODE_SIZE);
	EXPECT_WALK(WIRE_END_ROOT, CODE_A, CODE_A, CODE_A + CODE_SIZE - 1);
	WORDS_AT(STACK + 8, CODE_B + 1);
	WORDS_AT(STACK + 40, CODE_A + CODE_SIZE);
	EXPECT_WALK(WIRE_END_ROOT, CODE_A, CODE_B, CODE_A + CODE_SIZE - 1);
	walk_regs(CODE_A - 1, STACK, 0);
	EXPECT_WALK(WIRE_END_MAPPING, CODE_A - 1);
	walk_regs(CODE_B + CODE_SIZE - 17, STACK, 0);
	WORDS_AT(STACK + 24, CODE_A + CODE_SIZE);
	EXPECT_WALK(WIRE_END_ROOT, CODE_B + CODE_SIZE - 17, CODE_A + CODE_SIZE - 1);
}

Test(spaces, are_looked_at_again_when_the_process_or_any_space_is_another)
{
	put_stack();
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK);
	fake.tgid = SIM_WALKER + 1;
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100);
	fake.tgid = SIM_WALKER;
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK);
	know(WIRE_HOW_ROWS, WIRE_HOW_WAIT);
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100, CODE_B + 200);
}

Test(spaces, of_many_areas_are_searched_whole)
{
	struct wire_area many[60];

	for (uint64_t i = 0; i < 60; i++) {
		many[i] = area(CODE_A + i * 2 * CODE_SIZE, i % 2 ? ref_a : ref_b, WIRE_HOW_ROWS);
		many[i].end = many[i].start + 4096;
	}
	for (size_t n = 1; n <= 60; n = n * 2 + (n == 1)) {
		walk_start(&(struct sim_sizes){ 0 });
		ref_a = walk_add_table(table_a);
		ref_b = walk_add_table(table_b);
		walk_set_space(many, n);
		for (size_t i = 0; i < n; i++) {
			walk_regs(many[i].start + 8, STACK, 0);
			WORDS_AT(STACK, 0, 0, 0, 0);
			EXPECT_WALK(WIRE_END_ROOT, many[i].start + 8);
			walk_regs(many[i].end, STACK, 0);
			EXPECT_WALK(WIRE_END_MAPPING, many[i].end);
		}
	}
}

Test(spaces, of_others_are_not_looked_at)
{
	put_stack();
	fake.tgid = SIM_WALKER + 1;
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100);
	cr_expect_eq(sim_records(WIRE_STALE), 0, "nothing was known that could be stale");
}

Test(spaces, without_any_area_are_stale)
{
	put_stack();
	walk_set_space(NULL, 0);
	EXPECT_WALK(WIRE_END_MAPPING, CODE_A + 100);
	cr_expect_eq(sim_records(WIRE_STALE), 1);
}

Test(spaces, wait_for_tables_that_are_being_loaded)
{
	put_stack();
	know(WIRE_HOW_ROWS, WIRE_HOW_WAIT);
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100, CODE_B + 200);
	know(WIRE_HOW_WAIT, WIRE_HOW_ROWS);
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100);
	know(WIRE_HOW_ROWS, WIRE_HOW_ROWS);
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK);
	cr_expect_eq(sim_records(WIRE_STALE), 0);
}

Test(spaces, end_stacks_where_nothing_can_be_known)
{
	put_stack();
	know(WIRE_HOW_ROWS, WIRE_HOW_NONE);
	EXPECT_WALK(WIRE_END_NO_INFO, CODE_A + 100, CODE_B + 200);
}

Test(spaces, wait_for_a_table_that_was_evicted_whoever_has_its_place)
{
	struct walk_row rows[] = { { 0, walk_rule(RSP, CFA_A) },
				   { CODE_SIZE - 8, { .bits = UNWIND_CFA_ROOT } } };
	struct unwind_table *other = walk_made_table(rows, 2, CODE_SIZE);
	struct residency_ref ref;

	walk_start(&(struct sim_sizes){ .tables = 2 });
	ref_a = walk_add_table(table_a);
	ref_b = walk_add_table(table_b);
	know(WIRE_HOW_ROWS, WIRE_HOW_ROWS);
	put_stack();
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK);
	cr_expect(residency_touch(walk_residency(), ref_a));
	cr_assert_eq(residency_add(walk_residency(), other, &ref), -ENOSPC);
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK); /* by the rules that were found before */
	WORDS_AT(STACK + 8, CODE_B + 301);
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100, CODE_B + 300);
	walk_pass_grace();
	cr_assert_eq(residency_add(walk_residency(), other, &ref), 0);
	cr_expect_eq(ref.table, ref_b.table);
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100, CODE_B + 300);
	ref_b = ref;
	know(WIRE_HOW_ROWS, WIRE_HOW_ROWS);
	put_stack();
	WORDS_AT(STACK + 16 + 8, CODE_A + 301, 0, ROOT_A + 1);
	EXPECT_WALK(WIRE_END_ROOT, WHOLE_STACK);
	unwind_table_free(other);
}

/* Many more than rules are remembered, whose places in memory of the same hash come and go. */
Test(spaces, are_walked_alike_whatever_was_walked_before)
{
	for (int again = 0; again < 2; again++)
		for (uint64_t at = 0; at < CODE_SIZE - 16; at += 23) {
			sim_empty(0);
			walk_regs(CODE_A + at, STACK, 0);
			WORDS_AT(STACK + 8, CODE_B + at % 4096 + 1);
			WORDS_AT(STACK + 16 + 24, ROOT_A + 1);
			EXPECT_WALK(WIRE_END_ROOT, CODE_A + at, CODE_B + at % 4096, ROOT_A);
		}
}

Test(spaces, that_name_no_table_wait)
{
	ref_b = (struct residency_ref){ .table = 1000, .tag = 1 };
	know(WIRE_HOW_ROWS, WIRE_HOW_ROWS);
	put_stack();
	EXPECT_WALK(WIRE_END_LOADING, CODE_A + 100, CODE_B + 200);
}

Test(spaces, with_generated_code_are_walked_by_its_frame_pointers)
{
	walk_regs(JIT + 8, STACK, STACK + 0x100);
	WORDS_AT(STACK + 0x100, STACK + 0x200, JIT + 401);
	WORDS_AT(STACK + 0x200, 0x77, CODE_A + 101);
	WORDS_AT(STACK + 0x210 + 8, ROOT_A + 1);
	EXPECT_WALK(WIRE_END_ROOT, JIT + 8, JIT + 400, CODE_A + 100, ROOT_A);
	WORDS_AT(STACK + 0x200, 0, JIT + 501);
	EXPECT_WALK(WIRE_END_ROOT, JIT + 8, JIT + 400, JIT + 500);
	WORDS_AT(STACK + 0x200, STACK + 0x80, JIT + 501);
	EXPECT_WALK(WIRE_END_NO_INFO, JIT + 8, JIT + 400, JIT + 500);
	WORDS_AT(STACK + 0x200, STACK + STACK_BYTES, JIT + 501);
	EXPECT_WALK(WIRE_END_READ, JIT + 8, JIT + 400, JIT + 500);
}

Test(spaces, that_are_stale_are_told_of_once)
{
	const struct wire_notice *n;
	size_t size;

	put_stack();
	WORDS_AT(STACK + 16 + 24, 0x1234567);
	for (int i = 0; i < 3; i++) {
		EXPECT_WALK(WIRE_END_MAPPING, CODE_A + 100, CODE_B + 200, 0x1234566);
		cr_expect_eq(sim_records(WIRE_STALE), 1);
	}
	n = sim_record(WIRE_STALE, 0, &size);
	cr_expect_eq(size, sizeof(*n));
	cr_expect_eq(n->tgid, SIM_WALKER);
	know(WIRE_HOW_ROWS, WIRE_HOW_ROWS); /* user space looked, and found nothing new */
	EXPECT_WALK(WIRE_END_MAPPING, CODE_A + 100, CODE_B + 200, 0x1234566);
	cr_expect_eq(sim_records(WIRE_STALE), 2);
	EXPECT_WALK(WIRE_END_MAPPING, CODE_A + 100, CODE_B + 200, 0x1234566);
	cr_expect_eq(sim_records(WIRE_STALE), 2);
}

Test(spaces, that_are_stale_are_told_of_again_when_the_ring_was_full)
{
	put_stack();
	WORDS_AT(STACK + 16 + 24, 0x1234567);
	fake_put_u32("known_tgids", SIM_WALKER, 1);
	fake_map("ring")->ring_used = fake_map("ring")->max_entries;
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_STALE), 0);
	fake_map_clear("ring");
	sim_tick(true);
	cr_expect_eq(sim_records(WIRE_STALE), 1);
	sim_expect_account();
}

Test(spaces, with_huge_frames_are_walked_over_memory_that_is_not_there)
{
	static const uint32_t sizes[] = { 4088,		  4096,	   4104,    8192,	  64 << 10,
					  (64 << 10) + 8, 2 << 20, 1 << 30, INT32_MAX - 7 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct unwind_table *t = table_with(sizes[i]);
		struct wire_area a = area(CODE_A, walk_add_table(t), WIRE_HOW_ROWS);

		walk_set_space(&a, 1);
		walk_regs(CODE_A, STACK, 0);
		fake_user_map(STACK + sizes[i] - 8, 8);
		WORDS_AT(STACK + sizes[i] - 8, CODE_A + 11);
		fake_user_map(STACK + 2ull * sizes[i] - 8, 8);
		WORDS_AT(STACK + 2ull * sizes[i] - 8, ROOT_A + 1);
		EXPECT_WALK(WIRE_END_ROOT, CODE_A, CODE_A + 10, ROOT_A);
		unwind_table_free(t);
		walk_start(&(struct sim_sizes){ 0 });
	}
}

Test(spaces, of_a_task_in_the_kernel_are_walked_from_the_registers_that_its_entry_saved)
{
	static const uint64_t whole[] = { WHOLE_STACK };
	struct walked w;

	put_stack();
	for (fake.above_regs = 0; fake.above_regs <= 16; fake.above_regs += 16) {
		walk_tick(false, &w);
		cr_expect_eq(w.end, WIRE_END_ROOT);
		cr_assert_eq(w.n, 4);
		cr_expect_arr_eq(w.addr, whole, sizeof(whole));
		cr_expect_neq(sim_row(0, 0)->key.kernel_stack, WIRE_NO_STACK);
	}
}

static int unreadable(enum fake_call call, const char *map)
{
	(void)map;
	return call == FAKE_READ ? -EFAULT : 0;
}

Test(spaces, of_a_task_that_exits_are_no_more)
{
	struct walked w;

	put_stack();
	fake.has_no_memory = true;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_ABSENT, "%s", walk_end_text(w.end));
	cr_expect_eq(w.n, 0);
	cr_expect_neq(sim_row(0, 0)->key.kernel_stack, WIRE_NO_STACK);
}

Test(spaces, of_a_task_in_the_kernel_need_its_saved_registers)
{
	struct walked w;

	put_stack();
	fake.cs = 0;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_ABSENT, "a kernel thread: %s", walk_end_text(w.end));
	fake.cs = 0x33;
	fake.regs[7] = fake.regs[16] = 0;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_ABSENT, "one of io_uring: %s", walk_end_text(w.end));
	cr_expect_eq(w.n, 0);
	put_stack();
	fake.cs = 0x23;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_REGS, "32-bit code: %s", walk_end_text(w.end));
	walk_tick(true, &w);
	cr_expect_eq(w.end, WIRE_END_REGS, "the same in user mode: %s", walk_end_text(w.end));
	cr_expect_eq(w.n, 0);
	fake.cs = 0x33;
	fake.has_no_layout = true;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_REGS, "no layout: %s", walk_end_text(w.end));
	fake.has_no_layout = false;
	fake.fault = unreadable;
	walk_tick(false, &w);
	cr_expect_eq(w.end, WIRE_END_REGS, "unreadable: %s", walk_end_text(w.end));
	cr_expect_eq(w.n, 0);
}
