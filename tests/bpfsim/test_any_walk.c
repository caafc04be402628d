/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Walks of anything, by fixed seeds: rules made at random and those of real programs, random
 * registers, stacks full of what looks like frames. Each must be what the reference finds. And
 * tables and areas that are rubbish, in which the sampler must not lose its way.
 */
#include <link.h>
#include <stdlib.h>

#include "walk_reference.h"

#define TABLES 4

/* What the walks of a round go by. */
struct world {
	struct reference_area areas[TABLES + 2];
	size_t n;
	struct unwind_table *tables[TABLES];
	size_t n_tables;
	uint64_t walks, frames, ends[WIRE_END_MAX];
};

static struct world world;
static uint64_t seed;

static uint64_t rnd64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static uint32_t rnd(uint32_t n)
{
	return (uint32_t)((rnd64() >> 32) * n >> 32);
}

static void sow(unsigned round)
{
	seed = 0x9e3779b97f4a7c15ull * (round + 1);
}

static void done(void)
{
	for (size_t i = 0; i < world.n_tables; i++)
		unwind_table_free(world.tables[i]);
	world = (struct world){ 0 };
	walk_done();
}

TestSuite(any_walk, .fini = done);

/* --- what a stack is made of ----------------------------------------------------------------- */

static uint64_t random_pc(void)
{
	const struct wire_area *a = &world.areas[rnd((uint32_t)world.n)].area;

	if (a->how != WIRE_HOW_ROWS && rnd(8))
		return random_pc(); /* most walks would end there */
	return a->start + rnd64() % (a->end - a->start);
}

static uint64_t random_word(uint64_t at)
{
	switch (rnd(48)) {
	case 0:
		return rnd64();
	case 1:
		return rnd(2) ? 0 : rnd(4096);
	case 2:
		return STACK + rnd(STACK_BYTES + 64) - 32;
	default:
		return rnd(6) ? random_pc() : at + 8ull * rnd(64);
	}
}

static void fill_stack(void)
{
	fake_user_map(STACK, STACK_BYTES);
	for (uint64_t at = STACK; at < STACK + STACK_BYTES; at += 8)
		fake_user_put(at, random_word(at));
	if (rnd(6) == 0)
		fake_user_unmap(STACK + 4096ull * rnd(STACK_BYTES / 4096), 1 + rnd(8192));
}

static void random_regs(void)
{
	uint64_t sp = STACK + 8ull * rnd(STACK_BYTES / 16);

	for (size_t i = 0; i < FAKE_REGS; i++)
		fake.regs[i] = random_word(sp);
	fake.regs[RIP] = rnd(100) ? random_pc() : rnd64();
	fake.regs[RSP] = rnd(100) ? sp : rnd64();
}

/* --- comparing ------------------------------------------------------------------------------- */

static void clear_maps(void)
{
	fake_map_clear("ring");
	if (world.walks++ % 32 == 0)
		sim_empty(0);
}

static void compare(unsigned round)
{
	struct walked walked, expected;

	clear_maps();
	config.max_user_frames = rnd(2) ? WIRE_USER_FRAMES : 1 + rnd(WIRE_USER_FRAMES);
	reference_walk(world.areas, world.n, config.max_user_frames, &expected);
	walk_tick(true, &walked);
	cr_assert(walked.end == expected.end && walked.n == expected.n &&
			  memcmp(walked.addr, expected.addr, walked.n * 8) == 0,
		  "round %u, walk %lu: %zu frames, %s; expected %zu, %s", round,
		  (unsigned long)world.walks, walked.n, walk_end_text(walked.end), expected.n,
		  walk_end_text(expected.end));
	cr_assert_eq(walked.flags, expected.flags);
	world.frames += walked.n;
	world.ends[walked.end]++;
}

static void walk_round(unsigned round, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i % 64 == 0)
			fill_stack();
		random_regs();
		compare(round);
	}
}

