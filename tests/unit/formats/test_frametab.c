/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include <string.h>

#include "framescan.h"
#include "frametab.h"
#include "profile.h"

static struct profile *p;
static struct profile_builder *b;
static struct frametab t;

static void setup(void)
{
	cr_assert_eq(profile_new(&p), 0);
	cr_assert_eq(profile_builder_new(&b, p), 0);
	frametab_init(&t, p, b);
}

static void teardown(void)
{
	frametab_done(&t);
	profile_builder_free(b);
	profile_free(p);
}

TestSuite(frametab, .init = setup, .fini = teardown);

static int64_t get(const char *text, bool outermost)
{
	return frametab_get(&t, text, strlen(text), frame_hash(text, strlen(text)), outermost);
}

static const char *name_of(int64_t i)
{
	uint32_t f = t.frames.items[i].function;

	return strtab_get(&p->strings, p->functions.items[f].name);
}

Test(frametab, equal_texts_are_one_frame)
{
	int64_t a = get("main", true), other = get("other", true);

	cr_assert_neq(a, other);
	cr_assert_eq(get("main", false), a);
	cr_assert_eq(get("other", false), other);
	cr_assert_eq(p->functions.n, 2);
}

Test(frametab, annotations_tell_frames_of_one_function_apart)
{
	int64_t plain = get("f", false), kernel = get("f_[k]", false), jit = get("f_[j]", false);
	int64_t inlined = get("f_[i]", false);

	cr_assert_eq(p->functions.n, 1);
	cr_assert_eq(t.frames.n, 4);
	cr_assert_eq(t.frames.items[plain].kind, FRAME_PLAIN);
	cr_assert_eq(t.frames.items[kernel].kind, FRAME_KERNEL);
	cr_assert_eq(t.frames.items[jit].kind, FRAME_JIT);
	cr_assert_eq(t.frames.items[inlined].kind, FRAME_INLINED);
	cr_assert_eq(get("f_[k]", true), kernel);
}

Test(frametab, the_tiers_of_a_java_method_are_one_function)
{
	int64_t interpreted = get("a/B.run_[0]", false), c1 = get("a/B.run_[1]", false);

	cr_assert_eq(p->functions.n, 1);
	cr_assert_eq(t.frames.items[interpreted].kind, FRAME_PLAIN);
	cr_assert_eq(t.frames.items[c1].kind, FRAME_JIT);
	cr_assert_str_eq(name_of(c1), "a/B.run");
	cr_assert_eq(frametab_location(&t, (uint32_t)interpreted),
		     frametab_location(&t, (uint32_t)get("a/B.run", false)));
	cr_assert_str_eq(name_of(get("_[0]", false)), "_[0]");
}

Test(frametab, an_outermost_frame_is_inlined_into_nothing)
{
	int64_t outer = get("f_[i]", true), inner = get("f_[i]", false);

	cr_assert_neq(outer, inner);
	cr_assert_str_eq(name_of(outer), "f_[i]");
	cr_assert_str_eq(name_of(inner), "f");
	cr_assert_eq(get("f_[i]", true), outer);
}

Test(frametab, names_the_empty_frame)
{
	int64_t empty = get("", false);

	cr_assert_str_eq(name_of(empty), "[unknown]");
	cr_assert_eq(get("", true), empty);
	cr_assert_eq(frametab_location(&t, (uint32_t)empty),
		     frametab_location(&t, (uint32_t)get("[unknown]", false)),
		     "two texts, one place");
}

Test(frametab, locations_are_made_when_asked_for)
{
	int64_t f = get("f_[k]", false), at;

	cr_assert_eq(p->locations.n, 0);
	at = frametab_location(&t, (uint32_t)f);
	cr_assert_eq(at, 0);
	cr_assert_eq(frametab_location(&t, (uint32_t)f), at);
	cr_assert_eq(p->locations.n, 1);
	cr_assert_str_eq(strtab_get(&p->strings, p->mappings.items[0].file), "[kernel.kallsyms]");
}
