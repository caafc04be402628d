/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of CPUs, as sysfs and `-C` write them: "0-3,8". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CPUSET_MAX 8192 /* the largest CONFIG_NR_CPUS of the kernel */

struct cpuset {
	uint64_t bits[CPUSET_MAX / 64];
};

/* Parses a list of numbers and ranges. 0, -EINVAL for anything else, -ERANGE for a CPU number too big. */
int cpuset_parse(const char *text, struct cpuset *ret);

/* The CPUs online now, from /sys/devices/system/cpu/online: 0 or -errno. */
int cpuset_online(struct cpuset *ret);

static inline bool cpuset_has(const struct cpuset *s, unsigned cpu)
{
	return cpu < CPUSET_MAX && (s->bits[cpu / 64] >> (cpu % 64) & 1);
}

/* Adds @cpu, below CPUSET_MAX. */
static inline void cpuset_add(struct cpuset *s, unsigned cpu)
{
	s->bits[cpu / 64] |= 1ull << (cpu % 64);
}

static inline unsigned cpuset_count(const struct cpuset *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CPUSET_MAX / 64; i++)
		n += (unsigned)__builtin_popcountll(s->bits[i]);
	return n;
}
