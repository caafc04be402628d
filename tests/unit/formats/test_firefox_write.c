/* SPDX-License-Identifier: Apache-2.0 */
#include "firefox.h"
#include "firefox_tables.h"
#include "golden.h"
#include "made_text.h"
#include "perfscript.h"

Test(firefox_write, demo)
{
	struct profile *p = demo_profile();
	char *text = must_write(firefox_write, p, 0);

	golden_check("firefox/demo.json", text);
	free(text);
	profile_free(p);
}

static const char two_threads[] =
	"a 1/2 1.5: 7 cpu-clock:\n\t1 in (inlined)\n\t1 f (/x)\n\t2 main (/x)\n\n"
	"a 1/1 1.2: 7 cpu-clock:\n\t2 main (/x)\n\n"
	"a 1/2 1.1: 7 cpu-clock:\n\t9 read ([k])\n\t2 main (/x)\n\n";

Test(firefox_tables, threads_have_their_samples_in_time)
{
	struct profile *p = must_read(perf_script_read, two_threads);
	struct firefox_tables t;

	cr_assert_eq(firefox_tables_init(&t, p, 0), 0);
	cr_assert_eq(t.threads.n, 2);
	cr_assert_eq(t.rows.n, 3);
	cr_expect_eq(t.threads.items[0].tid, 2);
	cr_expect_eq(t.threads.items[0].n, 2);
	cr_expect_eq(t.rows.items[0].time_ns, 0);
	cr_expect_eq(t.rows.items[1].time_ns, 400000000);
	cr_expect_eq(t.rows.items[2].time_ns, 100000000);
	cr_expect_eq(t.cpu_type, 1);
	firefox_tables_done(&t);
	profile_free(p);
}

Test(firefox_tables, stacks_share_their_roots_and_know_what_is_inlined)
{
	struct profile *p = must_read(perf_script_read, two_threads);
	struct firefox_tables t;
	uint32_t inlined = 0;

	cr_assert_eq(firefox_tables_init(&t, p, 0), 0);
	cr_assert_eq(t.stacks.n, 4, "main, f, in, read");
	array_each(&t.list, f)
		inlined += f->inline_depth;
	cr_expect_eq(inlined, 1);
	cr_expect_eq(firefox_category(&t, t.list.items[t.stacks.items[0].frame].function),
		     CATEGORY_USER);
	firefox_tables_done(&t);
	profile_free(p);
}

Test(firefox_tables, without_times_samples_follow_each_other)
{
	struct profile *p = demo_profile();
	struct firefox_tables t;

	cr_assert_eq(firefox_tables_init(&t, p, 0), 0);
	array_each(&t.threads, thread)
		for (size_t i = 0; i < thread->n; i++)
			cr_expect_eq(t.rows.items[thread->first + i].time_ns, (int64_t)i * 10);
	firefox_tables_done(&t);
	profile_free(p);
}

Test(firefox_write, differences_are_refused)
{
	struct profile *p = demo_profile();
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };

	p->values.items[0] = -1;
	cr_assert_eq(firefox_write(p, 0, &out, &e), -EINVAL);
	cr_assert(strstr(e.text, "negative values"), "%s", e.text);
	profile_free(p);
}
