/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>

#include "err.h"
#include "formats.h"
#include "inputs.h"
#include "scratch.h"
#include "unit/flamegraph/maker.h"

static struct scratch_dir dir;

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(inputs, .init = enter, .fini = leave);

/* Writes a profile with @n samples in main and, if wanted, as many in @also. */
static void write_cpu(const char *path, int64_t n, const char *also)
{
	const struct format_opts opts = { .sample_type = -1 };
	struct err e = { 0 };
	struct maker m;

	make_begin_cpu(&m);
	make_cpu_stack(&m, n, make_loc(&m, "/bin/x", 0x10, "main"));
	if (also)
		make_cpu_stack(&m, n, make_loc(&m, "/bin/x", 0x20, also));
	cr_assert_eq(format_write(m.p, path, FORMAT_PPROF, &opts, &e), 0, "%s", e.text);
	make_end(&m);
}

static int read_all(const char *a, const char *b, const char *c, struct profile **ret,
		    struct err *e)
{
	static const char *paths[4];

	paths[0] = a;
	paths[1] = b;
	paths[2] = c;
	return inputs_read((char *const *)(uintptr_t)paths, ret, e);
}

static int64_t sum(const struct profile *p, size_t type)
{
	int64_t total = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		total += profile_value(p, i, type);
	return total;
}

Test(inputs, one_file_is_read_as_it_is)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	write_cpu("a", 5, NULL);
	cr_assert_eq(read_all("a", NULL, NULL, &p, &e), 0, "%s", e.text);
	cr_expect_eq(p->samples.n, 1);
	cr_expect_eq(sum(p, 0), 5);
	profile_free(p);
}

Test(inputs, several_files_are_added_up)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	write_cpu("a", 5, NULL);
	write_cpu("b", 7, "other");
	write_cpu("c", 1, NULL);
	cr_assert_eq(read_all("a", "b", "c", &p, &e), 0, "%s", e.text);
	cr_expect_eq(profile_check(p), 0);
	cr_expect_eq(p->samples.n, 2);
	cr_expect_eq(sum(p, 0), 5 + 7 + 7 + 1);
	cr_expect_eq(sum(p, 1), 20 * 10101010);
	cr_expect_eq(p->duration_ns, 6000000000);
	profile_free(p);
}

Test(inputs, say_which_file_is_wrong)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	write_cpu("a", 5, NULL);
	scratch_write("bad", "\x1f\x8b not a profile");
	scratch_write("other", "main;f 3\n");
	cr_expect_eq(read_all("a", "missing", NULL, &p, &e), -ENOENT);
	cr_expect_not_null(strstr(e.text, "'missing'"), "%s", e.text);
	cr_expect_eq(read_all("missing", NULL, NULL, &p, &e), -ENOENT);
	cr_expect_eq(read_all("a", "bad", NULL, &p, &e), -EBADMSG);
	cr_expect_not_null(strstr(e.text, "'bad'"), "%s", e.text);
	cr_expect_eq(read_all("a", "other", NULL, &p, &e), -EINVAL);
	cr_expect_not_null(strstr(e.text, "cannot merge 'other'"), "%s", e.text);
	cr_expect_null(p);
}

Test(inputs, sample_types_are_found_by_name)
{
	struct profile *p = NULL;
	struct err e = { 0 };
	int type = -7;

	write_cpu("a", 5, NULL);
	cr_assert_eq(read_all("a", NULL, NULL, &p, &e), 0);
	cr_expect_eq(inputs_sample_type(p, "heap", &type, &e), -EINVAL);
	cr_expect_not_null(strstr(e.text, "no sample type 'heap'; it has samples, cpu"), "%s",
			   e.text);
	cr_expect_eq(type, -7);
	cr_expect_eq(inputs_sample_type(p, "samples", &type, &e), 0);
	cr_expect_eq(type, 0);
	cr_expect_eq(inputs_sample_type(p, "cpu", &type, &e), 0);
	cr_expect_eq(type, 1);
	profile_free(p);
}