/* A test whose walks all ended at once would show nothing. */
static void expect_variety(uint64_t frames_a_walk, unsigned n, const unsigned *ends)
{
	cr_expect_gt(world.frames, world.walks * frames_a_walk, "%lu frames in %lu walks",
		     (unsigned long)world.frames, (unsigned long)world.walks);
	for (unsigned i = 0; i < n; i++)
		cr_expect_gt(world.ends[ends[i]], 0, "no walk ended by %s", walk_end_text(ends[i]));
}
#define EXPECT_VARIETY(frames, ...)                                     \
	expect_variety(frames, sizeof((unsigned[]){ __VA_ARGS__ }) / 4, \
		       (const unsigned[]){ __VA_ARGS__ })

/* --- rules made at random -------------------------------------------------------------------- */

static uint32_t random_reg(void)
{
	return rnd(16) == 0 ? rnd(32) : rnd(6) ? RSP : RBP;
}

static uint32_t random_off(void)
{
	switch (rnd(64)) {
	case 0:
		return (uint32_t)rnd64();
	case 1:
		return rnd(65536);
	case 2:
	case 3:
	case 4:
		return 0u - 8 * rnd(16);
	default:
		return 8 + 8 * rnd(24);
	}
}

static struct unwind_rule random_rule(void)
{
	uint32_t cfa = rnd(12) ? UNWIND_CFA_REG : rnd(UNWIND_CFA_PLT + 1);
	uint32_t ra = rnd(12) ? UNWIND_RA_STD : rnd(UNWIND_RA_IN + 1);
	uint32_t fp = rnd(UNWIND_FP_UNDEF + 1);
	uint32_t extra = rnd(cfa == UNWIND_CFA_UNSUPPORTED ? UNWIND_WHY_MAX : 16);

	return (struct unwind_rule){
		.bits = UNWIND_RULE_BITS(cfa, random_reg(), fp, random_reg(), ra, random_reg(),
					 rnd(24) == 0, extra),
		.cfa_off = random_off(),
		.fp_off = rnd(4) ? 0u - 8 * rnd(8) : random_off(),
		.aux = random_off(),
	};
}

/* Up to 400 rows, so that rules with long codes are among them. */
static struct unwind_table *random_table(uint32_t *ret_end)
{
	uint32_t n = 20 + rnd(rnd(2) ? 400 : 20), pc = rnd(rnd(4) ? 10 : 1000), step = 1 + rnd(200);
	struct walk_row *rows = calloc(n, sizeof(*rows));
	struct unwind_table *t;

	for (uint32_t i = 0; i < n; i++) {
		rows[i] = (struct walk_row){ pc, random_rule() };
		pc += 1 + rnd(step);
	}
	t = walk_made_table(rows, n, pc);
	free(rows);
	*ret_end = pc;
	return t;
}

static void add_area(uint64_t start, uint64_t end, uint64_t bias, uint32_t how,
		     const struct unwind_table *t, struct residency_ref ref)
{
	world.areas[world.n++] = (struct reference_area){
		.area = { start, end, bias, ref.table, ref.tag, how },
		.table = t,
	};
}

static void tell_sampler(void)
{
	struct wire_area areas[TABLES + 2];

	for (size_t i = 0; i < world.n; i++)
		areas[i] = world.areas[i].area;
	walk_set_space(areas, world.n);
}

static void random_world(unsigned round)
{
	static const uint32_t hows[] = { WIRE_HOW_NONE, WIRE_HOW_POINTER, WIRE_HOW_POINTER,
					 WIRE_HOW_WAIT };
	const struct residency_ref none = { 0 };
	uint64_t start = 0x550000000000;

	done();
	sow(round);
	walk_start(&(struct sim_sizes){ .pages = 64 });
	for (uint32_t i = 0, end; i < TABLES; i++) {
		struct unwind_table *t = random_table(&end);

		world.tables[world.n_tables++] = t;
		start += rnd(2) * 4096;
		add_area(start, start + end + rnd(64), start, WIRE_HOW_ROWS, t, walk_add_table(t));
		start += end + 64;
		if (i % 3 == 0) {
			add_area(start, start + 64, 0, hows[rnd(4)], NULL, none);
			start += 64;
		}
	}
	tell_sampler();
}

