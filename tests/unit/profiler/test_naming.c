/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate.h"
#include "allocfail.h"
#include "clock.h"
#include "event.h"
#include "fake_symbolizer.h"
#include "formats.h"
#include "jittab.h"
#include "naming.h"
#include "objtab.h"
#include "proctab.h"
#include "profile.h"
#include "symbolize.h"
#include "tally.h"

/* A kernel of few symbols, and two places in it. */
#define KALLSYMS    "tests/golden/kallsyms/small"
#define KERNEL_ADDR 0xffffffff81000190
#define MODULE_ADDR 0xffffffffc0300104

static struct objtab objects;
static struct proctab procs;
static struct jittab jits;
static struct aggregate counts;
static struct symbolizer *symbolizer;
static struct profile *prof;
static bool no_inlines;

static const struct event_list events = {
	.n = 2,
	.ev = { { .sample_type = "cpu", .unit = "nanoseconds", .value_per_sample = 1000 },
		{ .sample_type = "page_faults", .unit = "count" } },
};

static void start(void)
{
	objtab_init(&objects, 100);
	proctab_init(&procs, &objects, 10);
	jittab_init(&jits, &objects);
	cr_assert_eq(aggregate_init(&counts, 1 << 20, labels_default_split()), 0);
	cr_assert_eq(symbolizer_new(&symbolizer, &(struct symbolizer_opts){ .kallsyms = KALLSYMS }),
		     0);
}

static void done(void)
{
	profile_free(prof);
	prof = NULL;
	no_inlines = false;
	fake_symbolizer_set(NULL, 0);
	symbolizer_free(symbolizer);
	aggregate_done(&counts);
	proctab_done(&procs);
	jittab_done(&jits);
	objtab_done(&objects);
}

TestSuite(naming, .init = start, .fini = done, .timeout = 30);

/* Functions to be found. */
int naming_test_leaf(int x);
int naming_test_caller(int x);

__attribute__((noinline)) int naming_test_leaf(int x)
{
	return x * 3;
}

__attribute__((noinline)) int naming_test_caller(int x)
{
	return naming_test_leaf(x) + 1;
}

static uint32_t place(int64_t mapping, uint64_t addr)
{
	int64_t i = aggregate_place(&counts, &(struct place){ .mapping = mapping, .addr = addr });

	cr_assert_geq(i, 0);
	return (uint32_t)i;
}

/* The place of @addr in this process. */
static uint32_t own_place(uintptr_t addr)
{
	uint64_t placed = 0;
	struct process *p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());
	int64_t m = proctab_place(&procs, p, addr, clock_mono_ns(), &placed);

	cr_assert_geq(m, 0);
	return place(m, placed);
}

/* Counts @samples of a stack of @n places, leaf first, for event @event. */
static void count(uint32_t event, uint64_t samples, size_t n, const uint32_t *places)
{
	struct agg_row row = { .event = event, .samples = samples, .value = samples * 7 };
	struct label_set labels;

	label_set_clear(&labels);
	labels.v[LABEL_PID] = 10;
	labels.v[LABEL_TID] = 11;
	cr_assert_eq(strtab_adds(&counts.strings, "process", &labels.v[LABEL_COMM]), 0);
	cr_assert_eq(strtab_adds(&counts.strings, "thread", &labels.v[LABEL_THREAD_COMM]), 0);
	cr_assert_eq(aggregate_add(&counts, places, n, &labels, &row), 0);
}

#define COUNT(event, samples, ...)                                                    \
	count(event, samples, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
	      (uint32_t[]){ __VA_ARGS__ })

/* Every location with an address lies in its mapping. */
static void expect_addresses_in_mappings(void)
{
	array_each(&prof->locations, l) {
		const struct profile_mapping *m = &prof->mappings.items[l->mapping];

		if (l->mapping != PROFILE_NONE)
			cr_expect(l->address >= m->start && l->address < m->limit,
				  "%jx is not in %jx-%jx", (uintmax_t)l->address,
				  (uintmax_t)m->start, (uintmax_t)m->limit);
	}
}

