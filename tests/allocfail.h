/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lets the n-th allocation of the code under test fail. Unit programs are linked with --wrap for
 * malloc() and its kin; allocations inside of libraries go their own way.
 */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>

/* The @n-th allocation from here (1 = the next) fails, once; 0 = none does. */
void allocfail_at(unsigned n);

/* Whether it came to that failure; none happens from here on. */
bool allocfail_stop(void);

/* Fails the test when memory has been leaked, under the address sanitizer; else does nothing. */
void allocfail_expect_no_leaks(void);

/*
 * Runs @attempt again and again, letting its first allocation fail, then its second, and so on
 * until all of them succeed. Each failure must come out as -ENOMEM. @attempt releases what it made.
 */
void allocfail_each(int (*attempt)(void));

/* The same for code that may do with less: failures may come out as 0, too. */
void allocfail_each_tolerant(int (*attempt)(void));