Test(any_walk, by_random_rules_is_what_the_reference_finds)
{
	uint64_t walks = 0, frames = 0, ends[WIRE_END_MAX] = { 0 };

	for (unsigned round = 0; round < 60; round++) {
		random_world(round);
		walk_round(round, 256);
		walks += world.walks;
		frames += world.frames;
		for (size_t i = 0; i < WIRE_END_MAX; i++)
			ends[i] += world.ends[i];
	}
	world.walks = walks;
	world.frames = frames;
	memcpy(world.ends, ends, sizeof(ends));
	EXPECT_VARIETY(1, WIRE_END_ROOT, WIRE_END_DEPTH, WIRE_END_MAPPING, WIRE_END_NO_INFO,
		       WIRE_END_READ, WIRE_END_RULE, WIRE_END_LOADING, WIRE_END_LOOP);
}

/* --- the rules of real programs -------------------------------------------------------------- */

/* Notes the tables of this program and of libc. */
static int note_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	const char *name = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";

	(void)size;
	(void)ctx;
	if (world.n_tables < TABLES && (!*info->dlpi_name || strstr(name, "/libc.so") ||
					strstr(name, "/ld-linux") || strstr(name, "libcriterion")))
		world.tables[world.n_tables++] = walk_table_of(name);
	return 0;
}

static void real_world(void)
{
	uint64_t start = 0x7f0000000000, words = 0;

	done();
	dl_iterate_phdr(note_object, NULL);
	for (size_t i = 0; i < world.n_tables; i++)
		words += world.tables[i]->n_words + WIRE_PAGE_WORDS;
	walk_start(&(struct sim_sizes){ .pages = (uint32_t)(words / WIRE_PAGE_WORDS) + 1 });
	for (size_t i = 0; i < world.n_tables; i++) {
		const struct unwind_table *t = world.tables[i];
		const struct unwind_segment *s = &t->segments[0];
		uint64_t bias;

		start += 4096 + (s->off & 4095);
		cr_assert_eq(unwind_table_bias(t, start, s->off, &bias), 0);
		add_area(start, start + s->filesz, bias, WIRE_HOW_ROWS, t, walk_add_table(t));
		start = (start + s->filesz + 4095) & ~4095ull;
	}
	tell_sampler();
}

Test(any_walk, in_real_code_is_what_the_reference_finds)
{
	sow(1000);
	real_world();
	cr_assert_geq(world.n_tables, 2);
	walk_round(0, 10000);
	EXPECT_VARIETY(2, WIRE_END_ROOT, WIRE_END_MAPPING, WIRE_END_NO_INFO, WIRE_END_READ,
		       WIRE_END_RULE, WIRE_END_LOOP);
}

/* Every pc, one step: the whole table was read as it was built. */
Test(any_walk, finds_the_rule_of_every_pc)
{
	const struct wire_area *a;
	struct walked walked, expected;

	sow(2000);
	real_world();
	fill_stack();
	config.max_user_frames = 2;
	for (size_t i = 0; i < world.n; i++) {
		a = &world.areas[i].area;
		for (uint64_t pc = a->start; pc < a->end; pc += 1 + rnd(200)) {
			random_regs();
			fake.regs[RIP] = pc;
			clear_maps();
			reference_walk(world.areas, world.n, 2, &expected);
			walk_tick(true, &walked);
			cr_assert_eq(walked.end, expected.end, "%#lx", (unsigned long)pc);
			cr_assert_eq(walked.n, expected.n);
			cr_assert_eq(memcmp(walked.addr, expected.addr, walked.n * 8), 0);
		}
	}
}

/* --- rubbish --------------------------------------------------------------------------------- */

static int random_fault(enum fake_call call, const char *map)
{
	if (call == FAKE_LOOKUP && strcmp(map, "counters") == 0)
		return 0; /* every CPU's place in an array is there */
	return rnd(200) == 0 ? -EFAULT : 0;
}

