/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "made_text.h"
#include "speedscope.h"

#define text(id) strtab_get(&p->strings, (id))

/* A file of two frames, "a" and "b", and these profiles. */
static const char *file(const char *profiles)
{
	static char buf[4000];

	snprintf(buf, sizeof(buf),
		 "{\"profiles\":[%s],\"shared\":{\"frames\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}",
		 profiles);
	return buf;
}

Test(speedscope_read, sampled_profiles)
{
	struct profile *p = must_read(
		speedscope_read,
		"{\"shared\":{\"frames\":[{\"name\":\"main\",\"file\":\"a.c\",\"line\":3,\"col\":2},"
		"{\"name\":\"f\"},{}]},\"profiles\":[{\"type\":\"sampled\",\"name\":\"one\",\"unit\":\"none\","
		"\"startValue\":0,\"endValue\":9,\"samples\":[[0,1],[0,2],[],[0,1]],\"weights\":[1,2,3,3]}]}");
	const struct profile_function *main_ = NULL;

	must_fold(p, "[unknown] 3\nmain;[unknown] 2\nmain;f 4\n");
	array_each(&p->functions, f)
		if (strcmp(text(f->name), "main") == 0)
			main_ = f;
	cr_assert_not_null(main_);
	cr_expect_str_eq(text(main_->file), "a.c");
	cr_expect_eq(main_->start_line, 3);
	cr_expect_eq(p->labels.n, 0, "the only profile's name tells nothing");
	cr_expect_str_eq(text(p->sample_types.items[0].type), "samples");
	profile_free(p);
}

Test(speedscope_read, evented_profiles_and_threads)
{
	struct profile *p = must_read(
		speedscope_read,
		file("{\"events\":[{\"type\":\"O\",\"frame\":0,\"at\":1},{\"type\":\"O\",\"frame\":1,\"at\":2},"
		     "{\"type\":\"C\",\"frame\":1,\"at\":4},{\"type\":\"C\",\"frame\":0,\"at\":9}],"
		     "\"type\":\"evented\",\"name\":\"t1\",\"unit\":\"none\"},"
		     "{\"type\":\"sampled\",\"name\":\"t2\",\"unit\":\"none\",\"samples\":[[1]],\"weights\":[5]}"));

	must_fold(p, "a 6\na;b 2\nb 5\n");
	cr_assert_eq(p->labels.n, 3);
	cr_expect_str_eq(text(p->labels.items[0].key), "thread");
	cr_expect_str_eq(text(p->labels.items[0].str), "t1");
	profile_free(p);
}

