/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes are meant by a description. */
#include "targets.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "err.h"
#include "wire.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static struct targets t;
static struct err e;

static void done(void)
{
	targets_done(&t);
}

TestSuite(targets, .fini = done);

Test(targets, comm_matches_anywhere_unless_told_where)
{
	cr_assert_eq(targets_add_comm(&t, "^nginx$", &e), 0);
	cr_assert_eq(targets_add_comm(&t, "work(er)?", &e), 0);
	cr_expect(targets_has_comm(&t, "nginx"));
	cr_expect_not(targets_has_comm(&t, "nginx: 1"));
	cr_expect(targets_has_comm(&t, "kworker/0:1"));
	cr_expect_not(targets_has_comm(&t, ""));
	cr_expect_not(targets_has_comm(&t, "\x1b[31m\xff"));
}

Test(targets, containers_by_the_beginning_of_their_ids)
{
	static const struct {
		const char *path;
		bool has;
	} c[] = {
		{ "/docker/" ID, true },
		{ "/system.slice/docker-" ID ".scope", true },
		{ "/system.slice/docker-" ID ".scope/init", true },
		{ "/docker/" ID2, false },
		{ "/docker/" ID2 "/docker/" ID, true },	       /* a container in one */
		{ "/docker/" ID "/docker/" ID2 "/x/y", true }, /* in a container in it */
		{ "/kubepods.slice/kubepods-pod0.slice/cri-containerd-" ID ".scope", true },
		{ "/user.slice", false },
		{ "/", false },
		{ "", false },
	};

	cr_assert_eq(targets_add_container(&t, "0123456789ab", &e), 0);
	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++)
		cr_expect_eq(targets_has_cgroup(&t, c[i].path), c[i].has, "%s", c[i].path);
}

Test(targets, this_process)
{
	char own[32];

	snprintf(own, sizeof(own), "%u", getuid());
	cr_assert_eq(targets_add_comm(&t, "^me$", &e), 0);
	cr_assert_eq(targets_add_user(&t, own, &e), 0);
	cr_expect_eq(targets_look(&t, (uint32_t)getpid(), "me"), WIRE_OF_COMM | WIRE_OF_USER);
	cr_expect_eq(targets_look(&t, (uint32_t)getpid(), "you"), WIRE_OF_USER);
	cr_expect_eq(targets_look(&t, 5000001, "me"), WIRE_OF_COMM, "one that is gone");
	t.users.items[0]++;
	cr_expect_eq(targets_look(&t, (uint32_t)getpid(), "me"), WIRE_OF_COMM);
}

Test(targets, kinds_that_were_not_given_are_not_looked_at)
{
	cr_assert_eq(targets_add_comm(&t, ".", &e), 0);
	cr_expect_eq(t.asked, WIRE_OF_COMM);
	cr_expect_eq(t.expected, WIRE_OF_COMM);
	cr_expect_eq(targets_look(&t, (uint32_t)getpid(), "x"), WIRE_OF_COMM);
}