static int run_naming(uint32_t main_mapping)
{
	return naming_run(&(struct naming){ .counts = &counts,
					    .objects = &objects,
					    .jits = &jits,
					    .events = &events,
					    .symbolizer = symbolizer,
					    .no_inlines = no_inlines,
					    .main_mapping = main_mapping },
			  &prof);
}

static void name_all(uint32_t main_mapping)
{
	cr_assert_eq(run_naming(main_mapping), 0);
	cr_expect_eq(profile_check(prof), 0);
	expect_addresses_in_mappings();
}

/* The name of frame @frame of sample @i. */
static const char *frame_name(size_t i, uint32_t frame)
{
	const struct profile_sample *s = &prof->samples.items[i];
	const struct profile_location *l;

	cr_assert_lt(frame, s->loc_n);
	l = &prof->locations.items[prof->stacks.items[s->loc_first + frame]];
	cr_assert_gt(l->line_n, 0);
	return strtab_get(&prof->strings,
			  prof->functions.items[prof->lines.items[l->line_first].function].name);
}

static const struct profile_mapping *frame_mapping(size_t i, uint32_t frame)
{
	const struct profile_sample *s = &prof->samples.items[i];
	uint32_t m = prof->locations.items[prof->stacks.items[s->loc_first + frame]].mapping;

	return m == PROFILE_NONE ? NULL : &prof->mappings.items[m];
}

static const char *frame_file(size_t i, uint32_t frame)
{
	const struct profile_mapping *m = frame_mapping(i, frame);

	return m ? strtab_get(&prof->strings, m->file) : "(none)";
}

Test(naming, finds_functions_of_a_program_by_their_address)
{
	COUNT(0, 5, own_place((uintptr_t)naming_test_leaf),
	      own_place((uintptr_t)naming_test_caller), own_place((uintptr_t)getpid));
	name_all(UINT32_MAX);
	cr_assert_eq(prof->samples.n, 1);
	cr_expect_str_eq(frame_name(0, 0), "naming_test_leaf");
	cr_expect_str_eq(frame_name(0, 1), "naming_test_caller");
	cr_expect_not_null(strstr(frame_name(0, 2), "getpid"), "%s", frame_name(0, 2));
	cr_expect_not_null(strstr(frame_file(0, 0), "/unit-profiler"));
	cr_expect_eq(frame_mapping(0, 0), frame_mapping(0, 1));
	cr_expect(frame_mapping(0, 0)->has_functions);
	cr_expect_eq(frame_mapping(0, 0)->has_inline_frames, frame_mapping(0, 0)->has_line_numbers);
}

Test(naming, finds_kernel_functions_and_modules)
{
	COUNT(0, 1, place(PLACE_KERNEL, KERNEL_ADDR), place(PLACE_KERNEL, MODULE_ADDR),
	      place(PLACE_KERNEL, 0x10));
	name_all(UINT32_MAX);
	cr_expect_str_eq(frame_name(0, 0), "after_data");
	cr_expect_str_eq(frame_file(0, 0), "[kernel.kallsyms]");
	cr_expect_str_eq(frame_name(0, 1), "nft_do_chain");
	cr_expect_str_eq(frame_file(0, 1), "[nf_tables]");
	cr_expect_str_eq(frame_name(0, 2), "[kernel+0x10]");
	cr_expect_str_eq(frame_file(0, 2), "[kernel.kallsyms]");
}

