/* SPDX-License-Identifier: Apache-2.0 */
#include "far.h"

/*
 * They divide, for a tick comes where the CPU waits: some never wait within a function of one instruction.
 * The first one does only now and then: behind a division that is under way, others never wait within the
 * stub of a call.
 */
long far_one(long n)
{
	return n & 31 ? n + 1 : (n + 1000003) / ((n & 7) + 3);
}

long far_two(long n)
{
	volatile long x = n;

	return (x + 2000003) / ((n & 3) + 5);
}

#define FAR_DEFINE(name)                        \
	long name(long n)                       \
	{                                       \
		return n ^ (long)sizeof(#name); \
	}
FAR_64(FAR_DEFINE)
