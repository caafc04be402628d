/* SPDX-License-Identifier: Apache-2.0 */
/* libfar.so: functions that are far away, reached through the procedure linkage table. */
#pragma once

long far_one(long n);
long far_two(long n);

/* 64 functions of one kind: far_000 … far_077 (octal). */
#define FAR_8(X, d)                                                                               \
	X(far_0##d##0)                                                                            \
	X(far_0##d##1) X(far_0##d##2) X(far_0##d##3) X(far_0##d##4) X(far_0##d##5) X(far_0##d##6) \
		X(far_0##d##7)
#define FAR_64(X)   \
	FAR_8(X, 0) \
	FAR_8(X, 1) FAR_8(X, 2) FAR_8(X, 3) FAR_8(X, 4) FAR_8(X, 5) FAR_8(X, 6) FAR_8(X, 7)
#define FAR_DECLARE(name) long name(long n);
FAR_64(FAR_DECLARE)
