/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocfail.h"
#include "objtab.h"
#include "proctab.h"
#include "verify.h"
#include "verify_report.h"

/* --- two stacks ------------------------------------------------------------------------------ */

/* Stacks are written as digits, leaf first: "123" has the addresses 1, 2 and 3. */
static struct verify_stack stack(const char *digits, uint8_t end, uint64_t addr[16])
{
	struct verify_stack s = { .addr = addr, .n = strlen(digits), .end = end };

	for (size_t i = 0; i < s.n; i++)
		addr[i] = (uint64_t)(digits[i] - '0');
	return s;
}

static struct verify_outcome compare(const char *walked, uint8_t walk_end, const char *unwound,
				     uint8_t unwind_end)
{
	uint64_t a[16], b[16];
	struct verify_stack x = stack(walked, walk_end, a), y = stack(unwound, unwind_end, b);

	return verify_compare(&x, &y);
}

struct judged_pair {
	const char *walked;
	uint8_t walk_end;
	const char *unwound;
	uint8_t unwind_end;
	enum verify_kind kind;
	size_t common, compared, agreeing;
};

static void expect_judged(const struct judged_pair *t, size_t i)
{
	struct verify_outcome o = compare(t->walked, t->walk_end, t->unwound, t->unwind_end);

	cr_expect_eq(o.kind, t->kind, "%zu: kind %d", i, o.kind);
	cr_expect_eq(o.common, t->common, "%zu: %zu common", i, o.common);
	cr_expect_eq(o.compared, t->compared, "%zu: %zu compared", i, o.compared);
	cr_expect_eq(o.agreeing, t->agreeing, "%zu: %zu agree", i, o.agreeing);
	cr_expect_eq(o.whole, t->kind == VERIFY_AGREE && t->walk_end == WIRE_END_ROOT, "%zu: whole",
		     i);
}

