/* SPDX-License-Identifier: Apache-2.0 */
/* A stack that is deeper than the limit is kept, cut, and says so. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "readback.h"
#include "wire.h"

E2E(cut_stacks);

#define NOTE "[truncated: user stack deeper than the limit]"

/* User frames of a sample without the note. */
static uint32_t user_frames(const struct profile *p, const struct profile_sample *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->loc_n; i++)
		n += !is_kernel_frame(p, s, i) && frame_name(p, s, i)[0] != '[';
	return n;
}

/* All samples with deep_bottom() have @limit user frames and then, outermost, the note. */
static void cut_at(const char *depth, const char *option, const char *value, uint32_t limit)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "999", option, value, "-o", file, "--",
			    workload("deep"), depth, "0.5");
	const struct pick deep = { .in = "deep_bottom" };
	struct e2e_account a;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, &a);
	cr_assert_gt(total(p, deep), 400, "where is deep_bottom?");
	cr_expect_geq(account_number(&a, "truncated.user_depth"), (uint64_t)total(p, deep), "%s",
		      a.comment);
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		if (strcmp(frame_name(p, s, 0), "deep_bottom") != 0)
			continue;
		cr_expect_str_eq(frame_name(p, s, s->loc_n - 1), NOTE);
		cr_expect_eq(user_frames(p, s), limit, "%" PRIu32 " frames instead of %" PRIu32,
			     user_frames(p, s), limit);
		cr_expect_str_eq(frame_name(p, s, 1), "deep_down");
	}
}

Test(cut_stacks, recursion)
{
	cut_at(text("%d", 2 * WIRE_USER_FRAMES + 46), "--duration", "20", WIRE_USER_FRAMES);
}

Test(cut_stacks, max_stack)
{
	cut_at("20", "--max-stack", "5", 5);
}

/* One that fits is whole. */
Test(cut_stacks, stack_that_fits)
{
	const char *file = in_dir("p.pb.gz");
	struct run r =
		wick("record", "-F", "999", "-o", file, "--", workload("deep"), "100", "0.5");
	const struct pick deep = { .in = "deep_bottom" };
	struct e2e_account a;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, &a);
	cr_expect_eq(cumulative(p, deep, "main"), total(p, deep));
	cr_expect_eq(cumulative(p, deep, NOTE), 0);
	cr_expect_eq(account_number(&a, "truncated.user_depth"), 0, "%s", a.comment);
}

/*
 * Threads that have no stack: one that begins has nothing on it yet, and one that ends gives it back
 * before it is gone. What they run then is the whole of it.
 */
Test(cut_stacks, threads_without_a_stack)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-F", "4999", "-o", file, "--", workload("leaving"), "2");
	double left = 0, begun = 0, n = 0;
	struct e2e_account a;
	struct profile *p;

	must_end(&r, 0);
	p = recorded(file, &a);
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];
		double value = (double)profile_value(p, i, 0);
		const char *outermost = s->loc_n ? frame_name(p, s, s->loc_n - 1) : "";

		n += value;
		left += strcmp(outermost, "leave") == 0 ? value : 0;
		begun += strcmp(outermost, "clone") == 0 || strcmp(outermost, "__clone") == 0
				 ? value
				 : 0;
		cr_expect_str_neq(outermost, "frame_dummy", "what lies before the function");
	}
	fprintf(stderr, "  %.0f samples, %.0f that left, %.0f that began: %s\n", n, left, begun,
		a.comment);
	cr_expect_gt(left, 0.01 * n);
	cr_expect_gt(begun, 0);
	cr_expect_leq((double)account_number(&a, "truncated"), 0.0005 * n + 1, "%s", a.comment);
}
