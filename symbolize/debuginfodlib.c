/* SPDX-License-Identifier: Apache-2.0 */
#include "debuginfodlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Never unloaded: the thread may outlive its owner, and what the library made of its own would
 * leak. */
int debuginfodlib_load(const char *name, struct debuginfodlib *ret)
{
	void *h = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	if (!h)
		return -ENOSYS;
	ret->begin = (__typeof__(ret->begin))dlsym(h, "debuginfod_begin");
	ret->end = (__typeof__(ret->end))dlsym(h, "debuginfod_end");
	ret->find_debuginfo =
		(__typeof__(ret->find_debuginfo))dlsym(h, "debuginfod_find_debuginfo");
	ret->set_progressfn =
		(__typeof__(ret->set_progressfn))dlsym(h, "debuginfod_set_progressfn");
	return ret->begin && ret->end && ret->find_debuginfo && ret->set_progressfn ? 0 : -ENOSYS;
}

/* COMPAT(elfutils 0.192): on_progress() is not called while a server says nothing, so the library
 * has to give up by itself. Its limits are a least speed and a time in seconds; what the user has
 * set stays. */
int debuginfodlib_limit(unsigned total_ms)
{
	char seconds[16];

	snprintf(seconds, sizeof(seconds), "%u", (total_ms + 999) / 1000);
	return setenv("DEBUGINFOD_TIMEOUT", seconds, 0) || setenv("DEBUGINFOD_MAXTIME", seconds, 0)
		       ? -ENOMEM
		       : 0;
}