Test(naming, says_why_a_place_has_no_name)
{
	struct vm_area anon = { .start = 0x10000, .end = 0x20000 };
	struct vm_area lost = {
		.start = 0x30000, .end = 0x40000, .file_off = 0x5000, .dev = 1, .ino = 99
	};
	int64_t jit = objtab_mapping(&objects, getpid(), &anon, "[anon:jit]");
	int64_t file = objtab_mapping(&objects, getpid(), &lost, "/gone/lib[x].so");

	COUNT(0, 1, place(PLACE_UNKNOWN, 0x123), place(PLACE_EXITED, 0x456), place(jit, 0x10010),
	      place(file, 0x30020), place(PLACE_NOTE, CTR_TRUNC_USER_DEPTH));
	name_all(UINT32_MAX);
	cr_expect_str_eq(frame_name(0, 0), "[unknown]");
	cr_expect_str_eq(frame_name(0, 1), "[unknown: process exited]");
	cr_expect_str_eq(frame_name(0, 2), "[anon+0x10010]");
	cr_expect_str_eq(frame_file(0, 2), "//anon");
	cr_expect_str_eq(frame_name(0, 3), "[lib+0x5020]");
	cr_expect_str_eq(frame_file(0, 3), "/gone/lib[x].so");
	cr_expect_str_eq(frame_name(0, 4), "[truncated: user stack deeper than the limit]");
	cr_expect_null(frame_mapping(0, 0));
	cr_expect_null(frame_mapping(0, 4));
	cr_expect_not(frame_mapping(0, 3)->has_functions);
}

Test(naming, mapping_with_an_unnamed_place_does_not_claim_functions)
{
	const struct process *p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());

	COUNT(0, 1, own_place((uintptr_t)naming_test_leaf),
	      place(p->exe, objects.mappings.items[p->exe].limit - 1));
	name_all(UINT32_MAX);
	cr_expect_str_eq(frame_name(0, 0), "naming_test_leaf");
	cr_expect_eq(frame_name(0, 1)[0], '[');
	cr_expect_eq(frame_mapping(0, 0), frame_mapping(0, 1));
	cr_expect_not(frame_mapping(0, 0)->has_functions);
}

/* A file of which the symbolizer knows what a test says: its mapping. */
static int64_t made_file(void)
{
	struct vm_area area = {
		.start = 0x10000, .end = 0x20000, .file_off = 0x1000, .dev = 1, .ino = 98
	};

	return objtab_mapping(&objects, getpid(), &area, "/opt/app/made");
}

static const struct fake_frame frames_of_sort[] = {
	{ "less(int, int)", "_Z4lessii", "/src/less.h", 7, 5 },
	{ "part(int*)", "_Z4partPi", "/src/sort.cc", 22, 20 },
	{ "sort(int*)", "_Z4sortPi", "/src/sort.cc", 33, 30 },
};

Test(naming, inlined_functions_are_lines_of_their_place)
{
	static const struct fake_frame main_frame = { "main", "main", "/src/main.cc", 3, 1 };
	static const struct fake_place places[] = { { 0x1010, SYM_OK, frames_of_sort, 3 },
						    { 0x1020, SYM_OK, &main_frame, 1 } };
	int64_t m = made_file();
	const struct profile_location *l;
	const struct sym_request *asked;
	size_t n;

	fake_symbolizer_set(places, ARRAY_LEN(places));
	COUNT(0, 5, place(m, 0x10010), place(m, 0x10020));
	name_all(UINT32_MAX);
	asked = fake_symbolizer_asked(&n);
	cr_expect_eq(n, 1);
	cr_expect_eq(asked->kind, SYM_ELF);
	cr_expect_str_eq(asked->path, "/opt/app/made");
	cr_expect_not(asked->no_inlines);
	l = &prof->locations.items[prof->stacks.items[0]];
	cr_assert_eq(l->line_n, 3);
	for (uint32_t i = 0; i < 3; i++) {
		const struct profile_line *line = &prof->lines.items[l->line_first + i];
		const struct profile_function *f = &prof->functions.items[line->function];
		const struct fake_frame *want = &frames_of_sort[i];

		cr_expect_eq(line->line, want->line);
		cr_expect_eq(f->start_line, want->start_line);
		cr_expect_str_eq(strtab_get(&prof->strings, f->name), want->name);
		cr_expect_str_eq(strtab_get(&prof->strings, f->system_name), want->system_name);
		cr_expect_str_eq(strtab_get(&prof->strings, f->file), want->file);
	}
	cr_expect(frame_mapping(0, 0)->has_functions && frame_mapping(0, 0)->has_filenames);
	cr_expect(frame_mapping(0, 0)->has_line_numbers && frame_mapping(0, 0)->has_inline_frames);
}

