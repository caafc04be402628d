/* SPDX-License-Identifier: Apache-2.0 */
#include "far.h"

long far_one(long n)
{
	return n + 1;
}

long far_two(long n)
{
	volatile long x = n;

	return x * 2;
}

#define FAR_DEFINE(name)                        \
	long name(long n)                       \
	{                                       \
		return n ^ (long)sizeof(#name); \
	}
FAR_64(FAR_DEFINE)
