/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "formats.h"
#include "inputs.h"
#include "profile.h"
#include "scratch.h"

/* A profile of one stack that began at @time_ns. */
static void write_profile(const char *path, uint64_t time_ns)
{
	struct profile *p;
	struct err e = { 0 };

	scratch_write("in.folded", "main;f 3\n");
	cr_assert_eq(format_read("in.folded", &p, &e), 0, "%s", e.text);
	p->time_ns = time_ns;
	cr_assert_eq(format_write(p, path, FORMAT_PPROF, NULL, &e), 0, "%s", e.text);
	profile_free(p);
}

static int64_t time_of(const struct profile *p, size_t sample)
{
	const struct profile_sample *s = &p->samples.items[sample];

	for (uint32_t i = 0; i < s->label_n; i++) {
		const struct profile_label *l = &p->labels.items[s->label_first + i];

		if (strcmp(strtab_get(&p->strings, l->key), "time") == 0) {
			cr_expect_str_eq(strtab_get(&p->strings, l->num_unit), "nanoseconds");
			return l->num;
		}
	}
	return 0;
}

Test(inputs_timed, tells_files_of_different_times_apart_when_asked)
{
	char a[] = "a.pb.gz", b[] = "b.pb.gz", *const paths[] = { a, b, NULL };
	struct scratch_dir d;
	struct profile *p;
	struct err e = { 0 };

	scratch_enter(&d);
	write_profile(a, 1700000000000000000);
	write_profile(b, 1700000060000000000);
	cr_assert_eq(inputs_read_timed(paths, &p, &e), 0, "%s", e.text);
	cr_assert_eq(p->samples.n, 2);
	cr_expect_eq(time_of(p, 0) + time_of(p, 1), 3400000060000000000);
	cr_expect_eq(profile_check(p), 0);
	profile_free(p);
	cr_assert_eq(inputs_read(paths, &p, &e), 0, "%s", e.text);
	cr_assert_eq(p->samples.n, 1);
	cr_expect_eq(profile_value(p, 0, 0), 6);
	cr_expect_eq(time_of(p, 0), 0);
	profile_free(p);
	/* A file alone, and files that do not know their time, stay as they are. */
	cr_assert_eq(inputs_read_timed(paths + 1, &p, &e), 0, "%s", e.text);
	cr_expect_eq(time_of(p, 0), 0);
	profile_free(p);
	write_profile(a, 0);
	write_profile(b, 0);
	cr_assert_eq(inputs_read_timed(paths, &p, &e), 0, "%s", e.text);
	cr_expect_eq(p->samples.n, 1);
	profile_free(p);
	scratch_leave(&d);
}