Test(verify, compares_two_stacks)
{
	static const struct judged_pair t[] = {
		{ "1234", WIRE_END_ROOT, "1234", WIRE_END_ROOT, VERIFY_AGREE, 4, 3, 3 },
		{ "1", WIRE_END_ROOT, "1", WIRE_END_ROOT, VERIFY_AGREE, 1, 0, 0 },
		{ "12", WIRE_END_NO_INFO, "12", WIRE_END_NO_INFO, VERIFY_AGREE, 2, 1, 1 },
		{ "12", WIRE_END_DEPTH, "12", WIRE_END_DEPTH, VERIFY_AGREE, 2, 1, 1 },
		/* Both met an address at which there is no code; only the walk notes it. */
		{ "129", WIRE_END_MAPPING, "12", WIRE_END_MAPPING, VERIFY_AGREE, 2, 1, 1 },

		{ "1934", WIRE_END_ROOT, "1234", WIRE_END_ROOT, VERIFY_OTHER_FRAME, 1, 3, 0 },
		{ "1299", WIRE_END_LOOP, "123", WIRE_END_ROOT, VERIFY_OTHER_FRAME, 2, 3, 1 },
		{ "129", WIRE_END_MAPPING, "1234", WIRE_END_ROOT, VERIFY_OTHER_FRAME, 2, 3, 1 },
		{ "129", WIRE_END_LOADING, "1234", WIRE_END_ROOT, VERIFY_OTHER_FRAME, 2, 3, 1 },
		{ "129", WIRE_END_ROOT, "123", WIRE_END_SHORT, VERIFY_OTHER_FRAME, 2, 2, 1 },

		{ "12", WIRE_END_NO_INFO, "1234", WIRE_END_ROOT, VERIFY_WALK_CUT, 2, 3, 1 },
		{ "12", WIRE_END_ROOT, "1234", WIRE_END_SHORT, VERIFY_WALK_CUT, 2, 3, 1 },

		{ "1234", WIRE_END_ROOT, "12", WIRE_END_NO_INFO, VERIFY_UNWIND_CUT, 2, 3, 1 },
		{ "1239", WIRE_END_MAPPING, "12", WIRE_END_ROOT, VERIFY_UNWIND_CUT, 2, 3, 1 },

		{ "12", WIRE_END_NO_INFO, "12", WIRE_END_ROOT, VERIFY_OTHER_END, 2, 1, 1 },
		{ "129", WIRE_END_MAPPING, "12", WIRE_END_ROOT, VERIFY_LEFT, 2, 1, 1 },

		{ "1", WIRE_END_LOADING, "1234", WIRE_END_ROOT, VERIFY_LEFT, 1, 0, 0 },
		{ "12", WIRE_END_RULE, "1234", WIRE_END_SHORT, VERIFY_LEFT, 2, 1, 1 },
		{ "12", WIRE_END_MAPPING, "1234", WIRE_END_ROOT, VERIFY_LEFT, 2, 1, 1 },
		{ "12", WIRE_END_MAPPING, "12", WIRE_END_ROOT, VERIFY_LEFT, 2, 1, 1 },

		{ "1234", WIRE_END_ROOT, "12", WIRE_END_SHORT, VERIFY_SHORT, 2, 1, 1 },
		{ "12", WIRE_END_ROOT, "12", WIRE_END_SHORT, VERIFY_SHORT, 2, 1, 1 },
		{ "12", WIRE_END_READ, "12", WIRE_END_SHORT, VERIFY_SHORT, 2, 1, 1 },

		{ "1234", WIRE_END_ROOT, "1", WIRE_END_MAPPING, VERIFY_GONE, 1, 0, 0 },
		{ "1", WIRE_END_ROOT, "1", WIRE_END_MAPPING, VERIFY_OTHER_END, 1, 0, 0 },
		{ "1", WIRE_END_LOADING, "1", WIRE_END_MAPPING, VERIFY_LEFT, 1, 0, 0 },

		/* What no registers can bring about, but a record could claim. */
		{ "", WIRE_END_ROOT, "12", WIRE_END_ROOT, VERIFY_WALK_CUT, 0, 1, 0 },
		{ "9", WIRE_END_ROOT, "12", WIRE_END_ROOT, VERIFY_OTHER_FRAME, 0, 1, 0 },
		{ "12", 200, "12", WIRE_END_ROOT, VERIFY_OTHER_END, 2, 1, 1 },
		{ "", WIRE_END_MAPPING, "", WIRE_END_MAPPING, VERIFY_AGREE, 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		expect_judged(&t[i], i);
}

/* --- the tally ------------------------------------------------------------------------------- */

/* A process that maps two files: prog at 0x1000, whose name is hostile, and lib at 0x8000. */
static struct object objects[] = { { .name = (char *)"/bin/\033prog" },
				   { .name = (char *)"/lib/lib.so" } };
static struct mapping mappings[] = { { .object = 0 }, { .object = 1 } };
static struct vm_area areas[] = {
	{ .start = 0x1000, .end = 0x2000, .file_off = 0x100, .mapping = 0 },
	{ .start = 0x8000, .end = 0x9000, .file_off = 0x200, .mapping = 1 },
};
static const struct objtab table = { .objects = { .items = objects, .n = 2 },
				     .mappings = { .items = mappings, .n = 2 } };
static struct aspace space = { .refs = 1, .areas = { .items = areas, .n = 2 } };
static struct process proc = { .tgid = 7, .exe = 0, .as = &space };
static struct verify v;

static void start(void)
{
	cr_assert_eq(verify_init(&v), 0);
}

static void done(void)
{
	verify_done(&v);
}

TestSuite(verify_tally, .init = start, .fini = done);

static void add(const uint64_t *walked, size_t n_walked, uint8_t walk_end, const uint64_t *unwound,
		size_t n_unwound, uint8_t unwind_end)
{
	const struct verify_stack u = { unwound, n_unwound, unwind_end };
	const struct trace t = {
		.tgid = 7, .comm = "comm", .user = walked, .n_user = n_walked, .end = walk_end
	};

	verify_add(&v, &table, &proc, &t, &u);
}

static const uint64_t good[] = { 0x1010, 0x8020, 0x1030, 0x1040 };
static const uint64_t astray[] = { 0x1010, 0x8020, 0x5000 };

static void add_some(void)
{
	for (int i = 0; i < 5; i++)
		add(good, 4, WIRE_END_ROOT, good, 4, WIRE_END_ROOT);
	add(astray, 3, WIRE_END_MAPPING, good, 4, WIRE_END_ROOT);
	add(astray, 3, WIRE_END_MAPPING, good, 4, WIRE_END_ROOT);
	add(good, 1, WIRE_END_LOADING, good, 4, WIRE_END_ROOT);
	add(good, 3, WIRE_END_LOADING, good, 4, WIRE_END_SHORT);
	add(good, 4, WIRE_END_ROOT, good, 3, WIRE_END_SHORT);
	verify_sort(&v);
}

/* What is recorded of a process that replaces code is the snapshot. */
Test(verify_tally, walk_of_a_restless_process_is_not_held_against_it)
{
	proc.restless = true;
	add(astray, 3, WIRE_END_MAPPING, good, 4, WIRE_END_ROOT);
	add(good, 4, WIRE_END_ROOT, good, 4, WIRE_END_ROOT);
	proc.restless = false;
	verify_sort(&v);
	cr_expect_eq(v.total.compared, 1 + 3);
	cr_expect_eq(v.total.agreeing, 1 + 3);
	cr_assert_eq(v.classes.n, 1);
	cr_expect_eq(v.classes.items[0].kind, VERIFY_LEFT);
}

Test(verify_tally, counts_frames_and_stacks_by_program_and_class)
{
	const struct verify_class *c;

	add_some();
	cr_assert_eq(v.programs.n, 1);
	cr_expect_str_eq(strtab_get(&v.names, v.programs.items[0].name), "/bin/\033prog");
	cr_expect_eq(v.total.stacks, 10);
	cr_expect_eq(v.total.whole, 5);
	cr_expect_eq(v.total.compared, 15 + 6 + 0 + 2 + 2, "%lu", (unsigned long)v.total.compared);
	cr_expect_eq(v.total.agreeing, 15 + 2 + 0 + 2 + 2);
	cr_expect_not(verify_passes(&v));
	cr_assert_eq(v.classes.n, 3);
	c = &v.classes.items[0];
	cr_expect_eq(c->kind, VERIFY_OTHER_FRAME);
	cr_expect_eq(c->stacks, 2);
	cr_expect_eq(c->frames, 4);
	cr_expect_str_eq(strtab_get(&v.names, c->last.object), "/lib/lib.so");
	cr_expect_eq(c->last.offset, 0x220);
	cr_expect_eq(c->walked.object, 0);
	cr_expect_eq(c->walked.offset, 0x5000);
	cr_expect_str_eq(strtab_get(&v.names, c->unwound.object), "/bin/\033prog");
	cr_expect_eq(c->unwound.offset, 0x130);
	cr_expect_eq(v.classes.items[1].kind, VERIFY_LEFT);
	cr_expect_eq(v.classes.items[1].stacks, 2);
	cr_expect_eq(v.classes.items[2].kind, VERIFY_SHORT);
}

Test(verify_tally, one_frame_in_a_thousand_may_differ)
{
	cr_expect_not(verify_passes(&v), "nothing was compared");
	v.total = (struct verify_program){ .compared = 999, .agreeing = 998 };
	cr_expect_not(verify_passes(&v));
	v.total = (struct verify_program){ .compared = 1000, .agreeing = 999 };
	cr_expect(verify_passes(&v));
	v.total = (struct verify_program){ .compared = 1, .agreeing = 1 };
	cr_expect(verify_passes(&v));
}

Test(verify_tally, keeps_a_bounded_number_of_programs)
{
	char names[VERIFY_MAX_PROGRAMS + 10][16];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(names[i], sizeof(names[i]), "prog%zu", i);
		objects[0].name = names[i];
		add(good, 4, WIRE_END_ROOT, good, 4, WIRE_END_ROOT);
	}
	objects[0].name = (char *)"/bin/\033prog";
	cr_expect_eq(v.programs.n, VERIFY_MAX_PROGRAMS + 1);
	cr_expect_eq(v.programs.items[VERIFY_MAX_PROGRAMS].stacks, 10);
	cr_expect_str_eq(strtab_get(&v.names, v.programs.items[VERIFY_MAX_PROGRAMS].name),
			 "(others)");
}

Test(verify_tally, out_of_memory_costs_names_and_classes_alone)
{
	for (unsigned fail = 1; fail <= 12; fail++) {
		allocfail_at(fail);
		add(astray, 3, WIRE_END_MAPPING, good, 4, WIRE_END_ROOT);
		allocfail_stop();
	}
	cr_expect_eq(v.total.stacks, 12);
	cr_expect_eq(v.total.compared, 36);
}

/* --- the report ------------------------------------------------------------------------------ */

static char *report(uint64_t samples)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	verify_write(out, &v, samples, 10000000000ull);
	fclose(out);
	for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
		cr_expect_leq(strcspn(line, "\n"), 80, "%s", line);
	cr_expect_null(strchr(text, '\033'), "names are foreign");
	return text;
}