Test(speedscope_read, units_become_ours)
{
	static const struct {
		const char *unit, *type, *ours;
		int64_t value;
	} cases[] = {
		{ "none", "samples", "count", 2 },
		{ "bytes", "space", "bytes", 2 },
		{ "nanoseconds", "time", "nanoseconds", 2 },
		{ "microseconds", "time", "nanoseconds", 1500 },
		{ "milliseconds", "time", "nanoseconds", 1500000 },
		{ "seconds", "time", "nanoseconds", 1500000000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char profile[200];
		struct profile *p;

		snprintf(profile, sizeof(profile),
			 "{\"samples\":[[0]],\"weights\":[1.5],\"unit\":\"%s\"}", cases[i].unit);
		p = must_read(speedscope_read, file(profile));
		cr_expect_str_eq(text(p->sample_types.items[0].type), cases[i].type);
		cr_expect_str_eq(text(p->sample_types.items[0].unit), cases[i].ours);
		cr_expect_eq(profile_value(p, 0, 0), cases[i].value);
		profile_free(p);
	}
}

Test(speedscope_read, rounding_keeps_the_total)
{
	struct profile *p = must_read(
		speedscope_read,
		file("{\"samples\":[[0],[1],[0,1],[1,0]],\"weights\":[0.4,0.4,0.4,0.8],\"unit\":\"none\"}"));
	int64_t sum = 0;

	array_each(&p->values, v)
		sum += *v;
	cr_expect_eq(sum, 2);
	profile_free(p);
}

Test(speedscope_read, profiles_of_several_units_are_several_values)
{
	struct profile *p = must_read(
		speedscope_read, file("{\"samples\":[[0]],\"weights\":[1],\"unit\":\"none\"},"
				      "{\"samples\":[[0]],\"weights\":[7],\"unit\":\"bytes\"}"));

	cr_assert_eq(p->sample_types.n, 2);
	cr_assert_eq(p->samples.n, 1, "of one stack");
	cr_expect_eq(profile_value(p, 0, 0), 1);
	cr_expect_eq(profile_value(p, 0, 1), 7);
	profile_free(p);
}

Test(speedscope_read, no_profiles_are_an_empty_one)
{
	struct profile *p = must_read(speedscope_read, file(""));

	cr_expect_eq(p->samples.n, 0);
	cr_expect_eq(p->sample_types.n, 1);
	profile_free(p);
}

Test(speedscope_read, wrong_files_are_refused)
{
	static const struct {
		const char *profile, *why;
	} cases[] = {
		{ "{\"samples\":[[2]],\"weights\":[1]}", "it refers to frame 2 of 2" },
		{ "{\"samples\":[[-1]],\"weights\":[1]}", "it refers to frame -1" },
		{ "{\"samples\":[[0.5]],\"weights\":[1]}", "it refers to frame 0.5" },
		{ "{\"samples\":[[1e30]],\"weights\":[1]}", "it refers to frame 1e+30" },
		{ "{\"samples\":[[0],[1]],\"weights\":[1]}", "2 samples, but 1 weights" },
		{ "{\"samples\":[[0]],\"weights\":[1],\"unit\":\"miles\"}",
		  "unknown unit 'miles'" },
		{ "{\"events\":[{\"type\":\"O\",\"frame\":0,\"at\":1}]}",
		  "ends while frames are open" },
		{ "{\"events\":[{\"type\":\"C\",\"frame\":0,\"at\":1}]}", "not the innermost" },
		{ "{\"events\":[{\"type\":\"O\",\"frame\":0,\"at\":2},{\"type\":\"C\",\"frame\":0,\"at\":1}]}",
		  "comes before the one ahead" },
		{ "{\"events\":[{\"frame\":0,\"at\":2}]}", "neither opens nor closes" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		must_refuse(speedscope_read, file(cases[i].profile), cases[i].why);
	must_refuse(speedscope_read, "{\"traceEvents\":[]}", "it is JSON, but not speedscope's");
	must_refuse(speedscope_read, "[]", "it is JSON, but not speedscope's");
}

Test(speedscope_read, what_nobody_knows_is_passed_over)
{
	struct profile *p = must_read(
		speedscope_read,
		"{\"x\":{\"profiles\":[{\"samples\":[[7]]}],\"shared\":1},\"profiles\":[{\"y\":[[[{}]]],"
		"\"samples\":[[0]],\"weights\":[2],\"name\":[\"q\"]}],\"shared\":{\"z\":[1],"
		"\"frames\":[{\"name\":\"a\",\"w\":{\"name\":\"no\"}}]}}");

	must_fold(p, "a 2\n");
	profile_free(p);
}

/* What speedscope exports has the names that it read, and all profiles of a file. */
Test(speedscope_read, what_speedscope_exports)
{
	char buf[4100];
	struct profile *p;

	snprintf(
		buf, sizeof(buf), "{\"exporter\":\"speedscope@1.25.0\",\"activeProfileIndex\":1,%s",
		file("{\"name\":\"samples/count\",\"unit\":\"none\",\"type\":\"evented\",\"events\":["
		     "{\"type\":\"O\",\"frame\":0,\"at\":0},{\"type\":\"C\",\"frame\":0,\"at\":3}]},"
		     "{\"name\":\"cpu/nanoseconds\",\"unit\":\"nanoseconds\",\"samples\":[[1]],\"weights\":[7]},"
		     "{\"name\":\"bin/count\",\"unit\":\"bytes\",\"samples\":[[1]],\"weights\":[9]}") +
			1);
	p = must_read(speedscope_read, buf);
	cr_assert_eq(p->sample_types.n, 3);
	cr_expect_str_eq(text(p->sample_types.items[0].type), "samples");
	cr_expect_str_eq(text(p->sample_types.items[1].type), "cpu");
	cr_expect_str_eq(text(p->sample_types.items[1].unit), "nanoseconds");
	cr_expect_str_eq(text(p->sample_types.items[2].type), "space", "of another unit");
	cr_expect_str_eq(text(p->default_sample_type), "cpu");
	cr_assert_eq(p->labels.n, 1, "only the last tells of a thread");
	cr_expect_str_eq(text(p->labels.items[0].str), "bin/count");
	profile_free(p);
}

/* Whoever wrote it, a number that is none of its profiles means the first. */
Test(speedscope_read, what_is_shown_first)
{
	static const char *const indices[] = { "-1", "2", "1e300", "0.5" };

	for (size_t i = 0; i < ARRAY_LEN(indices); i++) {
		char buf[4100];
		struct profile *p;

		snprintf(buf, sizeof(buf), "{\"activeProfileIndex\":%s,%s", indices[i],
			 file("{\"unit\":\"none\",\"samples\":[[0]],\"weights\":[1]},"
			      "{\"unit\":\"bytes\",\"samples\":[[0]],\"weights\":[1]}") +
				 1);
		p = must_read(speedscope_read, buf);
		cr_expect_str_eq(text(p->default_sample_type), "samples");
		profile_free(p);
	}
}
