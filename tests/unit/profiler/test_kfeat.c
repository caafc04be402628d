/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "kfeat.h"

/* Whatever this machine allows: results are consistent, and trying twice gives the same. */
Test(kfeat, gives_consistent_results)
{
	struct kfeat a, b;

	kfeat_try(&a);
	kfeat_try(&b);
	for (int i = 0; i < KFEAT_EVENT_MAX; i++) {
		cr_expect_leq(a.events[i], 0);
		cr_expect_eq(a.events[i], b.events[i], "%s", kfeat_event_name(i));
	}
	cr_expect_leq(a.sample_all, 0);
	cr_expect_leq(a.attach, 0);
	cr_expect_eq(a.program, b.program);
	cr_expect_eq(a.helpers_known, a.program == 0);
	if (a.program || a.sample_all)
		cr_expect_lt(a.attach, 0, "nothing to attach, or nothing to attach to");
}

Test(kfeat, tells_absent_from_forbidden)
{
	cr_expect(kfeat_is_absent(-ENOENT));
	cr_expect(kfeat_is_absent(-EOPNOTSUPP));
	cr_expect_not(kfeat_is_absent(-EACCES));
	cr_expect_not(kfeat_is_absent(0));
	cr_expect_str_eq(kfeat_event_name(KFEAT_CYCLES), "cycles");
}
