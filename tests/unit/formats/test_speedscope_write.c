/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"
#include "made_text.h"
#include "speedscope.h"

Test(speedscope_write, demo)
{
	struct profile *p = demo_profile();
	char *text = must_write(speedscope_write, p, 1);

	golden_check("speedscope/demo.json", text);
	free(text);
	profile_free(p);
}

/* Through the format and back; frames are the same, annotations and spaces in comms apart. */
Test(speedscope_write, what_it_holds_comes_back)
{
	struct profile *p = read_folded("main;a;b 3\nmain;c 4\nx y;\"q\\;\xc3\xa9 9\n"), *back,
		       *again;
	char *text = must_write(speedscope_write, p, 0), *second;

	back = must_read(speedscope_read, text);
	must_fold(back, "main;a;b 3\nmain;c 4\nx y;\"q\\;\xc3\xa9 9\n");
	second = must_write(speedscope_write, back, 0);
	again = must_read(speedscope_read, second);
	assert_same_profile(back, again);
	profile_free(p);
	profile_free(back);
	profile_free(again);
	free(text);
	free(second);
}

Test(speedscope_write, types_lines_and_files_come_back)
{
	struct profile *p = demo_profile(), *back;
	char *text = must_write(speedscope_write, p, 1);
	bool found = false;

	back = must_read(speedscope_read, text);
	cr_expect_str_eq(strtab_get(&back->strings, back->sample_types.items[0].type), "cpu");
	cr_expect_str_eq(strtab_get(&back->strings, back->sample_types.items[0].unit),
			 "nanoseconds");
	array_each(&back->functions, f)
		found |= strcmp(strtab_get(&back->strings, f->file), "demo.c") == 0 &&
			 f->start_line > 0;
	cr_expect(found);
	profile_free(p);
	profile_free(back);
	free(text);
}

Test(speedscope_write, samples_follow_each_other_in_time)
{
	struct profile *p = read_folded("late 1\nearly 2\nnever 4\n");
	struct profile_label l = { .key = str(p, "time"), .is_num = true, .num = 9 };
	char *text;

	cr_assert_eq(array_push(&p->labels, l), 0);
	l.num = 5;
	cr_assert_eq(array_push(&p->labels, l), 0);
	for (uint32_t i = 0; i < 2; i++) {
		p->samples.items[i].label_first = i;
		p->samples.items[i].label_n = 1;
	}
	text = must_write(speedscope_write, p, 0);
	cr_assert(strstr(text, "\"weights\":[4,2,1]"), "%s", text);
	free(text);
	profile_free(p);
}

Test(speedscope_write, differences_are_refused)
{
	struct profile *p = read_folded("a 1\n");
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };

	p->values.items[0] = -1;
	cr_assert_eq(speedscope_write(p, 0, &out, &e), -EINVAL);
	cr_assert(strstr(e.text, "negative values"), "%s", e.text);
	cr_assert_eq(buf.n, 0);
	profile_free(p);
}

Test(speedscope_write, errors_of_the_sink_are_passed_on)
{
	struct profile *p = demo_profile();
	struct buffer buf = { .fail_at = 1 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };

	cr_assert_eq(speedscope_write(p, 0, &out, &e), -EIO);
	profile_free(p);
	array_free(&buf);
}
