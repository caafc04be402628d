/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aggregate.h"
#include "allocfail.h"
#include "clock.h"
#include "event.h"
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
	cr_assert_eq(aggregate_init(&counts, 1 << 20), 0);
	cr_assert_eq(symbolizer_new(&symbolizer, &(struct symbolizer_opts){ .kallsyms = KALLSYMS }),
		     0);
}

static void done(void)
{
	profile_free(prof);
	prof = NULL;
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
	struct agg_row row = { .tgid = 10, .tid = 11, .event = event, .samples = samples };

	row.value = samples * 7;
	cr_assert_eq(strtab_adds(&counts.strings, "process", &row.comm), 0);
	cr_assert_eq(strtab_adds(&counts.strings, "thread", &row.thread_comm), 0);
	cr_assert_eq(aggregate_add(&counts, places, n, &row), 0);
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
	cr_expect_not(frame_mapping(0, 0)->has_inline_frames);
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
