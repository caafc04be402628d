/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that calls many functions of another, each once: every load binds all of them. */
#include "far.h"

long bind_all(long n);

#define FAR_CALL(name) x += name(x);

long bind_all(long n)
{
	long x = n;

	FAR_64(FAR_CALL)
	return x;
}