static void fill_with_rubbish(const char *name)
{
	const struct fake_map *m = fake_map(name);
	uint8_t *p = m->memory;

	for (size_t i = 0; i < (size_t)m->max_entries * m->value_size; i++)
		p[i] = (uint8_t)rnd(256);
}

/* Areas that may be anything, but are often plausible. */
static void rubbish_areas(void)
{
	struct wire_area *a = fake_map("areas")->memory;
	uint32_t n = fake_map("areas")->max_entries, tables = fake_map("tables")->max_entries;
	const struct wire_table *t = fake_map("tables")->memory;

	for (uint32_t i = 0; i < n; i++) {
		if (rnd(4) == 0)
			continue;
		a[i].start = 0x550000000000 + i * 4096ull;
		a[i].end = a[i].start + rnd(5000);
		a[i].bias = rnd(2) ? a[i].start : a[i].start - rnd64();
		a[i].how = rnd(5);
		a[i].table = (uint16_t)rnd(tables);
		a[i].tag = (uint16_t)t[a[i].table].tag;
	}
}

/* Places within the rows, or nearly. */
static void rubbish_tables(void)
{
	struct wire_table *t = fake_map("tables")->memory;
	uint32_t words = fake_map("rows")->max_entries * WIRE_PAGE_WORDS;

	for (uint32_t i = 0; i < fake_map("tables")->max_entries; i++) {
		if (rnd(4) == 0)
			continue;
		t[i].place = (struct unwind_place){ rnd(4096), rnd(65536), rnd(words),
						    rnd(words + 8), rnd(words + 8) };
	}
}

static void rubbish_world(unsigned round)
{
	const struct wire_space spaces[] = { { .first = 0, .n = 64 },
					     { .first = 10, .n = 50, .restless = 1 },
					     { .first = 60, .n = 100 },
					     { .first = 0, .n = 1u << 31 },
					     { .first = ~0u, .n = ~0u } };

	done();
	sow(round);
	walk_start(&(struct sim_sizes){ .pages = 8 });
	fill_with_rubbish("rows");
	fill_with_rubbish("tables");
	fill_with_rubbish("areas");
	rubbish_tables();
	rubbish_areas();
	fake_put("spaces", SIM_WALKER, &spaces[round % 5]);
	spaces_version[wire_space_slot(SIM_WALKER)]++;
	for (uint32_t i = 0; i < 6; i++)
		world.areas[world.n++].area = ((struct wire_area *)fake_map("areas")->memory)[i];
	for (size_t i = 0; i < world.n; i++)
		if (world.areas[i].area.end <= world.areas[i].area.start)
			world.areas[i].area.end = world.areas[i].area.start + 4096;
}

/* Each tick becomes one row or record, and never more frames than are wanted. */
static void expect_bounded(uint64_t ticks)
{
	for (size_t i = 0; i < sim_rows(0); i++)
		if (sim_row(0, i)->key.user_stack) {
			uint32_t n = sim_row(0, i)->n_user;

			cr_assert(n >= 1 && n <= config.max_user_frames);
			world.frames += n;
		}
	sim_expect_account();
	cr_assert_eq(sim_counter(CTR_TICKS), ticks);
}

Test(any_walk, by_rubbish_comes_to_an_end)
{
	for (unsigned round = 0; round < 100; round++) {
		rubbish_world(round);
		fill_stack();
		config.max_user_frames = rnd(3) ? WIRE_USER_FRAMES : 1 + rnd(WIRE_USER_FRAMES);
		config.snapshots_per_cpu = rnd(10);
		fake.fault = round % 2 ? random_fault : NULL;
		for (unsigned i = 0; i < 100; i++) {
			random_regs();
			fake.cpu = rnd(FAKE_CPUS);
			sim_tick(rnd(4) > 0);
		}
		fake.fault = NULL;
		expect_bounded(100);
	}
	cr_expect_gt(world.frames, 0);
}
