/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <linux/perf_event.h>

#include "err.h"
#include "event.h"

/* Software events are there on every kernel with perf; without it nothing here can be told. */
static void need_perf(void)
{
	struct event_list l;
	struct err e = { 0 };

	if (event_list_parse("cpu-clock", &l, &e) < 0)
		cr_skip("no perf_event_open(2) here");
}

TestSuite(event, .init = need_perf);

Test(event, names_become_types_and_units)
{
	static const struct {
		const char *name, *sample_type, *unit;
		uint32_t type;
		uint64_t config;
	} t[] = {
		{ "cpu-clock", "cpu", "nanoseconds", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
		{ "task-clock", "task_clock", "nanoseconds", PERF_TYPE_SOFTWARE,
		  PERF_COUNT_SW_TASK_CLOCK },
		{ "page-faults", "page_faults", "count", PERF_TYPE_SOFTWARE,
		  PERF_COUNT_SW_PAGE_FAULTS },
		{ "minor-faults", "minor_faults", "count", PERF_TYPE_SOFTWARE,
		  PERF_COUNT_SW_PAGE_FAULTS_MIN },
		{ "major-faults", "major_faults", "count", PERF_TYPE_SOFTWARE,
		  PERF_COUNT_SW_PAGE_FAULTS_MAJ },
		{ "context-switches", "context_switches", "count", PERF_TYPE_SOFTWARE,
		  PERF_COUNT_SW_CONTEXT_SWITCHES },
		{ "cpu-migrations", "cpu_migrations", "count", PERF_TYPE_SOFTWARE,
		  PERF_COUNT_SW_CPU_MIGRATIONS },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct event_list l;
		struct err e = { 0 };

		cr_assert_eq(event_list_parse(t[i].name, &l, &e), 0, "%s: %s", t[i].name, e.text);
		cr_expect_eq(l.n, 1);
		cr_expect_str_eq(l.ev[0].name, t[i].name);
		cr_expect_str_eq(l.ev[0].sample_type, t[i].sample_type);
		cr_expect_str_eq(l.ev[0].unit, t[i].unit);
		cr_expect_eq(l.ev[0].type, t[i].type);
		cr_expect_eq(l.ev[0].config, t[i].config);
		cr_expect_eq(l.ev[0].value_per_sample, 0);
	}
}

Test(event, hardware_events_are_known_also_where_they_are_missing)
{
	static const char *const names[] = { "cycles", "instructions", "cache-misses",
					     "branch-misses", "r01c2" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct event_list l;
		struct err e = { 0 };
		int r = event_list_parse(names[i], &l, &e);

		cr_expect(r == 0 || r == -ENOENT, "%s: %d", names[i], r);
		cr_expect(r == 0 || strstr(e.text, "cpu-clock"), "%s: it lists what there is: %s",
			  names[i], e.text);
		if (r == 0 && names[i][0] == 'r') {
			cr_expect_eq(l.ev[0].type, PERF_TYPE_RAW);
			cr_expect_eq(l.ev[0].config, 0x1c2);
			cr_expect_str_eq(l.ev[0].sample_type, "r01c2");
		}
	}
}

Test(event, lists_keep_their_order)
{
	struct event_list l;
	struct err e = { 0 };

	cr_assert_eq(event_list_parse("page-faults,cpu-clock", &l, &e), 0, "%s", e.text);
	cr_expect_eq(l.n, 2);
	cr_expect_str_eq(l.ev[0].name, "page-faults");
	cr_expect_str_eq(l.ev[1].name, "cpu-clock");
}

Test(event, refuses_what_is_no_list_and_says_why)
{
	static const struct {
		const char *text;
		int r;
		const char *says;
	} t[] = {
		{ "", -EINVAL, "wants the name" },
		{ ",", -EINVAL, "wants the name" },
		{ "bogus", -EINVAL, "there is no event 'bogus'; use one of cycles, " },
		{ "CPU-CLOCK", -EINVAL, "no event 'CPU-CLOCK'" },
		{ "cpu_clock", -EINVAL, "no event 'cpu_clock'" },
		{ " cpu-clock", -EINVAL, "no event" },
		{ "r", -EINVAL, "no event 'r'" },
		{ "rxyz", -EINVAL, "no event 'rxyz'" },
		{ "r12345678901234567", -EINVAL, "no event" },
		{ "cpu-clock,cpu-clock", -EINVAL, "'cpu-clock' is given twice" },
		{ "cpu-clock,task-clock,page-faults,minor-faults,major-faults,context-switches,"
		  "cpu-migrations,r1,r2",
		  0, "" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct event_list l = { .n = 42 };
		struct err e = { 0 };
		int r = event_list_parse(t[i].text, &l, &e);

		/* Raw events may be missing here; one too many is refused in any case. */
		cr_expect(t[i].r ? r == t[i].r : r < 0, "'%s': %d", t[i].text, r);
		cr_expect_not_null(strstr(e.text, t[i].says), "'%s': %s", t[i].text, e.text);
		cr_expect_eq(l.n, 42, "'%s'", t[i].text);
	}
}

Test(event, refuses_endless_lists)
{
	static char text[4096];
	struct event_list l;
	struct err e = { 0 };

	memset(text, ',', sizeof(text) - 1);
	cr_expect_eq(event_list_parse(text, &l, &e), -E2BIG);
}

Test(event, default_counts_time_in_nanoseconds)
{
	struct event_list l;

	event_list_default(100, &l);
	cr_assert_eq(l.n, 1);
	cr_expect_str_eq(l.ev[0].sample_type, "cpu");
	cr_expect_str_eq(l.ev[0].unit, "nanoseconds");
	cr_expect(l.ev[0].type == PERF_TYPE_HARDWARE ? l.ev[0].value_per_sample == 10000000
						     : l.ev[0].value_per_sample == 0);
}

Test(event, default_with_a_period_is_the_plain_event)
{
	struct event_list l;

	event_list_default(0, &l);
	cr_assert_eq(l.n, 1);
	cr_expect_eq(l.ev[0].value_per_sample, 0);
	cr_expect_str_eq(l.ev[0].sample_type,
			 l.ev[0].type == PERF_TYPE_HARDWARE ? "cycles" : "cpu");
}
