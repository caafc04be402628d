/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "array.h"
#include "err.h"
#include "labels.h"

Test(labels, splits_by_what_is_asked_for)
{
	static const struct {
		const char *text;
		enum label has[3], has_not[3];
	} t[] = {
		{ "process",
		  { LABEL_PID, LABEL_CGROUP, LABEL_ATTRS },
		  { LABEL_TID, LABEL_THREAD_COMM, LABEL_TIME } },
		{ "thread",
		  { LABEL_PID, LABEL_TID, LABEL_THREAD_COMM },
		  { LABEL_TIME, LABEL_TIME, LABEL_TIME } },
		{ "container",
		  { LABEL_CONTAINER, LABEL_CONTAINER, LABEL_CONTAINER },
		  { LABEL_PID, LABEL_CGROUP, LABEL_POD } },
		{ "comm,uid",
		  { LABEL_COMM, LABEL_UID, LABEL_UID },
		  { LABEL_PID, LABEL_THREAD_COMM, LABEL_TID } },
		{ "cgroup,time",
		  { LABEL_CGROUP, LABEL_TIME, LABEL_TIME },
		  { LABEL_PID, LABEL_UID, LABEL_UNIT } },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct err e = { 0 };
		uint32_t mask = 0;

		cr_expect_eq(labels_parse_split(t[i].text, &mask, &e), 0, "%s: %s", t[i].text,
			     e.text);
		for (size_t k = 0; k < 3; k++) {
			cr_expect(mask & LABEL_BIT(t[i].has[k]), "%s: %s", t[i].text,
				  label_key(t[i].has[k]));
			cr_expect_not(mask & LABEL_BIT(t[i].has_not[k]), "%s: %s", t[i].text,
				      label_key(t[i].has_not[k]));
		}
	}
}

Test(labels, refuses_other_words_and_says_which_there_are)
{
	static const char *const wrong[] = { "",	  "pid",     "process,", ",comm",
					     "comm,,uid", "Process", "comm uid" };

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err e = { 0 };
		uint32_t mask = 7;

		cr_expect_eq(labels_parse_split(wrong[i], &mask, &e), -EINVAL, "'%s'", wrong[i]);
		cr_expect_eq(mask, 7);
		cr_expect_not_null(strstr(e.text, "process, thread, container"), "%s", e.text);
	}
}

Test(labels, have_keys_that_are_found)
{
	for (enum label l = 0; l < LABEL_MAX; l++)
		if (l != LABEL_ATTRS)
			cr_expect_eq(label_by_key(label_key(l)), l);
	cr_expect_eq(label_by_key("service.name"), LABEL_MAX);
	cr_expect_eq(label_by_key(""), LABEL_MAX);
}

Test(labels, masked_is_without_the_others)
{
	struct label_set s, m;

	label_set_clear(&s);
	for (enum label l = 0; l < LABEL_MAX; l++)
		cr_expect_eq(s.v[l], LABEL_NONE);
	s.v[LABEL_PID] = 0;
	s.v[LABEL_UID] = 5;
	m = label_set_masked(&s, LABEL_BIT(LABEL_UID));
	cr_expect_eq(m.v[LABEL_PID], LABEL_NONE);
	cr_expect_eq(m.v[LABEL_UID], 5);
}
