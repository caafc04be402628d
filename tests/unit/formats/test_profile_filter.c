/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "cleanup.h"
#include "err.h"
#include "made_profile.h"
#include "profile_filter.h"

/* @in through one filter must be @want, as folded stacks. */
static void check(enum filter_verb verb, const char *pattern, const char *in, const char *want)
{
	struct filter f = { .verb = verb, .pattern = pattern };
	struct profile *p = read_folded(in);
	struct err e = { 0 };
	char *text;

	cr_assert_eq(profile_filter(p, &f, 1, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(p), 0);
	text = write_folded(p);
	cr_expect_str_eq(text, want, "--%s %s made\n%s", filter_verb_name(verb), pattern, text);
	free(text);
	profile_free(p);
}

static const char three[] = "main;read;copy 1\n"
			    "main;write;copy_[i];flush 2\n"
			    "start;idle 4\n";

Test(profile_filter, focus_keeps_the_stacks_that_match)
{
	check(FILTER_FOCUS, "copy", three, "main;read;copy 1\nmain;write;copy_[i];flush 2\n");
	check(FILTER_FOCUS, "^idle$", three, "start;idle 4\n");
	check(FILTER_FOCUS, "read|flush", three, "main;read;copy 1\nmain;write;copy_[i];flush 2\n");
}

Test(profile_filter, ignore_drops_them)
{
	check(FILTER_IGNORE, "copy", three, "start;idle 4\n");
	check(FILTER_IGNORE, "^cop$", three, three);
}

Test(profile_filter, hide_takes_frames_out_inlined_ones_too)
{
	check(FILTER_HIDE, "copy", three, "main;read 1\nmain;write;flush 2\nstart;idle 4\n");
	/* What was inlined into a hidden function stays, now as a function that was called. */
	check(FILTER_HIDE, "^write$", three, "main;copy;flush 2\nmain;read;copy 1\nstart;idle 4\n");
	check(FILTER_HIDE, "start|idle", three, "main;read;copy 1\nmain;write;copy_[i];flush 2\n");
}

Test(profile_filter, show_from_begins_at_the_match_nearest_the_root)
{
	static const char deep[] = "a;f_1;b;f_2;c 1\nx;y 2\nm;f_3_[i];n_[i];f_4_[i];o_[i] 4\n";

	check(FILTER_SHOW_FROM, "f_", deep, "f_1;b;f_2;c 1\nf_3;n_[i];f_4_[i];o_[i] 4\n");
	check(FILTER_SHOW_FROM, "^a$", deep, "a;f_1;b;f_2;c 1\n");
}

Test(profile_filter, pivot_begins_at_the_match_nearest_the_leaf)
{
	static const char deep[] = "a;f_1;b;f_2;c 1\nx;y 2\nm;f_3_[i];n_[i];f_4_[i];o_[i] 4\n";

	check(FILTER_PIVOT, "f_", deep, "f_2;c 1\nf_4;o_[i] 4\n");
	check(FILTER_PIVOT, "[co]$", deep, "c 1\no 4\n");
}

Test(profile_filter, objects_match_by_their_name_not_their_folder)
{
	check(FILTER_FOCUS, "kernel\\.kallsyms", "a;sys_[k] 1\nb 2\n", "a;sys_[k] 1\n");
	check(FILTER_HIDE, "^\\[kernel", "a;sys_[k];io_[k] 1\nb 2\n", "a 1\nb 2\n");
	check(FILTER_PIVOT, "^//|anon", "a;j_[j];k_[j] 1\n", "k_[j] 1\n");
}

Test(profile_filter, source_files_match)
{
	struct filter f = { .verb = FILTER_FOCUS, .pattern = "util/.*\\.cc" };
	struct profile *p = read_folded("a;b 1\na;c 2\n");
	struct err e;

	p->functions.items[1].file = str(p, "/src/util/hash.cc");
	cr_assert_eq(profile_filter(p, &f, 1, &e), 0);
	cr_assert_eq(p->samples.n, 1);
	cr_assert_eq(p->values.n, 1);
	profile_free(p);
}

/* Whether --focus @pattern keeps a stack that ends in a place without a name. */
static bool keeps_place(const char *pattern)
{
	struct filter f = { .verb = FILTER_FOCUS, .pattern = pattern };
	struct profile *p = read_folded("main;at 1\nmain 2\n");
	struct profile_location *at = &p->locations.items[p->stacks.items[0]];
	struct profile_mapping m = { .start = 0x7000, .limit = 0x9000, .file_offset = 0x1000 };
	struct err e;
	bool kept;

	m.file = str(p, "/usr/lib/libc.so.6");
	cr_assert_eq(array_push(&p->mappings, m), 0);
	at->mapping = (uint32_t)p->mappings.n - 1;
	at->address = 0x70a1;
	at->line_n = 0;
	kept = profile_filter(p, &f, 1, &e) == 0;
	cr_expect(!kept || p->samples.n == 1);
	profile_free(p);
	return kept;
}

Test(profile_filter, places_without_a_name_match_as_they_are_called)
{
	cr_expect(keeps_place("^\\[libc\\.so\\.6\\+0x10a1\\]$"));
	cr_expect(keeps_place("0x10a"));
	cr_expect(keeps_place("^libc"), "the object");
	cr_expect_not(keeps_place("0x20a1"));
	cr_expect_not(keeps_place("usr"));
}

Test(profile_filter, functions_without_a_name_match_as_they_are_called)
{
	struct filter f = { .verb = FILTER_HIDE, .pattern = "^\\[unknown\\]$" };
	struct profile *p = read_folded("main;f 1\n");
	struct err e;
	char *text;

	p->functions.items[1].name = p->functions.items[1].system_name = 0;
	cr_assert_eq(profile_filter(p, &f, 1, &e), 0);
	text = write_folded(p);
	cr_expect_str_eq(text, "main 1\n");
	free(text);
	profile_free(p);
}

Test(profile_filter, filters_follow_each_other_and_are_told)
{
	struct filter f[] = { { FILTER_SHOW_FROM, "read|write" }, { FILTER_IGNORE, "flush" } };
	struct profile *p = read_folded(three);
	struct err e;
	char *text;

	cr_assert_eq(profile_filter(p, f, 2, &e), 0);
	text = write_folded(p);
	cr_expect_str_eq(text, "read;copy 1\n");
	cr_assert_eq(p->comments.n, 1);
	cr_expect_str_eq(
		strtab_get(&p->strings, p->comments.items[0]),
		"wick: filter: show-from=read|write ignore=flush left 1 of 7 samples/count");
	free(text);
	profile_free(p);
}

Test(profile_filter, every_value_moves_with_its_sample)
{
	struct filter f = { .verb = FILTER_IGNORE, .pattern = "." };
	struct profile *p = demo_profile(), *all = demo_profile();
	struct err e;

	/* Of the demo, what has any name at all is ignored. */
	if (profile_filter(p, &f, 1, &e) == 0)
		cr_assert_lt(p->samples.n, all->samples.n);
	profile_free(p);
	p = random_profile(7, 300);
	f = (struct filter){ .verb = FILTER_FOCUS, .pattern = "1" };
	cr_assert_eq(profile_filter(p, &f, 1, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(p), 0);
	cr_assert_eq(p->values.n, p->samples.n * p->sample_types.n);
	profile_free(p);
	profile_free(all);
}

Test(profile_filter, says_when_nothing_is_left)
{
	static const struct {
		struct filter f;
		const char *why;
	} cases[] = {
		{ { FILTER_FOCUS, "zzz" }, "no stack matches --focus 'zzz'" },
		{ { FILTER_PIVOT, "zzz" }, "no stack matches --pivot 'zzz'" },
		{ { FILTER_IGNORE, "." }, "every stack matches --ignore '.'" },
		{ { FILTER_HIDE, "." }, "every stack matches --hide '.'" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct profile *p = read_folded(three);
		struct err e = { 0 };

		cr_assert_eq(profile_filter(p, &cases[i].f, 1, &e), -EINVAL);
		cr_assert(strstr(e.text, cases[i].why), "%s", e.text);
		profile_free(p);
	}
}

Test(profile_filter, an_empty_profile_stays_empty)
{
	struct filter f = { .verb = FILTER_FOCUS, .pattern = "x" };
	struct profile *p = read_folded("");
	struct err e;

	cr_assert_eq(profile_filter(p, &f, 1, &e), 0);
	profile_free(p);
}

Test(profile_filter, bad_patterns_are_named)
{
	struct filter f = { .verb = FILTER_SHOW_FROM, .pattern = "a(b" };
	struct err e = { 0 };

	cr_assert_eq(profile_filter_check(&f, &e), -EINVAL);
	cr_assert(strstr(e.text, "'a(b' of --show-from"), "%s", e.text);
	f.pattern = "a(b)";
	cr_assert_eq(profile_filter_check(&f, &e), 0);
}

Test(profile_filter, names_may_hold_any_bytes)
{
	struct filter f = { .verb = FILTER_FOCUS, .pattern = "end$" };
	struct profile *p = read_folded("a;xxxxend 1\nb 2\n");
	struct err e;
	uint32_t id;

	cr_assert_eq(strtab_add(&p->strings, "x\0y\xff_end", 8, &id), 0);
	p->functions.items[1].name = id;
	cr_assert_eq(profile_filter(p, &f, 1, &e), 0, "%s", e.text);
	cr_assert_eq(p->samples.n, 1);
	profile_free(p);
}

/* --- labels ----------------------------------------------------------------------------------- */

static struct profile *labelled(void)
{
	struct profile *p = read_folded("main;f 1\nmain;g 2\nmain 4\n");
	struct profile_label comm = { .key = str(p, "comm"), .str = str(p, "post;gres") };
	struct profile_label pid = {
		.key = str(p, "pid"), .is_num = true, .num = 12, .num_unit = str(p, "pid")
	};
	struct profile_label time = {
		.key = str(p, "time"), .is_num = true, .num = 5, .num_unit = str(p, "seconds")
	};

	cr_assert(array_push(&p->labels, comm) == 0 && array_push(&p->labels, pid) == 0 &&
		  array_push(&p->labels, time) == 0);
	p->samples.items[0].label_n = 3;
	p->samples.items[1].label_n = 2;
	return p;
}

static void check_by(const char *const *keys, size_t n, const char *want)
{
	struct profile *p = labelled(), *again;
	struct err e;
	char *text;

	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(profile_by_label(p, keys[i], &e), 0, "%s", e.text);
		cr_assert_eq(profile_check(p), 0);
		again = recode_profile(p); /* label frames are known again after writing */
		profile_free(p);
		p = again;
	}
	p->labels.n = 0; /* the writer puts the comm at the root by itself */
	array_each(&p->samples, s)
		s->label_n = 0;
	text = write_folded(p);
	cr_expect_str_eq(text, want, "made\n%s", text);
	free(text);
	profile_free(p);
}

Test(profile_label, values_become_roots)
{
	check_by((const char *[]){ "comm" }, 1,
		 "comm: none;main 4\ncomm: post:gres;main;f 1\ncomm: post:gres;main;g 2\n");
	check_by((const char *[]){ "time" }, 1,
		 "time: 5 seconds;main;f 1\ntime: none;main 4\ntime: none;main;g 2\n");
}

Test(profile_label, several_nest_the_first_outermost)
{
	check_by((const char *[]){ "comm", "pid", "time" }, 3,
		 "comm: none;pid: none;time: none;main 4\n"
		 "comm: post:gres;pid:_12;time: 5 seconds;main;f 1\n"
		 "comm: post:gres;pid:_12;time: none;main;g 2\n");
}

Test(profile_label, equal_values_share_a_location)
{
	struct profile *p = labelled();
	size_t before = p->locations.n;
	struct err e;

	cr_assert_eq(profile_by_label(p, "pid", &e), 0);
	cr_assert_eq(p->locations.n, before + 2);
	cr_assert(profile_is_label_frame(p, (uint32_t)before));
	cr_assert_not(profile_is_label_frame(p, 0));
	profile_free(p);
}

Test(profile_label, says_which_labels_there_are)
{
	struct profile *p = labelled();
	struct err e = { 0 };

	cr_assert_eq(profile_by_label(p, "tid", &e), -EINVAL);
	cr_assert_str_eq(e.text, "no sample has the label 'tid'; there are comm, pid, time");
	profile_free(p);
	p = read_folded("a 1\n");
	cr_assert_eq(profile_by_label(p, "tid", &e), -EINVAL);
	cr_assert_str_eq(e.text, "no sample has the label 'tid', nor any other");
	profile_free(p);
}
