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

Test(drain, hands_other_stacks_on)
{
	struct wire_verify *w = made();

	w->snap.other_start[1] = 0x9000;
	w->snap.n_other[0] = 8;
	w->snap.n_other[1] = 16;
	w->snap.stack[64] = 7;
	w->snap.stack[64 + 8 + 15] = 5;
	feed(w, WIRE_VERIFY_HEAD + 64 + 23);
	cr_expect_eq(got.verified, 0);
	cr_expect_eq(sampler_on_record(&sampler, w, WIRE_VERIFY_HEAD + 64 + 24), 0);
	cr_assert_eq(got.verified, 1);
	cr_expect_eq(got.snap.others[0].n, 8);
	cr_expect_eq(got.snap.others[0].bytes[0], 7);
	cr_expect_eq(got.snap.others[1].start, 0x9000);
	cr_expect_eq(got.snap.others[1].n, 16);
	cr_expect_eq(got.snap.others[1].bytes[15], 5);
	w->snap.n_other[0] = UINT32_MAX;
	feed(w, WIRE_VERIFY_HEAD + 64 + 24);
	cr_expect_eq(got.verified, 1);
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

/* Two CPUs, for each set with two blocks and two buckets. Blocks are numbered here as those of set
 * 1 are, two of each CPU. */
static struct wire_block arena[8];
static struct wire_bucket buckets[8];
static struct set set = { .number = 1 };

static size_t place_of(size_t i)
{
	return wire_part((uint32_t)(i / 2), set.number) * 2 + i % 2;
}

/* Appends a row with a stack of @n_user frames to block @i, as the sampler does. */
static struct wire_row *add_row(size_t i, uint32_t tid, uint32_t n_user)
{
	struct wire_block *b = &arena[place_of(i)];
	struct wire_row *row = (void *)(b->data + b->used);

	row->key = (struct wire_key){ .tgid = 5, .tid = tid, .kernel_stack = WIRE_NO_STACK };
	row->samples = tid * 10;
	row->n_user = n_user;
	for (uint32_t k = 0; k < n_user; k++)
		row->addr[k] = tid * 1000 + k;
	b->used += wire_row_bytes(n_user);
	arena[place_of(i & ~1ul)].rows++;
	buckets[place_of(i)].place[0] = wire_place(tid, 0, 0);
	return row;
}

/* Empties set 1, and looks whether it is, and whether the other set is as it was. */
static void empty_arena(void)
{
	const struct wire_bucket nothing = { 0 };

	sampler.n_cpus = 2;
	sampler.blocks_per_cpu = sampler.buckets_per_cpu = 2;
	sampler.arena = arena;
	sampler.buckets = buckets;
	arena[1].used = buckets[1].place[0] = 1;
	sampler_empty_arena(&sampler, &set);
	for (size_t i = 0; i < 4; i++) {
		cr_expect_arr_eq(&arena[place_of(i)], &(struct wire_block){ 0 },
				 offsetof(struct wire_block, data));
		cr_expect_arr_eq(&buckets[place_of(i)], &nothing, sizeof(nothing));
	}
	cr_expect_eq(arena[1].used, 1);
	cr_expect_eq(buckets[1].place[0], 1);
}

Test(drain, hands_the_rows_of_every_cpu_on_and_empties_them)
{
	add_row(0, 1, 3);
	add_row(0, 2, 0);
	add_row(1, 3, WIRE_USER_FRAMES);
	arena[place_of(0)].current = 1;
	arena[place_of(2)].asked = arena[place_of(2)].snapshots = 1;
	arena[place_of(2)].verified = 1;
	empty_arena();
	cr_expect_eq(got.traces, 3);
	cr_expect_eq(got.last.tid, 3);
	cr_expect_eq(got.last.samples, 30);
	cr_expect_eq(got.last.n_user, WIRE_USER_FRAMES);
	cr_expect_eq(got.last.user[WIRE_USER_FRAMES - 1], 3000 + WIRE_USER_FRAMES - 1);
	add_row(2, 4, 1);
	empty_arena();
	cr_expect_eq(got.traces, 4);
	cr_expect_eq(got.last.user[0], 4000);
	empty_arena();
	cr_expect_eq(got.traces, 4);
	cr_expect_eq(got.lost, 0);
}

Test(drain, stops_at_a_row_that_makes_no_sense)
{
	add_row(0, 1, 3);
	add_row(0, 2, 3)->n_user = 8;
	add_row(1, 3, 3);
	empty_arena();
	cr_expect_eq(got.traces, 2);
	cr_expect_eq(got.lost, 1);
	add_row(2, 4, 3)->n_user = UINT32_MAX;
	empty_arena();
	cr_expect_eq(got.traces, 2);
	cr_expect_eq(got.lost, 2);
	add_row(2, 5, 0);
	arena[place_of(2)].used = UINT32_MAX; /* behind the row lies nothing */
	empty_arena();
	cr_expect_eq(got.traces, 3);
	cr_expect_eq(got.last.tid, 5);
	cr_expect_eq(got.lost, 3);
}