Test(naming, without_inlines_a_mapping_does_not_claim_to_have_them)
{
	static const struct fake_place places[] = { { 0x1010, SYM_OK, &frames_of_sort[2], 1 } };
	const struct sym_request *asked;
	size_t n;

	fake_symbolizer_set(places, ARRAY_LEN(places));
	no_inlines = true;
	COUNT(0, 5, place(made_file(), 0x10010));
	name_all(UINT32_MAX);
	asked = fake_symbolizer_asked(&n);
	cr_expect(n == 1 && asked->no_inlines);
	cr_expect(frame_mapping(0, 0)->has_line_numbers);
	cr_expect_not(frame_mapping(0, 0)->has_inline_frames);
}

/* A place without a line is one of which nobody knows what was inlined there. */
Test(naming, mapping_with_a_place_without_a_line_does_not_claim_lines)
{
	static const struct fake_frame from_table = { "plain", "plain", "", 0, 0 };
	static const struct fake_place places[] = { { 0x1010, SYM_OK, frames_of_sort, 3 },
						    { 0x1020, SYM_OK, &from_table, 1 } };
	int64_t m = made_file();

	fake_symbolizer_set(places, ARRAY_LEN(places));
	COUNT(0, 5, place(m, 0x10010), place(m, 0x10020));
	name_all(UINT32_MAX);
	cr_expect(frame_mapping(0, 0)->has_functions);
	cr_expect_not(frame_mapping(0, 0)->has_filenames);
	cr_expect_not(frame_mapping(0, 0)->has_line_numbers);
	cr_expect_not(frame_mapping(0, 0)->has_inline_frames);
}

Test(naming, keeps_any_number_of_inlined_functions)
{
	enum { DEPTH = 300 };
	static struct fake_frame frames[DEPTH];
	static char names[DEPTH][16];
	const struct fake_place places[] = { { 0x1010, SYM_OK, frames, DEPTH } };
	const struct profile_location *l;

	for (int i = 0; i < DEPTH; i++) {
		snprintf(names[i], sizeof(names[i]), "f%d", i);
		frames[i] = (struct fake_frame){ names[i], names[i], "a.c", 1, 1 };
	}
	fake_symbolizer_set(places, ARRAY_LEN(places));
	COUNT(0, 1, place(made_file(), 0x10010));
	name_all(UINT32_MAX);
	l = &prof->locations.items[prof->stacks.items[0]];
	cr_assert_eq(l->line_n, DEPTH);
	cr_expect_eq(prof->lines.items[l->line_first + DEPTH - 1].function, DEPTH - 1);
	cr_expect_str_eq(frame_name(0, 0), "f0");
}

