/* SPDX-License-Identifier: Apache-2.0 */
#include "event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/perf_event.h>

#include "array.h"
#include "clock.h"
#include "err.h"
#include "perf_event.h"

/* perf_event_open(2): generalized hardware and software events. */
static const struct event known[] = {
	{ "cycles", "cycles", "count", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0 },
	{ "instructions", "instructions", "count", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS,
	  0 },
	{ "cache-misses", "cache_misses", "count", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES,
	  0 },
	{ "branch-misses", "branch_misses", "count", PERF_TYPE_HARDWARE,
	  PERF_COUNT_HW_BRANCH_MISSES, 0 },
	{ "cpu-clock", "cpu", "nanoseconds", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, 0 },
	{ "task-clock", "task_clock", "nanoseconds", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK,
	  0 },
	{ "page-faults", "page_faults", "count", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, 0 },
	{ "minor-faults", "minor_faults", "count", PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_PAGE_FAULTS_MIN, 0 },
	{ "major-faults", "major_faults", "count", PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_PAGE_FAULTS_MAJ, 0 },
	{ "context-switches", "context_switches", "count", PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_CONTEXT_SWITCHES, 0 },
	{ "cpu-migrations", "cpu_migrations", "count", PERF_TYPE_SOFTWARE,
	  PERF_COUNT_SW_CPU_MIGRATIONS, 0 },
};

int event_probe(const struct event *ev)
{
	return perf_event_try(ev);
}

/* "rNNN": a raw event of the CPU's own PMU, as perf writes it. */
static bool parse_raw(const char *name, struct event *ret)
{
	char *end;

	if (name[0] != 'r' || !name[1] || strlen(name) > 17 ||
	    strspn(name + 1, "0123456789abcdefABCDEF") != strlen(name + 1))
		return false;
	*ret = (struct event){ .unit = "count", .type = PERF_TYPE_RAW };
	ret->config = strtoull(name + 1, &end, 16);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->sample_type, sizeof(ret->sample_type), "%s", name);
	return true;
}

/* All names, or those this machine has, as "a, b, c". */
static void list_names(bool only_here, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(known) && n < size; i++)
		if (!only_here || event_probe(&known[i]) == 0)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      known[i].name);
}

static int find_event(const char *name, struct event *ret, struct err *e)
{
	char names[512];
	int r;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strcmp(known[i].name, name) == 0) {
			*ret = known[i];
			goto found;
		}
	if (!parse_raw(name, ret)) {
		list_names(false, names, sizeof(names));
		return err_set(e, -EINVAL,
			       "there is no event '%s'; use one of %s or rNNN (raw, hexadecimal)",
			       name, names);
	}
found:
	r = event_probe(ret);
	if (r == 0 || r == -EACCES || r == -EPERM) /* lacking privilege is told when it matters */
		return 0;
	list_names(true, names, sizeof(names));
	return err_set(e, -ENOENT, "this machine has no event '%s' (%s); it has %s", name,
		       strerror(-r), names);
}

int event_list_parse(const char *text, struct event_list *ret, struct err *e)
{
	struct event_list list = { 0 };
	char copy[512], *save = NULL;
	int r;

	if (strlen(text) >= sizeof(copy))
		return err_set(e, -E2BIG, "the list of events is too long");
	strcpy(copy, text);
	for (char *name = strtok_r(copy, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (list.n == ARRAY_LEN(list.ev))
			return err_set(e, -E2BIG, "at most %zu events can be sampled at a time",
				       ARRAY_LEN(list.ev));
		r = find_event(name, &list.ev[list.n], e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < list.n; i++)
			if (strcmp(list.ev[i].sample_type, list.ev[list.n].sample_type) == 0)
				return err_set(e, -EINVAL, "event '%s' is given twice", name);
		list.n++;
	}
	if (!list.n)
		return err_set(e, -EINVAL, "-e wants the name of an event, such as cpu-clock");
	*ret = list;
	return 0;
}

void event_list_default(unsigned freq_hz, struct event_list *ret)
{
	const struct event *cycles = &known[0], *clock = &known[4];
	bool have_cycles = event_probe(cycles) == 0;

	*ret = (struct event_list){ .n = 1, .ev[0] = have_cycles ? *cycles : *clock };
	if (!have_cycles || !freq_hz)
		return;
	snprintf(ret->ev[0].sample_type, sizeof(ret->ev[0].sample_type), "cpu");
	ret->ev[0].unit = "nanoseconds";
	ret->ev[0].value_per_sample = NSEC_PER_SEC / freq_hz;
}
