/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the ring: those that make sense are handed on, all others are counted as lost. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sampler_state.h"
#include "snapshot.h"
#include "trace.h"

static struct {
	unsigned traces, snapshots, verified, lost;
	struct trace last;
	struct snapshot snap;
} got;

static void on_trace(void *ctx, const struct trace *t)
{
	(void)ctx;
	got.traces++;
	got.last = *t;
}

static void on_snapshot(void *ctx, struct trace *t, const struct snapshot *s)
{
	(void)ctx;
	got.snapshots++;
	got.last = *t;
	got.snap = *s;
}

static void on_verify(void *ctx, const struct trace *t, const struct snapshot *s)
{
	(void)ctx;
	got.verified++;
	got.last = *t;
	got.snap = *s;
}

static void on_lost(void *ctx, enum counter c, uint64_t n)
{
	(void)ctx;
	cr_expect_eq(c, CTR_LOST_BAD_RECORD);
	cr_expect_eq(n, 1);
	got.lost++;
}

static struct sampler sampler = { .cb = { .on_trace = on_trace,
					  .on_snapshot = on_snapshot,
					  .on_verify = on_verify,
					  .on_lost = on_lost },
				  .to_read = SIZE_MAX };

/* Exactly @size bytes of @record, so that a sanitizer sees each read behind them. */
static void feed(const void *record, size_t size)
{
	void *copy = malloc(size ? size : 1);

	memcpy(copy, record, size);
	cr_expect_eq(sampler_on_record(&sampler, copy, size), 0);
	free(copy);
}

static struct wire_verify *made(void)
{
	struct wire_verify *w = calloc(1, sizeof(*w));

	w->type = WIRE_VERIFY;
	w->n_walked = 3;
	w->walked[2] = 0x3333;
	w->snap.rec.tgid = 5;
	w->snap.rec.end = WIRE_END_ROOT;
	w->snap.rec.n_kernel = 2;
	w->snap.regs[16] = 0x1111;
	w->snap.stack_start = 0x7000;
	w->snap.n_stack = 64;
	w->snap.stack[63] = 9;
	return w;
}

Test(drain, stops_when_enough_was_read)
{
	struct wire_notice notice = { .type = 0 };

	sampler.to_read = 2 * sizeof(notice) + 1;
	cr_expect_eq(sampler_on_record(&sampler, &notice, sizeof(notice)), 0);
	cr_expect_eq(sampler_on_record(&sampler, &notice, sizeof(notice)), 0);
	cr_expect_eq(sampler_on_record(&sampler, &notice, sizeof(notice)), -EAGAIN);
	cr_expect_eq(got.lost, 3, "each was taken");
}

Test(drain, hands_a_stack_taken_both_ways_on)
{
	struct wire_verify *w = made();

	cr_expect_eq(sampler_on_record(&sampler, w, WIRE_VERIFY_HEAD + 64), 0);
	cr_assert_eq(got.verified, 1);
	cr_expect_eq(got.last.tgid, 5);
	cr_expect_eq(got.last.samples, 1);
	cr_expect_eq(got.last.end, WIRE_END_ROOT);
	cr_expect_eq(got.last.n_user, 3);
	cr_expect_eq(got.last.user[2], 0x3333);
	cr_expect_eq(got.last.n_kernel, 2);
	cr_expect_eq(got.snap.regs.r[SNAPSHOT_RIP], 0x1111);
	cr_expect_eq(got.snap.stack_start, 0x7000);
	cr_expect_eq(got.snap.n_stack, 64);
	cr_expect_eq(got.snap.stack[63], 9);
	cr_expect_eq(got.lost, 0);
	free(w);
}

Test(drain, of_records_of_any_length_takes_those_that_are_whole)
{
	struct wire_verify *w = made();

	for (size_t n = 0; n < WIRE_VERIFY_HEAD + 64; n++)
		feed(w, n);
	cr_expect_eq(got.verified, 0);
	cr_expect_eq(got.lost, WIRE_VERIFY_HEAD + 64);
	feed(w, WIRE_VERIFY_HEAD + 65);
	cr_expect_eq(got.verified, 1);
	w->snap.rec.type = WIRE_SNAPSHOT;
	got.lost = 0;
	for (size_t n = 0; n < WIRE_SNAPSHOT_HEAD + 64; n++)
		feed(&w->snap, n);
	cr_expect_eq(got.snapshots, 0);
	cr_expect_eq(got.lost, WIRE_SNAPSHOT_HEAD + 64);
	feed(&w->snap, WIRE_SNAPSHOT_HEAD + 64);
	cr_expect_eq(got.snapshots, 1);
	free(w);
}

Test(drain, does_not_believe_numbers_that_are_too_large)
{
	struct wire_verify *w = made();

	w->n_walked = WIRE_USER_FRAMES + 1;
	feed(w, sizeof(*w));
	w->n_walked = UINT32_MAX;
	feed(w, sizeof(*w));
	w->n_walked = WIRE_USER_FRAMES;
	w->snap.rec.n_kernel = WIRE_KERNEL_FRAMES + 1;
	feed(w, sizeof(*w));
	w->snap.rec.n_kernel = WIRE_KERNEL_FRAMES;
	w->snap.n_stack = WIRE_SNAPSHOT_STACK + 1;
	feed(w, sizeof(*w));
	w->snap.n_stack = UINT32_MAX;
	feed(w, sizeof(*w));
	cr_expect_eq(got.lost, 5);
	w->snap.n_stack = WIRE_SNAPSHOT_STACK;
	feed(w, sizeof(*w));
	cr_expect_eq(got.verified, 1);
	w->type = WIRE_VERIFY + 1;
	feed(w, sizeof(*w));
	cr_expect_eq(got.lost, 6);
	free(w);
}
