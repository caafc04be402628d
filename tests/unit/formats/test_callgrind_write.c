/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "callgrind.h"
#include "golden.h"
#include "made_text.h"

static int write_all(const struct profile *p, size_t type, const struct sink *out, struct err *e)
{
	(void)type;
	return callgrind_write(p, out, e);
}

Test(callgrind_write, demo)
{
	struct profile *p = demo_profile();
	char *text = must_write(write_all, p, 0);

	golden_check("callgrind/demo.out", text);
	free(text);
	profile_free(p);
}

/* Cost of a function with its calls, as a reader of the format adds them up. */
static long inclusive(const char *text, const char *name)
{
	char want[100], line[1000];
	long sum = 0, own;
	bool inside = false;
	int number = -1;

	for (const char *s = text; *s; s += strcspn(s, "\n") + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(s, "\n"), s);
		snprintf(want, sizeof(want), ") %s", name);
		if (strstr(line, "fn=(") && strlen(line) > strlen(want) &&
		    strcmp(line + strlen(line) - strlen(want), want) == 0)
			sscanf(strchr(line, '('), "(%d", &number);
		if (strncmp(line, "fn=(", 4) == 0) {
			int n;

			inside = sscanf(line, "fn=(%d", &n) == 1 && n == number;
		}
		if (inside && sscanf(line, "%*d %ld", &own) == 1 && line[0] >= '0' &&
		    line[0] <= '9')
			sum += own;
	}
	return sum;
}

Test(callgrind_write, recursion_is_counted_once)
{
	static const struct {
		const char *name;
		long cost;
	} want[] = { { "a", 1 + 2 + 4 + 8 }, { "b", 2 + 4 + 8 }, { "c", 4 }, { "main", 15 } };
	struct profile *p =
		read_folded("main;a 1\nmain;a;b;a;b 2\nmain;a;b;a;a;c 4\nmain;a;b;b;a 8\n");
	char *text = must_write(write_all, p, 0);

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		cr_expect_eq(inclusive(text, want[i].name), want[i].cost, "%s: %ld\n%s",
			     want[i].name, inclusive(text, want[i].name), text);
	free(text);
	profile_free(p);
}

Test(callgrind_write, empty_stacks_and_odd_names_are_written)
{
	struct profile *p = read_folded("a b=(2);x 3\n");
	struct profile_sample none = { 0 };
	char *text;

	p->functions.items[1].name = str(p, "new\nline");
	cr_assert(array_push(&p->samples, none) == 0 && array_push(&p->values, 5) == 0);
	text = must_write(write_all, p, 0);
	cr_expect(strstr(text, ") a b=(2)\n"), "%s", text);
	cr_expect(strstr(text, ") new?line\n"), "%s", text);
	cr_expect(strstr(text, ") [unknown]\n0 5\n"), "%s", text);
	cr_expect(strstr(text, "summary: 8\n"), "%s", text);
	free(text);
	profile_free(p);
}

Test(callgrind_write, differences_are_refused)
{
	struct profile *p = demo_profile();
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };

	p->values.items[3] = -1;
	cr_assert_eq(callgrind_write(p, &out, &e), -EINVAL);
	cr_assert(strstr(e.text, "negative values"), "%s", e.text);
	profile_free(p);
}
