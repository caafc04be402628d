/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "err.h"

Test(err, keeps_the_sentence_and_returns_the_code)
{
	struct err e = { 0 };

	cr_expect_eq(err_set(&e, -EINVAL, "no '%s' in %d", "x", 3), -EINVAL);
	cr_expect_str_eq(e.text, "no 'x' in 3");
	cr_expect_eq(err_set(NULL, -ENOENT, "nobody listens"), -ENOENT);
}

Test(err, names_the_code_that_is_returned_and_leaves_errno)
{
	struct err e = { 0 };

	errno = EPERM;
	err_set(&e, -ENOENT, "%m");
	cr_expect_str_eq(e.text, strerror(ENOENT));
	cr_expect_eq(errno, EPERM);
}

Test(err, replaces_control_characters)
{
	struct err e = { 0 };

	err_set(&e, -EINVAL, "a\033[2Jb\nc\x7f\td");
	cr_expect_str_eq(e.text, "a?[2Jb?c??d");
	/* CSI as one character: in UTF-8, and as a byte for terminals that know no UTF-8. */
	err_set(&e, -EINVAL, "%s", "\302\2332J \2332J \302\200\302\237 \302\240\303\251");
	cr_expect_str_eq(e.text, "??2J ?2J ???? \302\240\303\251");
}

Test(err, cuts_what_is_too_long)
{
	char name[4000];
	struct err e = { 0 };

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	err_set(&e, -EINVAL, "%s", name);
	cr_expect_eq(strlen(e.text), sizeof(e.text) - 1);
}
