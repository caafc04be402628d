/* SPDX-License-Identifier: Apache-2.0 */
/* What was recorded can be looked at and turned into other formats by wick itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "formats.h"
#include "readback.h"

E2E(recorded_views);

static const struct pick all;

static const char *a_recording(const char *name)
{
	const char *file = in_dir(name);
	struct run r = wick("record", "-F", "999", "-o", file, "--", workload("split"), "0.5");

	must_end(&r, 0);
	recorded(file, NULL);
	return file;
}

static struct profile *converted(const char *from, const char *from2, const char *to)
{
	struct run r =
		from2 ? wick("convert", from, from2, "-o", to) : wick("convert", from, "-o", to);
	struct profile *p = NULL;
	struct err e = { 0 };

	must_end(&r, 0);
	cr_expect_str_empty(r.err);
	cr_assert_eq(format_read(to, &p, &e), 0, "%s", e.text);
	return p;
}

Test(recorded_views, report)
{
	const char *file = a_recording("p.pb.gz");
	struct run r = wick("report", "--top", file);

	must_end(&r, 0);
	cr_expect_str_empty(r.err);
	cr_expect_not_null(strstr(r.out, "split_sixty"), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "split_thirty"), "%s", r.out);
	cr_expect_not_null(strstr(r.out, "ticks"), "the account is not in the report:\n%s", r.out);
}

/* By way of folded stacks, which have neither labels nor addresses, names and numbers stay. */
Test(recorded_views, to_folded_and_back)
{
	const char *file = a_recording("p.pb.gz"), *folded = in_dir("f.folded"),
		   *back = in_dir("b.pb.gz");
	struct profile *p = read_back(file, false), *f, *b;

	f = converted(file, NULL, folded);
	b = converted(folded, NULL, back);
	read_back(back, true);
	cr_expect_eq(total(f, all), total(p, all));
	cr_expect_eq(total(b, all), total(p, all));
	cr_expect_eq(self(b, all, "split_sixty"), self(p, all, "split_sixty"));
	cr_expect_eq(cumulative(b, all, "split_thirty"), cumulative(p, all, "split_thirty"));
	cr_expect_eq(called(b, "split_ten", "split_thirty"),
		     called(p, "split_ten", "split_thirty"));
}

Test(recorded_views, merge_of_two_is_twice)
{
	const char *file = a_recording("p.pb.gz"), *twice = in_dir("twice.pb.gz");
	struct profile *p = read_back(file, false), *t;

	converted(file, file, twice);
	t = recorded(twice, NULL); /* the account is added up, too */
	cr_expect_eq(total(t, all), 2 * total(p, all));
	cr_expect_eq(t->samples.n, p->samples.n, "equal stacks were not added up");
	cr_expect_eq(t->duration_ns, 2 * p->duration_ns);
}

Test(recorded_views, merge_of_different_recordings)
{
	const char *a = a_recording("a.pb.gz"), *b = a_recording("b.pb.gz"),
		   *sum = in_dir("sum.pb.gz");
	double n = total(read_back(a, false), all) + total(read_back(b, false), all);

	converted(a, b, sum);
	cr_expect_eq(total(recorded(sum, NULL), all), n);
}

Test(recorded_views, through_every_pprof_container)
{
	const char *file = a_recording("p.pb.gz");
	double n = total(read_back(file, false), all);

	cr_expect_eq(total(converted(file, NULL, in_dir("q.pb.zst")), all), n);
	cr_expect_eq(total(converted(in_dir("q.pb.zst"), NULL, in_dir("q.pb")), all), n);
	cr_expect_eq(total(converted(in_dir("q.pb"), NULL, in_dir("q.pb.gz")), all), n);
	recorded(in_dir("q.pb.gz"), NULL);
}

/* The flags of a page's data, which follow its five magic bytes. */
static unsigned page_flags(const char *file)
{
	char command[1024];
	unsigned flags = 0;
	FILE *f;

	snprintf(
		command, sizeof(command),
		"grep -o 'id=\"data\">[A-Za-z0-9+/=]*' '%s' | cut -d'>' -f2 | base64 -d | gzip -dc | "
		"od -An -tu1 -j5 -N1",
		file);
	f = popen(command, "r");
	cr_assert_not_null(f);
	cr_expect_eq(fscanf(f, "%u", &flags), 1);
	pclose(f);
	return flags;
}

Test(recorded_views, a_page_alone_says_when)
{
	enum { FLAG_TIME = 2 };
	const char *page = in_dir("x.html"), *both = in_dir("y.html"), *file = in_dir("y.pb.gz");
	struct run r = wick("record", "-F", "999", "-o", page, "--", workload("split"), "1.5");

	must_end(&r, 0);
	cr_expect(page_flags(page) & FLAG_TIME);
	r = wick("record", "-F", "999", "-o", both, "-o", file, "--", workload("split"), "1.5");
	must_end(&r, 0);
	cr_expect_not(page_flags(both) & FLAG_TIME, "the profile would have more samples for it");
}