Test(verify_tally, report_names_the_place_of_a_disagreement)
{
	char *text;

	add_some();
	text = report(12);
	cr_expect_not_null(strstr(text, "10 user stacks of 12 samples in 10.0 s"), "%s", text);
	cr_expect_not_null(strstr(text, "       25    84.00%       10    50.00%  (all)\n"), "%s",
			   text);
	cr_expect_not_null(
		strstr(text,
		       "        4        2  different callers; the kernel's walk ends by: code"),
		"%s", text);
	cr_expect_not_null(strstr(text, "after     /lib/lib.so+0x220\n"), "%s", text);
	cr_expect_not_null(strstr(text, "kernel    no mapping 0x5000\n"), "%s", text);
	cr_expect_not_null(strstr(text, "libunwind /bin/\\x1bprog+0x130\n"), "%s", text);
	cr_expect_not_null(strstr(text, "less than 99.9 %"), "%s", text);
	free(text);
}

Test(verify_tally, report_of_nothing_says_so)
{
	char *text = report(0);

	cr_expect_not_null(strstr(text, "nothing was compared"), "%s", text);
	free(text);
}

Test(verify_tally, report_has_a_sentence_for_every_kind_and_end)
{
	char *text;

	for (uint8_t a = 0; a < WIRE_END_MAX; a++)
		for (uint8_t b = 0; b < WIRE_END_MAX; b++) {
			add(good, 2, a, good, 4, b);
			add(good, 4, a, good, 2, b);
			add(good, 4, a, good, 4, b);
		}
	add(good, 2, 200, good, 4, 200);
	text = report(1000);
	cr_expect_null(strstr(text, "(null)"));
	free(text);
}
