/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "jsonread.h"
#include "made_text.h"

static char heard[2000];

static int say(const char *s, size_t n)
{
	size_t at = strlen(heard);

	cr_assert_lt(at + n, sizeof(heard));
	memcpy(heard + at, s, n);
	heard[at + n] = 0;
	return 0;
}

static int on_begin(void *ctx, bool is_map)
{
	(void)ctx;
	return say(is_map ? "{" : "[", 1);
}

static int on_end(void *ctx)
{
	(void)ctx;
	return say(".", 1);
}

static int on_key(void *ctx, const char *s, size_t n)
{
	(void)ctx;
	say("k:", 2);
	return say(s, n);
}

static int on_string(void *ctx, const char *s, size_t n)
{
	(void)ctx;
	say("s:", 2);
	return say(s, n);
}

static int on_number(void *ctx, double v)
{
	char text[40];

	(void)ctx;
	snprintf(text, sizeof(text), "n:%g", v);
	return v == 13 ? -E2BIG : say(text, strlen(text));
}

static int parse(const struct source *in, struct profile **ret, struct err *e)
{
	static const struct json_reader calls = { on_begin, on_end, on_key, on_string, on_number };

	heard[0] = 0;
	if (profile_new(ret) < 0)
		return -ENOMEM;
	int r = json_read(in, &calls, NULL, e);

	if (r < 0) {
		profile_free(*ret);
		*ret = NULL;
	}
	return r;
}

Test(jsonread, tells_token_by_token)
{
	profile_free(must_read(
		parse, " {\"a\\n\\u00e9\": [1, -2.5e3,1e999, null, true, \"x\"], \"\":{}} \n"));
	cr_assert_str_eq(heard, "{k:a\n\u00e9[n:1n:-2500n:infs:x.k:{..");
}

Test(jsonread, a_mark_before_the_text_is_passed_over)
{
	profile_free(must_read(parse, "\xef\xbb\xbf[7]"));
	cr_assert_str_eq(heard, "[n:7.");
}

Test(jsonread, a_call_may_end_it)
{
	struct buffer buf = { 0 };
	struct source in = buffer_source(&buf);
	struct profile *p = NULL;

	buffer_add(&buf, "[1,13,2]", 8);
	cr_assert_eq(parse(&in, &p, NULL), -E2BIG);
	cr_assert_str_eq(heard, "[n:1");
	array_free(&buf);
}

Test(jsonread, broken_text_is_refused)
{
	must_refuse(parse, "{\"a\":", "its JSON is broken at byte");
	must_refuse(parse, "{\"a\" 1}", "its JSON is broken at byte");
	must_refuse(parse, "[1] x", "its JSON is broken at byte");
	must_refuse(parse, "", "its JSON is broken at byte");
	must_refuse(parse,
		    "[11111111111111111111111111111111111111111111111111111111111111111111111111]",
		    "a number of 74 digits");
}

Test(jsonread, nesting_has_a_limit)
{
	char deep[1200];

	memset(deep, '[', sizeof(deep));
	deep[sizeof(deep) - 1] = 0;
	must_refuse(parse, deep, "nests deeper than 512 levels");
}

static ssize_t endless(void *ctx, void *buf, size_t n)
{
	size_t *given = ctx;

	memset(buf, 'x', n);
	if (*given == 0)
		memcpy(buf, "[\"", 2);
	*given += n;
	cr_assert_lt(*given, (size_t)20 << 20);
	return (ssize_t)n;
}

Test(jsonread, a_string_has_a_limit)
{
	size_t given = 0;
	struct source in = { .read = endless, .ctx = &given };
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(parse(&in, &p, &e), -EBADMSG);
	cr_assert_str_eq(e.text, "its JSON has a value of more than 16 MiB");
}