/* What a recording names is what its files hold. */
Test(naming, inlined_functions_are_marked_in_folded_stacks)
{
	static const struct fake_frame main_frame = { "main", "main", "/src/main.cc", 3, 1 };
	static const struct fake_place places[] = { { 0x1010, SYM_OK, frames_of_sort, 3 },
						    { 0x1020, SYM_OK, &main_frame, 1 } };
	const struct format_opts fo = { .sample_type = -1 };
	char folded[] = "/tmp/wick-naming-XXXXXX", pprof[] = "/tmp/wick-naming-XXXXXX";
	struct profile *again;
	char line[256] = "";
	int64_t m = made_file();
	FILE *f;

	close(mkstemp(folded));
	close(mkstemp(pprof));
	fake_symbolizer_set(places, ARRAY_LEN(places));
	COUNT(0, 5, place(m, 0x10010), place(m, 0x10020));
	name_all(UINT32_MAX);
	cr_assert_eq(format_write(prof, pprof, FORMAT_PPROF, &fo, NULL), 0);
	cr_assert_eq(format_read(pprof, &again, NULL), 0);
	cr_expect_eq(again->functions.items[again->lines.items[0].function].start_line, 5);
	cr_expect(again->mappings.items[0].has_inline_frames);
	cr_assert_eq(format_write(again, folded, FORMAT_FOLDED, &fo, NULL), 0);
	f = fopen(folded, "r");
	cr_assert(f && fgets(line, sizeof(line), f));
	cr_expect_str_eq(line, "process;main;sort(int*);part(int*)_[i];less(int, int)_[i] 5\n");
	fclose(f);
	profile_free(again);
	unlink(folded);
	unlink(pprof);
}

Test(naming, values_and_labels_are_those_of_the_rows)
{
	uint32_t leaf = own_place((uintptr_t)naming_test_leaf);
	const struct profile_sample *s;
	const struct profile_label *l;

	COUNT(0, 5, leaf);
	COUNT(1, 3, leaf);
	name_all(UINT32_MAX);
	cr_expect_eq(prof->sample_types.n, 3);
	cr_expect_str_eq(strtab_get(&prof->strings, prof->sample_types.items[2].type),
			 "page_faults");
	cr_expect_eq(prof->default_sample_type, prof->sample_types.items[1].type);
	cr_assert_eq(prof->samples.n, 1, "both events met the same stack");
	cr_expect_eq(profile_value(prof, 0, 0), 8);
	cr_expect_eq(profile_value(prof, 0, 1), 5 * 1000, "a clock's sample stands for its period");
	cr_expect_eq(profile_value(prof, 0, 2), 3 * 7, "others count what the event counted");
	s = &prof->samples.items[0];
	cr_assert_eq(s->label_n, 4);
	for (uint32_t i = 0; i < 4; i++) {
		const char *key;

		l = &prof->labels.items[s->label_first + i];
		key = strtab_get(&prof->strings, l->key);
		cr_expect(strcmp(key, "pid") != 0 || l->num == 10);
		cr_expect(strcmp(key, "tid") != 0 || l->num == 11);
		cr_expect(strcmp(key, "comm") != 0 ||
			  strcmp(strtab_get(&prof->strings, l->str), "process") == 0);
		cr_expect(strcmp(key, "thread_comm") != 0 ||
			  strcmp(strtab_get(&prof->strings, l->str), "thread") == 0);
	}
}

Test(naming, main_program_comes_first)
{
	const struct process *p;

	COUNT(0, 1, own_place((uintptr_t)getpid));
	p = proctab_get(&procs, (uint32_t)getpid(), clock_mono_ns());
	name_all(p->exe);
	cr_assert_geq(prof->mappings.n, 2);
	cr_expect_not_null(
		strstr(strtab_get(&prof->strings, prof->mappings.items[0].file), "unit-profiler"));
}

/* One library in two containers: two files with one build id, at two addresses. */
Test(naming, places_of_equal_files_lie_in_one_mapping)
{
	struct vm_area here = {
		.start = 0x10000, .end = 0x20000, .file_off = 0, .dev = 1, .ino = 98
	};
	struct vm_area there = {
		.start = 0x70000, .end = 0x80000, .file_off = 0, .dev = 2, .ino = 99
	};
	int64_t a = objtab_mapping(&objects, getpid(), &here, "/a/lib.so");
	int64_t b = objtab_mapping(&objects, getpid(), &there, "/b/lib.so");

	cr_assert_neq(a, b);
	array_each(&objects.objects, o)
		strcpy(o->build_id, "0123456789abcdef");
	COUNT(0, 2, place(a, 0x10040));
	COUNT(0, 3, place(b, 0x70040));
	name_all(UINT32_MAX);
	cr_expect_eq(prof->mappings.n, 1);
	cr_expect_eq(prof->locations.n, 1, "it is the same place");
	cr_assert_eq(prof->samples.n, 1);
	cr_expect_eq(profile_value(prof, 0, 0), 5);
}

