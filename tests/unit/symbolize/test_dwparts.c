/* SPDX-License-Identifier: Apache-2.0 */
/* A question in parts: they come in order, each address in one of them, and who has enough may stop. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "dwparts.h"

enum {
	ALL = 50000,  /* addresses: more parts than are found ahead */
	STEP = 3,     /* bytes between two that differ */
	TIMES = 2,    /* that each is asked for */
	STOPS_AT = 2, /* parts */
};

static const char *const nowhere[] = { NULL };

static uint64_t addrs[ALL];

/* This program, whose code has debug information. */
static void load(unsigned threads, struct symobject *ret)
{
	const struct symobject_opts opts = { .max_file_bytes = UINT64_MAX,
					     .max_bytes = 256 << 20,
					     .max_inflated = 256 << 20,
					     .threads = threads,
					     .debug_dirs = nowhere,
					     .path = "",
					     .root_fd = -1,
					     .build_id = "" };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(symobject_load(fd, &opts, ret), 0);
	close(fd);
	cr_assert_not_null(ret->dwarf, "no debug information, no parts");
	for (size_t i = 0; i < ALL; i++)
		addrs[i] = ret->elf.code[0].vaddr + i / TIMES * STEP;
}

static void expect_part(const struct dwpart *part, size_t first)
{
	size_t q = 0;

	cr_assert_eq(part->first, first);
	cr_assert_gt(part->end, first);
	for (size_t i = part->first; i < part->end; i++) {
		if (i > part->first && addrs[i] == addrs[i - 1])
			continue;
		cr_assert_lt(q, part->n);
		cr_assert_eq(part->queries[q].addr, addrs[i]);
		cr_assert_leq(part->queries[q].first + part->queries[q].n, part->frames.frames.n);
		q++;
	}
	cr_assert_eq(q, part->n);
}

/* How many parts there are, at most @max of which are taken. */
static size_t take(unsigned threads, size_t n, size_t max)
{
	struct symobject o = { 0 };
	const struct dwpart *part;
	struct dwparts *parts;
	size_t given = 0, at = 0, named = 0;
	int r = 1;

	load(threads, &o);
	cr_assert_eq(dwparts_new(&o, addrs, n, &parts), 0);
	while (given < max && (r = dwparts_next(parts, &part)) > 0) {
		expect_part(part, at);
		at = part->end;
		for (size_t i = 0; i < part->n; i++)
			named += part->queries[i].n > 0;
		given++;
	}
	if (given < max) {
		cr_expect_eq(r, 0);
		cr_expect_null(part);
		cr_expect_eq(at, n);
		cr_expect_eq(dwparts_next(parts, &part), 0, "again");
	}
	cr_expect(n < ALL || given == 0 || named > 0);
	dwparts_free(parts);
	symobject_done(&o);
	return given;
}

Test(dwparts, all_come_in_order)
{
	cr_expect_gt(take(1, ALL, SIZE_MAX), 1);
}

Test(dwparts, all_come_in_order_on_threads)
{
	cr_expect_gt(take(4, ALL, SIZE_MAX), 3);
}

/* While more are looked up, and with as many waiting as may. */
Test(dwparts, who_has_enough_stops)
{
	cr_expect_eq(take(4, ALL, 0), 0);
	cr_expect_eq(take(4, ALL, 1), 1);
	cr_expect_eq(take(4, ALL, STOPS_AT), STOPS_AT);
}

Test(dwparts, one_part_is_enough_for_few)
{
	cr_expect_eq(take(4, TIMES, SIZE_MAX), 1);
	cr_expect_eq(take(4, 0, SIZE_MAX), 0);
}
