/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <criterion/criterion.h>

#include "idmap.h"

Test(idmap, finds_dense_and_sparse_ids)
{
	struct idmap m;

	cr_assert_eq(idmap_init(&m, 4), 0);
	cr_assert_eq(idmap_add(&m, UINT64_MAX, 0), 0);
	cr_assert_eq(idmap_add(&m, 4, 1), 0);
	cr_assert_eq(idmap_add(&m, 5, 2), 0);
	cr_assert_eq(idmap_add(&m, 1, 3), 0);
	cr_assert_eq(idmap_sort(&m), 0);
	cr_assert_not(m.in_order);
	cr_assert_eq(idmap_get(&m, UINT64_MAX), 0);
	cr_assert_eq(idmap_get(&m, 4), 1);
	cr_assert_eq(idmap_get(&m, 5), 2);
	cr_assert_eq(idmap_get(&m, 1), 3);
	cr_assert_eq(idmap_get(&m, 0), IDMAP_NONE);
	cr_assert_eq(idmap_get(&m, 2), IDMAP_NONE);
	cr_assert_eq(idmap_get(&m, 6), IDMAP_NONE);
	idmap_done(&m);
}

Test(idmap, refuses_0_and_what_is_there)
{
	struct idmap m;

	cr_assert_eq(idmap_init(&m, 1), 0);
	cr_assert_eq(idmap_add(&m, 0, 0), -EINVAL);
	cr_assert_eq(idmap_add(&m, 1, 0), 0);
	cr_assert_eq(idmap_add(&m, 1, 1), -EEXIST);
	cr_assert_eq(idmap_add(&m, 9, 1), 0);
	cr_assert_eq(idmap_add(&m, 7, 2), 0);
	cr_assert_eq(idmap_add(&m, 9, 3), 0);
	cr_assert_eq(idmap_sort(&m), -EEXIST);
	idmap_done(&m);
}

Test(idmap, is_empty_for_no_ids)
{
	struct idmap m;

	cr_assert_eq(idmap_init(&m, 0), 0);
	cr_assert_eq(idmap_sort(&m), 0);
	cr_assert_eq(idmap_get(&m, 1), IDMAP_NONE);
	idmap_done(&m);
}

Test(idmap, ids_in_order_need_no_map)
{
	struct idmap m;

	cr_assert_eq(idmap_init(&m, 3), 0);
	for (uint32_t i = 0; i < 3; i++)
		cr_assert_eq(idmap_add(&m, i + 1, i), 0);
	cr_assert_eq(idmap_sort(&m), 0);
	cr_expect(m.in_order);
	cr_expect_eq(idmap_get(&m, 1), 0);
	cr_expect_eq(idmap_get(&m, 3), 2);
	cr_expect_eq(idmap_get(&m, 0), IDMAP_NONE);
	cr_expect_eq(idmap_get(&m, 4), IDMAP_NONE);
	idmap_done(&m);
}
