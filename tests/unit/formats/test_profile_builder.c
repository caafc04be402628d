/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>

#include "made_profile.h"

static struct profile *p;
static struct profile_builder *b;

static void setup(void)
{
	cr_assert_eq(profile_new(&p), 0);
	cr_assert_eq(array_push(&p->sample_types,
				(struct profile_value_type){ str(p, "samples"), str(p, "count") }),
		     0);
	cr_assert_eq(profile_builder_new(&b, p), 0);
}

static void teardown(void)
{
	cr_assert_eq(profile_check(p), 0);
	profile_builder_free(b);
	profile_free(p);
}

TestSuite(profile_builder, .init = setup, .fini = teardown);

static int64_t mapping(uint64_t start, uint64_t size, const char *file, const char *build_id)
{
	struct profile_mapping m = { .start = start,
				     .limit = start + size,
				     .file = str(p, file),
				     .build_id = str(p, build_id),
				     .has_functions = true };

	return profile_builder_mapping(b, &m);
}

Test(profile_builder, mappings_are_equal_by_rounded_size_offset_and_object)
{
	struct profile_mapping m = { .start = 1, .limit = 2, .file_offset = 1 };

	cr_assert_eq(mapping(0x1000, 0x1800, "/a", ""), 0);
	cr_assert_eq(mapping(0x9000, 0x1fff, "/a", ""), 0);
	cr_assert_eq(mapping(0x1000, 0x2001, "/a", ""), 1);
	cr_assert_eq(mapping(0x1000, 0x1800, "/b", ""), 2);
	cr_assert_eq(mapping(0x1000, 0x1800, "/a", "beef"), 3);
	cr_assert_eq(mapping(0x1000, 0x1800, "/elsewhere/a", "beef"), 3);
	cr_assert_eq(profile_builder_mapping(b, &m), 4);
	cr_assert_eq(p->mappings.items[0].limit, 0x1000 + 0x1fff, "the longer one must fit");
}

Test(profile_builder, flags_of_equal_mappings_hold_for_both_only)
{
	struct profile_mapping m = { .limit = 0x1000,
				     .has_functions = true,
				     .has_filenames = true };

	cr_assert_eq(profile_builder_mapping(b, &m), 0);
	m.has_functions = false;
	m.has_inline_frames = true;
	cr_assert_eq(profile_builder_mapping(b, &m), 0);
	cr_assert_not(p->mappings.items[0].has_functions);
	cr_assert(p->mappings.items[0].has_filenames);
	cr_assert_not(p->mappings.items[0].has_inline_frames);
}

Test(profile_builder, a_mapping_at_the_end_of_memory_does_not_wrap)
{
	struct profile_mapping m = { .start = UINT64_MAX - 0xfff, .limit = UINT64_MAX };

	cr_assert_eq(profile_builder_mapping(b, &m), 0);
	m.start = 0;
	m.limit = 0x1000;
	cr_assert_eq(profile_builder_mapping(b, &m), 0);
	cr_assert_eq(p->mappings.items[0].limit, UINT64_MAX);
}

Test(profile_builder, functions_are_equal_by_every_field)
{
	struct profile_function f = { .name = str(p, "f"),
				      .system_name = str(p, "_Zf"),
				      .file = str(p, "f.c"),
				      .start_line = 3 },
				g = f;

	cr_assert_eq(profile_builder_function(b, &f), 0);
	cr_assert_eq(profile_builder_function(b, &g), 0);
	g.start_line = 4;
	cr_assert_eq(profile_builder_function(b, &g), 1);
	g = f;
	g.system_name = 0;
	cr_assert_eq(profile_builder_function(b, &g), 2);
	g = f;
	g.file = 0;
	cr_assert_eq(profile_builder_function(b, &g), 3);
}

