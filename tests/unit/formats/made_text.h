/* SPDX-License-Identifier: Apache-2.0 */
/* Text through readers and writers, for their tests. */
#pragma once

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "made_profile.h"

typedef int read_text(const struct source *in, struct profile **ret, struct err *e);
typedef int write_text(const struct profile *p, size_t type, const struct sink *out, struct err *e);

/* @text must read, whole and byte by byte, and is checked. */
static inline struct profile *must_read(read_text *read, const char *text)
{
	struct profile *p = NULL;

	for (size_t chunk = 0; chunk < 2; chunk++) {
		struct buffer buf = { .chunk = chunk };
		struct source in = buffer_source(&buf);
		struct err e = { 0 };

		profile_free(p);
		p = NULL;
		buffer_add(&buf, text, strlen(text));
		cr_assert_eq(read(&in, &p, &e), 0, "%s", e.text);
		cr_assert_eq(profile_check(p), 0);
		array_free(&buf);
	}
	return p;
}

/* @text must be refused with a sentence that holds @why. */
static inline void must_refuse(read_text *read, const char *text, const char *why)
{
	struct buffer buf = { 0 };
	struct source in = buffer_source(&buf);
	struct profile *p = NULL;
	struct err e = { 0 };

	buffer_add(&buf, text, strlen(text));
	cr_expect_eq(read(&in, &p, &e), -EBADMSG, "wanted: %s", why);
	cr_expect(strstr(e.text, why), "'%s' does not say '%s'", e.text, why);
	array_free(&buf);
}

/* What @write makes of value @type. Caller frees. */
static inline char *must_write(write_text *write, const struct profile *p, size_t type)
{
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };
	char *copy;

	cr_assert_eq(write(p, type, &out, &e), 0, "%s", e.text);
	copy = strdup(buffer_text(&buf));
	array_free(&buf);
	return copy;
}

/* @p's value 0 as folded stacks must be @want. */
static inline void must_fold(const struct profile *p, const char *want)
{
	char *text = write_folded(p);

	cr_expect_str_eq(text, want, "made\n%s", text);
	free(text);
}
