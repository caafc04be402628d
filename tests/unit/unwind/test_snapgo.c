/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots through Go's functions, which its own table describes. */
#include <criterion/criterion.h>

#include "array.h"
#include "cleanup.h"
#include "go_image.h"
#include "snapshot.h"

static struct snapshot_frame frames[1024];

#define GO_STACK   0xc000010000u
#define GO_OTHER   0x7000u /* of another stack, further down */
#define GO_OUTER   0x401021u
#define OUTER_SIZE 6u /* words of main.outer's frame */

struct go_walk {
	uint8_t image[GO_IMAGE_BYTES];
	uint64_t stack[64], other[64];
	struct snapshot_area area;
	struct snapshot snap;
	struct snapshot_trace t;
};

static bool find_go_area(const void *ctx, uint64_t addr, struct snapshot_area *ret)
{
	const struct go_walk *g = ctx;

	if (addr < g->area.start || addr >= g->area.end)
		return false;
	*ret = g->area;
	return true;
}

/* main.leaf, which main.outer called at the bottom of the stack, is where it was interrupted. */
static void go_setup(struct go_walk *g, const struct go_image_kind *kind)
{
	memset(g, 0, sizeof(*g));
	go_image_make(kind, g->image);
	g->area = (struct snapshot_area){ .start = 0x401000,
					  .end = 0x402000,
					  .file_off = 0x1000,
					  .has_object = true,
					  .object = { 1, -1, g->image, sizeof(g->image) } };
	g->snap = (struct snapshot){ .stack_start = GO_STACK,
				     .stack = (const uint8_t *)g->stack,
				     .n_stack = sizeof(g->stack) };
	g->snap.regs.r[SNAPSHOT_RIP] = 0x401044;
	g->snap.regs.r[SNAPSHOT_RSP] = GO_STACK;
	g->snap.regs.r[SNAPSHOT_RBP] = 0x1234; /* nobody's frame */
}

static void go_expect(struct go_walk *g, size_t n, enum snapshot_end end)
{
	const struct snapshot_space space = { find_go_area, g };
	_cleanup_(snapshot_unwinder_freep) struct snapshot_unwinder *u = NULL;

	cr_assert_eq(snapshot_unwinder_new(NULL, &u), 0);
	for (int i = 0; i < 2; i++) { /* what is remembered is as good */
		g->t = (struct snapshot_trace){ .frames = frames, .max = ARRAY_LEN(frames) };
		cr_assert_eq(snapshot_unwind(u, &g->snap, &space, &g->t), 0);
		cr_expect_eq(g->t.end, end, "%s", snapshot_end_text(g->t.end));
		cr_expect_eq(g->t.n_guessed, 0);
		cr_assert_eq(g->t.n, n, "%zu frames", g->t.n);
		cr_expect_eq(frames[0].addr, 0x401044);
		for (size_t k = 1; k < n; k++)
			cr_expect_eq(frames[k].addr, GO_OUTER);
	}
}

Test(snapshot, goes_through_go_by_its_own_table)
{
	for (int i = 0; i < 8; i++) {
		const struct go_image_kind kind = { .layout = (enum go_layout)(i % 4),
						    .relocated = i >= 4,
						    .sections = true };
		struct go_walk g;

		go_setup(&g, &kind);
		for (unsigned k = 0; k < 3; k++)
			g.stack[k * OUTER_SIZE] = GO_OUTER;
		go_expect(&g, 4, SNAPSHOT_END_ROOT);
	}
}

/* main.leaf changes stacks: from then on rbp leads to its caller, on a stack further down. */
Test(snapshot, goes_from_one_stack_to_another)
{
	const struct go_image_kind kind = { .layout = GO_120,
					    .flags = GO_FUNC_SP_WRITE,
					    .sections = true };
	struct go_walk g;

	go_setup(&g, &kind);
	g.snap.regs.r[SNAPSHOT_RBP] = GO_OTHER + 16;
	g.other[3] = GO_OUTER;
	g.other[3 + OUTER_SIZE] = GO_OUTER;
	go_expect(&g, 1, SNAPSHOT_END_SHORT);
	for (size_t i = 0; i < SNAPSHOT_OTHERS; i++) {
		memset(g.snap.others, 0, sizeof(g.snap.others));
		g.snap.others[i] = (struct snapshot_piece){ GO_OTHER, (const uint8_t *)g.other,
							    sizeof(g.other) };
		go_expect(&g, 3, SNAPSHOT_END_ROOT);
	}
	g.snap.others[1].n = 8 * (3 + OUTER_SIZE);
	go_expect(&g, 2, SNAPSHOT_END_SHORT);
}

/* One that says it came from where it is goes nowhere, and ends. */
Test(snapshot, changes_stacks_so_often_and_no_more)
{
	const struct go_image_kind kind = { .layout = GO_120,
					    .flags = GO_FUNC_SP_WRITE,
					    .sections = true };
	struct go_walk g;

	go_setup(&g, &kind);
	g.snap.regs.r[SNAPSHOT_RSP] = GO_STACK + 64;
	g.snap.regs.r[SNAPSHOT_RBP] = GO_STACK;
	g.stack[0] = GO_STACK;
	g.stack[1] = 0x401045;
	g.t = (struct snapshot_trace){ .frames = frames, .max = ARRAY_LEN(frames) };
	for (int i = 0; i < 2; i++) {
		const struct snapshot_space space = { find_go_area, &g };
		_cleanup_(snapshot_unwinder_freep) struct snapshot_unwinder *u = NULL;

		cr_assert_eq(snapshot_unwinder_new(NULL, &u), 0);
		cr_assert_eq(snapshot_unwind(u, &g.snap, &space, &g.t), 0);
		cr_expect_eq(g.t.end, SNAPSHOT_END_LOOP);
		cr_expect_lt(g.t.n, 4);
		g.stack[1] = 0x401044; /* and by a way down each time */
		g.stack[0] = GO_STACK + 8 * (uint64_t)i;
	}
}