Test(profile_builder, locations_are_equal_by_mapping_address_and_lines)
{
	struct profile_function f = { .name = str(p, "f") }, g = { .name = str(p, "g") };
	uint32_t fi = (uint32_t)profile_builder_function(b, &f);
	uint32_t gi = (uint32_t)profile_builder_function(b, &g);
	struct profile_line lines[] = { { fi, 1, 0 }, { gi, 2, 0 } };
	struct profile_location l = { .mapping = (uint32_t)mapping(0x1000, 0x1000, "/a", ""),
				      .address = 0x1010,
				      .line_n = 2 };

	cr_assert_eq(profile_builder_location(b, &l, lines), 0);
	cr_assert_eq(profile_builder_location(b, &l, lines), 0);
	lines[1].line = 3;
	cr_assert_eq(profile_builder_location(b, &l, lines), 1);
	l.line_n = 1;
	cr_assert_eq(profile_builder_location(b, &l, lines), 2);
	l.line_n = 0;
	cr_assert_eq(profile_builder_location(b, &l, NULL), 3);
	l.is_folded = true;
	cr_assert_eq(profile_builder_location(b, &l, NULL), 4);
	l.mapping = PROFILE_NONE;
	cr_assert_eq(profile_builder_location(b, &l, NULL), 5);
	l.address++;
	cr_assert_eq(profile_builder_location(b, &l, NULL), 6);
	cr_assert_eq(p->lines.n, 5);
}

static uint32_t location(uint64_t address)
{
	struct profile_location l = { .mapping = PROFILE_NONE, .address = address };

	return (uint32_t)profile_builder_location(b, &l, NULL);
}

Test(profile_builder, samples_of_one_stack_are_added_up)
{
	uint32_t x = location(1), y = location(2);
	int64_t one = 1, two = 2;

	cr_assert_eq(profile_builder_sample(b, (uint32_t[]){ x, y }, 2, NULL, 0, &one), 0);
	cr_assert_eq(profile_builder_sample(b, (uint32_t[]){ x, y }, 2, NULL, 0, &two), 0);
	cr_assert_eq(profile_builder_sample(b, (uint32_t[]){ y, x }, 2, NULL, 0, &one), 1);
	cr_assert_eq(profile_builder_sample(b, (uint32_t[]){ x }, 1, NULL, 0, &one), 2);
	cr_assert_eq(profile_builder_sample(b, NULL, 0, NULL, 0, &one), 3);
	cr_assert_eq(profile_value(p, 0, 0), 3);
}

Test(profile_builder, labels_count_in_any_order)
{
	uint32_t x = location(1);
	int64_t one = 1;
	struct profile_label comm = { .key = str(p, "comm"), .str = str(p, "demo") };
	struct profile_label tid = { .key = str(p, "tid"), .is_num = true, .num = 7 };
	struct profile_label zero = { .key = str(p, "tid"), .is_num = true };
	struct profile_label stray = comm;

	stray.num = 99; /* not used by a string label */
	cr_assert_eq(
		profile_builder_sample(b, &x, 1, (struct profile_label[]){ comm, tid }, 2, &one),
		0);
	cr_assert_eq(
		profile_builder_sample(b, &x, 1, (struct profile_label[]){ tid, stray }, 2, &one),
		0);
	cr_assert_eq(
		profile_builder_sample(b, &x, 1, (struct profile_label[]){ comm, zero }, 2, &one),
		1);
	cr_assert_eq(profile_builder_sample(b, &x, 1, &comm, 1, &one), 2);
	cr_assert_eq(profile_value(p, 0, 0), 2);
}

Test(profile_builder, values_stop_at_the_largest_number)
{
	int64_t most = INT64_MAX - 1, least = INT64_MIN + 1, two = 2, minus = -5;
	uint32_t x = location(1), y = location(2);

	profile_builder_sample(b, &x, 1, NULL, 0, &most);
	profile_builder_sample(b, &x, 1, NULL, 0, &two);
	profile_builder_sample(b, &y, 1, NULL, 0, &least);
	profile_builder_sample(b, &y, 1, NULL, 0, &minus);
	cr_assert_eq(profile_value(p, 0, 0), INT64_MAX);
	cr_assert_eq(profile_value(p, 1, 0), INT64_MIN);
}

Test(profile_builder, free_accepts_null)
{
	profile_builder_free(NULL);
}
