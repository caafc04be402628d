/* SPDX-License-Identifier: Apache-2.0 */
#include "pidns.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "err.h"

Test(pidns, is_told_by_two_links)
{
	char own[16], other[16];
	const struct {
		const char *self, *ns, *children;
		enum pidns_kind kind;
		uint32_t inum;
	} t[] = {
		{ own, "pid:[4026531836]", "pid:[4026531836]", PIDNS_MACHINE, 0 },
		{ own, "pid:[4026532178]", "pid:[4026532178]", PIDNS_OWN, 4026532178u },
		{ own, NULL, NULL, PIDNS_MACHINE, 0 }, /* a kernel without PID namespaces */
		{ other, "pid:[4026532178]", "pid:[4026532178]", PIDNS_FOREIGN_PROC, 0 },
		{ other, "pid:[4026531836]", "pid:[4026531836]", PIDNS_FOREIGN_PROC, 0 },
		{ own, "pid:[4026531836]", "pid:[4026532178]", PIDNS_OF_PARENTS, 0 },
		{ own, "pid:[4026531836]", NULL, PIDNS_OF_PARENTS, 0 },
		{ NULL, NULL, NULL, PIDNS_FOREIGN_PROC, 0 },
	};

	snprintf(own, sizeof(own), "%d", getpid());
	snprintf(other, sizeof(other), "%d", getpid() + 1);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		uint32_t inum = 1;

		cr_expect_eq(pidns_judge(t[i].self, t[i].ns, t[i].children, &inum), t[i].kind,
			     "case %zu", i);
		cr_expect_eq(inum, t[i].inum, "case %zu", i);
	}
}

Test(pidns, of_this_process_is_found)
{
	struct err e = { 0 };
	struct pidns p;
	uint32_t inum;

	cr_assert_eq(pidns_find(&inum, &e), 0, "%s", e.text);
	if (pidns_layout(&p, &e) == 0) {
		cr_expect_eq(p.inum, inum);
		cr_expect_eq(p.layout.task_pid != 0, inum != 0,
			     "it is looked for where it is needed");
	} else {
		cr_expect_neq(inum, 0);
		cr_expect_str_not_empty(e.text);
	}
}
