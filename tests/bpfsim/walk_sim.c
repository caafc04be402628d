/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "walk_sim.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "rowpack.h"

static struct residency *residency;

void walk_start(const struct sim_sizes *sizes)
{
	struct residency_memory m;

	sim_start(sizes);
	config.by_pointer = 0;
	sim_task(SIM_WALKER, SIM_WALKER);
	m.rows = fake_map("rows")->memory;
	m.n_words = fake_map("rows")->max_entries * WIRE_PAGE_WORDS;
	m.tables = fake_map("tables")->memory;
	m.n_tables = fake_map("tables")->max_entries;
	m.areas = fake_map("areas")->memory;
	m.n_areas = fake_map("areas")->max_entries;
	residency_free(residency);
	residency = NULL;
	cr_assert_eq(residency_new(&residency, &m), 0);
	fake_user_map(STACK, STACK_BYTES);
}

void walk_init(void)
{
	walk_start(&(struct sim_sizes){ 0 });
}

void walk_done(void)
{
	residency_free(residency);
	residency = NULL;
	sim_done();
}

struct residency *walk_residency(void)
{
	return residency;
}

struct unwind_rule walk_rule(uint32_t reg, uint32_t off)
{
	return (struct unwind_rule){ .bits = UNWIND_RULE_BITS(UNWIND_CFA_REG, reg, UNWIND_FP_SAME,
							      0, UNWIND_RA_STD, 0, 0, 0),
				     .cfa_off = off };
}

struct unwind_table *walk_made_table(const struct walk_row *rows, size_t n, uint32_t end)
{
	struct ruleset *rules = calloc(1, sizeof(*rules));
	struct unwind_table *t = calloc(1, sizeof(*t));
	struct rowset set = { .end = end };

	cr_assert(rules && t);
	cr_assert_eq(array_push(&rules->rules, (struct unwind_rule){ 0 }), 0);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(array_push(&rules->rules, rows[i].rule), 0);
		cr_assert_eq(array_push(&set.rows, (struct row){ rows[i].pc, (uint32_t)i + 1 }), 0);
	}
	cr_assert_eq(rowpack(&set, rules, 1 << 24, t), 0);
	array_free(&rules->rules);
	array_free(&set.rows);
	free(rules);
	return t;
}

struct unwind_table *walk_table_of(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct unwind_table *t = NULL;
	int r = unwind_table_from_fd(fd, NULL, &t);

	cr_assert_eq(r, 0, "%s: %s", path, strerror(-r));
	return t;
}

struct wire_area walk_area(const struct unwind_table *t, struct residency_ref ref, uint64_t start,
			   uint64_t end)
{
	struct wire_area a = { .start = start, .end = end, .how = WIRE_HOW_ROWS };
	uint64_t bias;

	cr_assert_eq(unwind_table_bias(t, start, t->segments[0].off, &bias), 0);
	a.bias = bias;
	a.table = ref.table;
	a.tag = ref.tag;
	return a;
}

struct residency_ref walk_add_table(const struct unwind_table *t)
{
	struct residency_ref ref;

	cr_assert_eq(residency_add(residency, t, &ref), 0);
	return ref;
}

void walk_pass_grace(void)
{
	residency_mark(residency);
	residency_collect(residency);
}

void walk_set_space(const struct wire_area *areas, size_t n)
{
	struct wire_space *old = fake_get("spaces", SIM_WALKER), space;

	if (old)
		residency_drop_space(residency, *old);
	walk_pass_grace();
	cr_assert_eq(residency_put_space(residency, areas, n, &space), 0);
	fake_put("spaces", SIM_WALKER, &space);
	spaces_version[wire_space_slot(SIM_WALKER)]++;
}

void walk_put(uint64_t at, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fake_user_put(at + i * sizeof(*words), words[i]);
}

void walk_regs(uint64_t pc, uint64_t sp, uint64_t fp)
{
	for (uint64_t i = 0; i < FAKE_REGS; i++)
		fake.regs[i] = 0xdead0000 + i;
	fake.regs[RIP] = pc;
	fake.regs[RSP] = sp;
	fake.regs[RBP] = fp;
}

/* Takes it from the ring: there was no room for a row. */
static void take_record(struct walked *ret)
{
	const struct wire_sample *w;
	size_t size;

	cr_assert_eq(sim_records(WIRE_SAMPLE), 1);
	w = sim_record(WIRE_SAMPLE, 0, &size);
	cr_assert_eq(size, sizeof(*w) + (w->n_user + w->n_kernel) * sizeof(uint64_t));
	*ret = (struct walked){ .n = w->n_user, .end = w->end, .flags = w->flags };
	memcpy(ret->addr, w + 1, w->n_user * sizeof(uint64_t));
}

void walk_tick(bool in_user, struct walked *ret)
{
	const struct wire_row *row;

	sim_empty(0);
	sim_tick(in_user);
	if (!sim_rows(0)) {
		take_record(ret);
		return;
	}
	row = sim_row(0, 0);
	*ret = (struct walked){ .end = row->key.end, .flags = row->key.flags };
	ret->n = row->n_user;
	memcpy(ret->addr, row->addr, row->n_user * sizeof(row->addr[0]));
}

const char *walk_end_text(unsigned end)
{
	static const char *const names[WIRE_END_MAX] = {
		[WIRE_END_NOT] = "not",		[WIRE_END_ROOT] = "root",
		[WIRE_END_ABSENT] = "absent",	[WIRE_END_UNKNOWN] = "unknown",
		[WIRE_END_DEPTH] = "depth",	[WIRE_END_MAPPING] = "mapping",
		[WIRE_END_NO_INFO] = "no info", [WIRE_END_READ] = "read",
		[WIRE_END_RULE] = "rule",	[WIRE_END_LOADING] = "loading",
		[WIRE_END_LOOP] = "loop",	[WIRE_END_REGS] = "regs",
		[WIRE_END_SHORT] = "short",
	};

	return end < WIRE_END_MAX ? names[end] : "?";
}

void walk_expect(const char *file, int line, unsigned end, const uint64_t *addr, size_t n)
{
	struct walked w;

	walk_tick(true, &w);
	cr_expect_eq(w.end, end, "%s:%d: ends by %s, expected %s", file, line, walk_end_text(w.end),
		     walk_end_text(end));
	cr_expect_eq(w.n, n, "%s:%d: %zu frames, expected %zu", file, line, w.n, n);
	for (size_t i = 0; i < n && i < w.n; i++)
		cr_expect_eq(w.addr[i], addr[i], "%s:%d: frame %zu at %#lx, expected %#lx", file,
			     line, i, (unsigned long)w.addr[i], (unsigned long)addr[i]);
	if (w.end != WIRE_END_ABSENT)
		cr_expect_eq(w.flags, WIRE_CALLS, "%s:%d", file, line);
}
