/* SPDX-License-Identifier: Apache-2.0 */
/* Other unwinders over the live, stopped process: libdwfl, and libunwind with its own accessors. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct opinion {
	uint64_t addr[1024];
	size_t n;
};

/* Unwinds the only thread of @pid, stopped under our ptrace. 0 or -EIO; what was found is there. */
int opinion_of_libdwfl(pid_t pid, struct opinion *ret);
int opinion_of_libunwind(pid_t pid, struct opinion *ret);
