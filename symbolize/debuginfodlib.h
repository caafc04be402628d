/* SPDX-License-Identifier: Apache-2.0 */
/* libdebuginfod, which is loaded at run time. */
#pragma once

#include <elfutils/debuginfod.h>

struct debuginfodlib {
	__typeof__(&debuginfod_begin) begin;
	__typeof__(&debuginfod_end) end;
	__typeof__(&debuginfod_find_debuginfo) find_debuginfo;
	__typeof__(&debuginfod_set_progressfn) set_progressfn;
};

/* Loads the library @name, for good: 0, or -ENOSYS when it is not there or too old. */
int debuginfodlib_load(const char *name, struct debuginfodlib *ret);

/* Sees to it that the library, which is not loaded yet, gives up a file after @total_ms where its user has not said
 * when: 0, -ENOMEM. */
int debuginfodlib_limit(unsigned total_ms);