Test(naming, places_of_two_anonymous_areas_stay_apart)
{
	struct vm_area here = { .start = 0x10000, .end = 0x20000 };
	struct vm_area there = { .start = 0x70000, .end = 0x80000 };

	COUNT(0, 2, place(objtab_mapping(&objects, getpid(), &here, ""), 0x10040));
	COUNT(0, 3, place(objtab_mapping(&objects, getpid(), &there, ""), 0x70040));
	name_all(UINT32_MAX);
	cr_expect_eq(prof->mappings.n, 2);
	cr_assert_eq(prof->samples.n, 2);
	cr_expect_str_neq(frame_name(0, 0), frame_name(1, 0));
}

/* A place of code that process @jit made, as it was known in its present epoch. */
static uint32_t jit_place(uint32_t jit, int64_t mapping, uint64_t addr)
{
	int64_t i;

	jittab_next_window(&jits);
	i = aggregate_place(&counts, &(struct place){ .mapping = mapping,
						      .addr = addr,
						      .jit = jit + 1,
						      .epoch = jittab_epoch(&jits, jit, 0) });
	cr_assert_geq(i, 0);
	return (uint32_t)i;
}

Test(naming, code_of_a_process_has_the_names_that_it_gave)
{
	struct vm_area area = { .start = 0x10000, .end = 0x20000 };
	int64_t m = objtab_mapping(&objects, getpid(), &area, "");
	uint32_t self = jittab_add(&jits, (uint32_t)getpid(), JITTAB_NONE);
	uint32_t other = jittab_add(&jits, 4000000, JITTAB_NONE);
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs("10010 10 first\n30000 10 unmapped\n", f);
	fflush(f);
	jits.procs.items[self].used = true;
	jittab_settle(&jits);
	COUNT(0, 1, jit_place(self, m, 0x10010), jit_place(self, PLACE_UNKNOWN, 0x30000),
	      jit_place(self, m, 0x10050), jit_place(other, m, 0x10010),
	      jit_place(other, PLACE_EXITED, 0x30000), place(m, 0x10010));
	fputs("10010 10 second\n", f);
	fclose(f);
	COUNT(1, 1, jit_place(self, m, 0x10010));
	name_all(UINT32_MAX);
	unlink(path);
	cr_expect_str_eq(frame_name(0, 0), "first");
	cr_expect_str_eq(frame_file(0, 0), "//anon");
	cr_expect_str_eq(frame_name(0, 1), "unmapped");
	cr_expect_str_eq(frame_name(0, 2), "[anon+0x10050]");
	cr_expect_str_eq(frame_name(0, 3), "[anon+0x10010]");
	cr_expect_str_eq(frame_name(0, 4), "[unknown: process exited]");
	cr_expect_str_eq(frame_name(0, 5), "[anon+0x10010]");
	cr_expect_str_eq(frame_name(1, 0), "second");
}

Test(naming, of_nothing_is_an_empty_profile)
{
	name_all(UINT32_MAX);
	cr_expect_eq(prof->samples.n, 0);
	cr_expect_eq(prof->sample_types.n, 3);
}

static int name_again(void)
{
	int r = run_naming(UINT32_MAX);

	profile_free(prof);
	prof = NULL;
	return r;
}

Test(naming, survives_every_failed_allocation)
{
	COUNT(0, 1, own_place((uintptr_t)naming_test_leaf), place(PLACE_KERNEL, KERNEL_ADDR),
	      place(PLACE_UNKNOWN, 0x123), place(PLACE_NOTE, CTR_TRUNC_USER_READ));
	COUNT(1, 1, own_place((uintptr_t)getpid));
	allocfail_each_tolerant(name_again); /* a build id that cannot be read is none */
}
