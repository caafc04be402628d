/* SPDX-License-Identifier: Apache-2.0 */
/* Builds small profiles in few words. */
#pragma once

#include <criterion/criterion.h>
#include <string.h>

#include "profile.h"

struct maker {
	struct profile *p;
	struct profile_builder *b;
	uint32_t n_files;
};

static inline uint32_t make_string(struct maker *m, const char *s)
{
	uint32_t id;

	cr_assert_eq(strtab_adds(&m->p->strings, s, &id), 0);
	return id;
}

static inline void make_type(struct maker *m, const char *type, const char *unit)
{
	struct profile_value_type t = { .type = make_string(m, type),
					.unit = make_string(m, unit) };

	cr_assert_eq(array_push(&m->p->sample_types, t), 0);
}

static inline void make_begin(struct maker *m)
{
	*m = (struct maker){ 0 };
	cr_assert_eq(profile_new(&m->p), 0);
	cr_assert_eq(profile_builder_new(&m->b, m->p), 0);
}

/* A profile of CPU time at 99 Hz, as wick records it. */
static inline void make_begin_cpu(struct maker *m)
{
	make_begin(m);
	make_type(m, "samples", "count");
	make_type(m, "cpu", "nanoseconds");
	m->p->period_type = m->p->sample_types.items[1];
	m->p->period = 10101010;
	m->p->duration_ns = 2000000000;
	m->p->time_ns = 1700000000000000000;
}

static inline void make_end(struct maker *m)
{
	profile_builder_free(m->b);
	profile_free(m->p);
}

/* The location @off bytes into @file (NULL: no mapping), which shows the functions in @names from
 * the innermost outwards, separated by '|' ("" = no lines). */
static inline uint32_t make_loc(struct maker *m, const char *file, uint64_t off, const char *names)
{
	struct profile_line lines[16];
	struct profile_location l = { .address = off, .mapping = PROFILE_NONE };
	int64_t r;

	if (file) {
		struct profile_mapping mapping = { .start = 0x400000, .limit = 0x800000 };

		mapping.file = make_string(m, file);
		r = profile_builder_mapping(m->b, &mapping);
		cr_assert_geq(r, 0);
		l.mapping = (uint32_t)r;
		l.address += mapping.start;
	}
	while (*names) {
		size_t n = strcspn(names, "|");
		struct profile_function f = { 0 };

		cr_assert_lt(l.line_n, 16);
		cr_assert_eq(strtab_add(&m->p->strings, names, n, &f.name), 0);
		r = profile_builder_function(m->b, &f);
		cr_assert_geq(r, 0);
		lines[l.line_n++] = (struct profile_line){ .function = (uint32_t)r };
		names += n + (names[n] == '|');
	}
	r = profile_builder_location(m->b, &l, lines);
	cr_assert_geq(r, 0);
	return (uint32_t)r;
}

/* A stack that was met @n times; locations follow, leaf first. */
#define make_cpu_stack(m, n, ...)                                                                  \
	make_stack(m, (const int64_t[]){ (n), (n)*10101010LL }, (const uint32_t[]){ __VA_ARGS__ }, \
		   sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static inline void make_stack(struct maker *m, const int64_t *values, const uint32_t *locs,
			      size_t n)
{
	cr_assert_geq(profile_builder_sample(m->b, locs, n, NULL, 0, values), 0);
}

static inline void make_comment(struct maker *m, const char *s)
{
	cr_assert_eq(array_push(&m->p->comments, make_string(m, s)), 0);
}
