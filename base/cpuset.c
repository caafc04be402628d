/* SPDX-License-Identifier: Apache-2.0 */
#include "cpuset.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "fdutil.h"

/* One number; moves *@p past it. */
static int parse_number(const char **p, unsigned *ret)
{
	char *end;
	unsigned long v;

	if (!isdigit((unsigned char)**p))
		return -EINVAL;
	v = strtoul(*p, &end, 10);
	if (v >= CPUSET_MAX)
		return -ERANGE;
	*p = end;
	*ret = (unsigned)v;
	return 0;
}

int cpuset_parse(const char *text, struct cpuset *ret)
{
	struct cpuset set = { 0 };
	const char *p = text;
	unsigned first, last;
	int r;

	do {
		r = parse_number(&p, &first);
		last = first;
		if (r == 0 && *p == '-') {
			p++;
			r = parse_number(&p, &last);
		}
		if (r < 0)
			return r;
		if (last < first)
			return -EINVAL;
		for (unsigned cpu = first; cpu <= last; cpu++)
			cpuset_add(&set, cpu);
	} while (*p == ',' && p++);
	if (*p)
		return -EINVAL;
	*ret = set;
	return 0;
}

int cpuset_online(struct cpuset *ret)
{
	char line[4096];
	int r = read_line_file("/sys/devices/system/cpu/online", line, sizeof(line));

	return r < 0 ? r : cpuset_parse(line, ret);
}
