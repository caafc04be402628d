/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "kstruct.h"

static int offset(const char *name, const char *member, uint32_t *ret)
{
	return kstruct_offsets(&(struct kstruct_member){ name, member, ret }, 1);
}

static void need_btf(void)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		cr_skip_test("this kernel has no BTF");
}

Test(kstruct, knows_where_a_task_has_its_stack)
{
	uint32_t off = 0, other = 0;

	need_btf();
	cr_assert_eq(offset("task_struct", "stack", &off), 0);
	cr_expect_eq(off % sizeof(void *), 0);
	cr_expect_lt(off, 4096, "the kernel keeps it among the first");
	cr_assert_eq(offset("task_struct", "comm", &other), 0);
	cr_expect_neq(off, other);
}

Test(kstruct, does_not_know_what_is_not_there)
{
	uint32_t off = 77;

	cr_expect_eq(offset("task_struct", "no_such_member", &off), -ENOENT);
	cr_expect_eq(offset("no_such_struct", "stack", &off), -ENOENT);
	cr_expect_eq(offset("", "", &off), -ENOENT);
	cr_expect_eq(off, 77);
}

Test(kstruct, finds_several_at_once)
{
	uint32_t stack = 0, mm = 0, none = 77, address = 0;
	struct kstruct_member members[] = { { "task_struct", "stack", &stack },
					    { "task_struct", "no_such_member", &none },
					    { "vm_fault", "address", &address },
					    { "task_struct", "mm", &mm } };

	need_btf();
	cr_expect_eq(kstruct_offsets(members, 4), -ENOENT);
	cr_expect_neq(stack, 0);
	cr_expect_neq(mm, 0, "what is not there hides nothing");
	cr_expect_eq(none, 77);
	members[1] = members[3];
	cr_expect_eq(kstruct_offsets(members, 3), 0);
	cr_expect_neq(address, 0);
}

/* Most of struct vm_fault has no name of its own, in later kernels. */
Test(kstruct, looks_into_structs_without_a_name)
{
	uint32_t vma = 77, orig_pte = 0, pte = 0;

	need_btf();
	cr_expect_eq(offset("vm_fault", "vma", &vma), 0);
	cr_expect_eq(vma, 0);
	cr_expect_eq(offset("vm_fault", "orig_pte", &orig_pte), 0);
	cr_expect_eq(offset("vm_fault", "pte", &pte), 0);
	cr_expect_gt(pte, orig_pte);
}
