/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of this thread, whose chain of calls is known. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "snapchain.h"
#include "snapprocess.h"
#include "snapshot.h"

#define STACK_MAX (8u << 20)

static struct snapshot_frame frames[1024];

struct own {
	struct snapshot_unwinder *u;
	struct snapprocess p;
	size_t max_stack, max_frames;
	struct snapshot_trace t;
};

__attribute__((noinline)) static void take(struct snapchain *c)
{
	struct own *o = c->arg;
	struct snapshot_space space;

	cr_assert_eq(snapprocess_open(0, &o->p), 0);
	cr_assert_eq(snapprocess_take_self(&o->p, o->max_stack), 0);
	space = snapprocess_space(&o->p);
	o->t = (struct snapshot_trace){ .frames = frames, .max = o->max_frames };
	cr_assert_eq(snapshot_unwind(o->u, &o->p.snap, &space, &o->t), 0);
}

static void own_setup(struct own *o, size_t max_stack, size_t max_frames)
{
	*o = (struct own){ .max_stack = max_stack, .max_frames = max_frames };
	cr_assert_eq(snapshot_unwinder_new(NULL, &o->u), 0);
}

static void own_done(struct own *o)
{
	snapprocess_done(&o->p);
	snapshot_unwinder_free(o->u);
}

Test(snapshot, own_chain)
{
	struct snapchain c = { .at_end = take };
	struct own o;

	own_setup(&o, STACK_MAX, ARRAY_LEN(frames));
	c.arg = &o;
	snapchain_call(&c);
	cr_assert_eq(o.t.end, SNAPSHOT_END_ROOT, "%s after %zu frames", snapshot_end_text(o.t.end),
		     o.t.n);
	cr_assert_eq(c.n, 5);
	cr_assert_gt(o.t.n, 3 + c.n);
	/* 0 is snapprocess_take_self(), 1 is take(), 2 innermost(). */
	for (size_t i = 0; i < c.n; i++)
		cr_expect_eq(frames[3 + i].addr, c.ret[i], "frame %zu", 3 + i);
	for (size_t i = 0; i < o.t.n; i++)
		cr_expect_eq(frames[i].is_exact, i == 0);
	cr_expect_eq(o.t.n_guessed, 0);
	own_done(&o);
}

static struct snapchain *coroutine_chain;
static ucontext_t coroutine_caller;

static void coroutine(void)
{
	snapchain_call(coroutine_chain);
	coroutine_chain = NULL; /* so that it is no jump */
}

Test(snapshot, coroutine)
{
	struct own o;
	struct snapchain c = { .at_end = take, .arg = &o };
	static char stack[256 << 10];
	ucontext_t context;

	own_setup(&o, sizeof(stack) / 2, ARRAY_LEN(frames));
	coroutine_chain = &c;
	cr_assert_eq(getcontext(&context), 0);
	context.uc_stack.ss_sp = stack;
	context.uc_stack.ss_size = sizeof(stack);
	context.uc_link = &coroutine_caller;
	makecontext(&context, coroutine, 0);
	cr_assert_eq(swapcontext(&coroutine_caller, &context), 0);
	cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT, "%s after %zu frames", snapshot_end_text(o.t.end),
		     o.t.n);
	/* As above, and below the chain are snapchain_call(), coroutine() and what it returns to.
	 */
	cr_expect_eq(o.t.n, 3 + c.n + 1, "%zu frames", o.t.n);
	own_done(&o);
}

/* A stack of this thread, whole: what others are compared with. */
static void own_whole(struct own *o, struct snapshot_frame *copy)
{
	struct snapchain c = { .at_end = take, .arg = o };

	own_setup(o, STACK_MAX, ARRAY_LEN(frames));
	snapchain_call(&c);
	cr_assert_eq(o->t.end, SNAPSHOT_END_ROOT);
	memcpy(copy, frames, o->t.n * sizeof(*copy));
}

static void unwind_again(struct own *o, const struct snapshot_space *space, size_t max)
{
	o->t = (struct snapshot_trace){ .frames = frames, .max = max };
	cr_assert_eq(snapshot_unwind(o->u, &o->p.snap, space, &o->t), 0);
}

static void expect_prefix(const struct own *o, const struct snapshot_frame *whole)
{
	for (size_t i = 0; i < o->t.n; i++)
		cr_expect_eq(o->t.frames[i].addr, whole[i].addr, "frame %zu", i);
}

Test(snapshot, truncated)
{
	struct snapshot_frame whole[64];
	struct own o;
	size_t n, all;

	own_whole(&o, whole);
	n = o.t.n;
	all = o.p.snap.n_stack;
	for (size_t bytes = 0; bytes < 2048; bytes += bytes < 256 ? 1 : 37) {
		const struct snapshot_space space = snapprocess_space(&o.p);

		o.p.snap.n_stack = bytes < all ? bytes : all;
		unwind_again(&o, &space, ARRAY_LEN(frames));
		cr_expect_lt(o.t.n, n, "%zu bytes", bytes);
		/* Without a byte, the stack could not be read at all. */
		cr_expect_eq(o.t.end, bytes ? SNAPSHOT_END_SHORT : SNAPSHOT_END_MEMORY,
			     "%zu bytes: %s", bytes, snapshot_end_text(o.t.end));
		expect_prefix(&o, whole);
	}
	own_done(&o);
}

/* The page with the stack pointer was not there, only those above it. */
Test(snapshot, without_its_lowest_page)
{
	struct snapshot_frame whole[64];
	struct own o;

	own_whole(&o, whole);
	do {
		const struct snapshot_space space = snapprocess_space(&o.p);

		cr_assert_gt(o.p.snap.n_stack, 64);
		o.p.snap.stack += 64;
		o.p.snap.stack_start += 64;
		o.p.snap.n_stack -= 64;
		unwind_again(&o, &space, ARRAY_LEN(frames));
	} while (o.t.end == SNAPSHOT_END_ROOT);
	cr_expect_eq(o.t.end, SNAPSHOT_END_MEMORY, "%s", snapshot_end_text(o.t.end));
	expect_prefix(&o, whole);
	own_done(&o);
}

/* What lies above pages that were not there is unwound; what lies in them is not made up. */
Test(snapshot, with_pages_that_were_not_there)
{
	const uint64_t page = 4096;
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	space = snapprocess_space(&o.p);
	/* All of this stack is needed, and some page above it is not. */
	o.p.snap.absent = 0xffffffff;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.n, 1);
	cr_expect_eq(o.t.end, SNAPSHOT_END_MEMORY, "%s", snapshot_end_text(o.t.end));
	o.p.snap.absent = 1u << (o.p.snap.n_stack / page + 1);
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.n, n);
	cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT);
	expect_prefix(&o, whole);
	own_done(&o);
}

Test(snapshot, depth)
{
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	space = snapprocess_space(&o.p);
	for (size_t max = 1; max < n; max++) {
		unwind_again(&o, &space, max);
		cr_expect_eq(o.t.n, max);
		cr_expect_eq(o.t.end, SNAPSHOT_END_DEPTH);
		expect_prefix(&o, whole);
	}
	unwind_again(&o, &space, n);
	cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT);
	o.t.max = 0;
	cr_expect_eq(snapshot_unwind(o.u, &o.p.snap, &space, &o.t), -EINVAL);
	own_done(&o);
}

static bool find_nothing(const void *ctx, uint64_t addr, struct snapshot_area *ret)
{
	(void)ctx, (void)addr, (void)ret;
	return false;
}

Test(snapshot, unmapped)
{
	const struct snapshot_space empty = { find_nothing, NULL };
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct own o;

	own_whole(&o, whole);
	unwind_again(&o, &empty, ARRAY_LEN(frames));
	cr_expect_eq(o.t.n, 1);
	cr_expect_eq(o.t.end, SNAPSHOT_END_UNMAPPED);
	space = snapprocess_space(&o.p);
	o.p.snap.regs.r[SNAPSHOT_RIP] = 0;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.n, 1);
	cr_expect_eq(o.t.end, SNAPSHOT_END_UNMAPPED);
	own_done(&o);
}

/* --- by the frame pointer ------------------------------------------------------------------- */
/* The program is without unwind information; the libraries have theirs. */
static bool find_as_jit(const void *ctx, uint64_t addr, struct snapshot_area *ret)
{
	const struct snapprocess *p = ctx;
	const struct snapshot_space space = snapprocess_space(p);

	if (!space.find(space.ctx, addr, ret))
		return false;
	if (addr - ret->start < ret->end - ret->start &&
	    (uint64_t)(uintptr_t)&find_as_jit - ret->start < ret->end - ret->start)
		ret->has_object = false;
	return true;
}

__attribute__((noinline)) static void with_frame_pointer(struct snapchain *c, int depth)
{
	if (depth)
		with_frame_pointer(c, depth - 1);
	else
		take(c);
	__asm__ volatile("" ::: "memory");
}

Test(snapshot, frame_pointer)
{
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct snapchain c = { 0 };
	struct own o;
	size_t n;

	own_setup(&o, STACK_MAX, ARRAY_LEN(frames));
	c.arg = &o;
	with_frame_pointer(&c, 10);
	cr_assert_eq(o.t.end, SNAPSHOT_END_ROOT);
	n = o.t.n;
	memcpy(whole, frames, n * sizeof(*whole));
	space = (struct snapshot_space){ find_as_jit, &o.p };
	unwind_again(&o, &space, ARRAY_LEN(frames));
	expect_prefix(&o, whole);
	/* Down to the program's _start, which has no frame and says so by rbp == 0. */
	cr_expect_eq(o.t.n, n);
	cr_expect_geq(o.t.n_guessed, 12);
	cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT, "%s", snapshot_end_text(o.t.end));

	o.p.snap.regs.r[SNAPSHOT_RBP] += 1;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.n, 1);
	cr_expect_eq(o.t.end, SNAPSHOT_END_NO_INFO);
	o.p.snap.regs.r[SNAPSHOT_RBP] = o.p.snap.regs.r[SNAPSHOT_RSP] - 8;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.end, SNAPSHOT_END_NO_INFO);
	o.p.snap.regs.r[SNAPSHOT_RBP] = o.p.snap.stack_start + o.p.snap.n_stack - 8;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.end, SNAPSHOT_END_SHORT);
	own_done(&o);
}

/* --- leaves that are no ordinary functions -------------------------------------------------- */
/*
 * As in glibc: vfork() takes its return address off the stack, so that its caller's frame is no
 * higher than its own; clone() is without unwind information for a few instructions.
 */
__asm__(".text\n"
	".type like_vfork, @function\n"
	"like_vfork:\n"
	"	.cfi_startproc\n"
	"	pop %rdi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_register %rip, %rdi\n"
	"in_vfork:\n"
	"	jmp *%rdi\n"
	"	.cfi_endproc\n"
	".type like_clone, @function\n"
	"like_clone:\n"
	"	.cfi_startproc\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"in_clone:\n"
	"	.fill 15, 1, 0x90\n"
	"	.cfi_startproc\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"behind_clone:\n"
	"	.fill 16, 1, 0x90\n"
	"	.cfi_startproc\n"
	"	ret\n"
	"	.cfi_endproc\n");
extern const char in_vfork[], in_clone[], behind_clone[];

/* Has the leaf of @o, whose stack is @whole, call code at @pc that has not moved the stack yet. */
static void call_leaf(struct own *o, const char *pc, bool has_pushed)
{
	const struct snapshot_space space = snapprocess_space(&o->p);
	struct snapshot *s = &o->p.snap;
	uint64_t ret = s->regs.r[SNAPSHOT_RIP] + 1;

	if (has_pushed) {
		s->regs.r[SNAPSHOT_RSP] -= 8;
		memcpy(o->p.stack + (s->regs.r[SNAPSHOT_RSP] - s->stack_start), &ret, 8);
	}
	s->regs.r[SNAPSHOT_RDI] = ret;
	s->regs.r[SNAPSHOT_RIP] = (uint64_t)(uintptr_t)pc;
	unwind_again(o, &space, ARRAY_LEN(frames));
}

static void expect_called(const struct own *o, const struct snapshot_frame *whole, size_t n)
{
	cr_assert_eq(o->t.n, n + 1, "%zu frames: %s", o->t.n, snapshot_end_text(o->t.end));
	cr_expect_eq(o->t.end, SNAPSHOT_END_ROOT);
	cr_expect_eq(o->t.frames[1].addr, whole[0].addr + 1);
	for (size_t i = 1; i < n; i++)
		cr_expect_eq(o->t.frames[i + 1].addr, whole[i].addr, "frame %zu", i + 1);
	cr_expect_eq(o->t.n_guessed, 0);
}

Test(snapshot, leaf_without_a_frame)
{
	struct snapshot_frame whole[64];
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	call_leaf(&o, in_vfork, false);
	expect_called(&o, whole, n);
	own_done(&o);
}

Test(snapshot, leaf_between_two_functions)
{
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	call_leaf(&o, in_clone, true);
	expect_called(&o, whole, n);
	o.p.snap.regs.r[SNAPSHOT_RIP] += 14;
	space = snapprocess_space(&o.p);
	unwind_again(&o, &space, ARRAY_LEN(frames));
	expect_called(&o, whole, n);
	/* More than padding takes is nobody's. */
	for (uint64_t i = 0; i < 16; i++) {
		o.p.snap.regs.r[SNAPSHOT_RIP] = (uint64_t)(uintptr_t)behind_clone + i;
		unwind_again(&o, &space, ARRAY_LEN(frames));
		cr_expect(o.t.n_guessed || o.t.n == 1, "%lu bytes behind", (unsigned long)i);
	}
	own_done(&o);
}

/* The leaf of @o is code to which a system call has just returned @result, @n bytes before. */
static void return_to_clone(struct own *o, uint64_t result, uint64_t n)
{
	uint64_t *r = o->p.snap.regs.r;

	r[SNAPSHOT_RAX] = result;
	r[SNAPSHOT_RCX] = (uint64_t)(uintptr_t)in_clone - n;
}

/*
 * clone(2) has returned to code without a frame, which calls what it finds in a register: in the
 * thread that was made there is no caller, but an argument.
 */
Test(snapshot, leaf_of_a_new_thread)
{
	struct snapshot_frame whole[64];
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	for (uint64_t i = 0; i <= 20; i += 4) {
		struct snapshot *s = &o.p.snap;
		uint64_t sp = s->regs.r[SNAPSHOT_RSP], pc = s->regs.r[SNAPSHOT_RIP];

		return_to_clone(&o, 1, i); /* its maker, which has a caller */
		call_leaf(&o, in_clone, true);
		cr_expect_eq(o.t.n, n + 1);
		return_to_clone(&o, 0, i);
		memcpy(o.p.stack + (s->regs.r[SNAPSHOT_RSP] - s->stack_start), &sp, 8);
		call_leaf(&o, in_clone, false);
		cr_expect_eq(o.t.n, 1);
		cr_expect_eq(o.t.end, i > 16 ? SNAPSHOT_END_UNMAPPED : SNAPSHOT_END_ROOT, "%s",
			     snapshot_end_text(o.t.end));
		s->regs.r[SNAPSHOT_RSP] = sp;
		s->regs.r[SNAPSHOT_RIP] = pc;
	}
	own_done(&o);
}

#define CLONE_OF_A_THREAD   0x3d0f00
#define CLONE_OF_A_SPAWN    0x4111 /* CLONE_VM, CLONE_VFORK */
#define CLONE_OF_A_PROCESS  0x1200011
#define FILE_OF_A_BIG_TABLE 0x1ff /* fstat(2), to where the stack ends */

/* What lies on its stack may be the address of a function. */
Test(snapshot, leaf_of_a_new_thread_by_what_it_was_made_with)
{
	static const struct {
		uint64_t result, flags, above;
		bool begins;
	} calls[] = {
		{ 0, CLONE_OF_A_THREAD, 0, true },    { 0, CLONE_OF_A_SPAWN, 0, true },
		{ 1, CLONE_OF_A_THREAD, 0, false },   { 0, CLONE_OF_A_THREAD, 8, false },
		{ 0, FILE_OF_A_BIG_TABLE, 0, false }, { 0, CLONE_OF_A_PROCESS, 0, false },
	};
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	call_leaf(&o, in_clone, true);
	space = snapprocess_space(&o.p);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		uint64_t *r = o.p.snap.regs.r;

		return_to_clone(&o, calls[i].result, 4);
		r[SNAPSHOT_RDI] = calls[i].flags;
		r[SNAPSHOT_RSI] = r[SNAPSHOT_RSP] + calls[i].above;
		unwind_again(&o, &space, ARRAY_LEN(frames));
		cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT);
		cr_expect_eq(o.t.n, calls[i].begins ? 1 : n + 1, "call %zu", i);
	}
	own_done(&o);
}

/* Code that keeps frame pointers and has no table, and is at a function's first instruction. */
Test(snapshot, leaf_before_its_frame)
{
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct snapchain c = { 0 };
	struct own o;
	size_t n;

	own_setup(&o, STACK_MAX, ARRAY_LEN(frames));
	c.arg = &o;
	with_frame_pointer(&c, 10);
	space = (struct snapshot_space){ find_as_jit, &o.p };
	unwind_again(&o, &space, ARRAY_LEN(frames));
	n = o.t.n;
	memcpy(whole, frames, n * sizeof(*whole));
	call_leaf(&o, in_clone, true);
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.n, n, "without its code its caller is missed");
	o.p.snap.code.at[0] = CODE_PUSH_RBP;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_assert_eq(o.t.n, n + 1, "%zu frames", o.t.n);
	cr_expect_eq(o.t.frames[1].addr, whole[0].addr + 1);
	for (size_t i = 1; i < n; i++)
		cr_expect_eq(o.t.frames[i + 1].addr, whole[i].addr, "frame %zu", i + 1);
	cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT);
	o.p.snap.n_stack = o.p.snap.regs.r[SNAPSHOT_RSP] - o.p.snap.stack_start;
	unwind_again(&o, &space, ARRAY_LEN(frames));
	cr_expect_eq(o.t.end, SNAPSHOT_END_SHORT);
	own_done(&o);
}

/* --- objects -------------------------------------------------------------------------------- */
Test(snapshot, budget)
{
	const struct snapshot_opts opts = { .max_bytes = 64 << 10,
					    .max_objects = 2,
					    .max_rules = 16 };
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct snapshot_stats stats;
	struct own o;
	size_t n;

	own_whole(&o, whole);
	n = o.t.n;
	space = snapprocess_space(&o.p);
	snapshot_unwinder_free(o.u);
	cr_assert_eq(snapshot_unwinder_new(&opts, &o.u), 0);
	for (int i = 0; i < 20; i++) {
		unwind_again(&o, &space, ARRAY_LEN(frames));
		cr_expect_eq(o.t.n, n);
		cr_expect_eq(o.t.end, SNAPSHOT_END_ROOT);
		expect_prefix(&o, whole);
		snapshot_unwinder_stats(o.u, &stats);
		cr_expect_leq(stats.bytes, opts.max_bytes + (32 << 10));
		cr_expect_leq(stats.objects, 2);
	}
	cr_expect_gt(stats.object_evictions, 0);
	own_done(&o);
}

Test(snapshot, warm)
{
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct snapshot_stats a, b;
	struct own o;

	own_whole(&o, whole);
	space = snapprocess_space(&o.p);
	snapshot_unwinder_stats(o.u, &a);
	unwind_again(&o, &space, ARRAY_LEN(frames));
	snapshot_unwinder_stats(o.u, &b);
	cr_expect_eq(b.rule_misses, a.rule_misses);
	cr_expect_eq(b.file_reads, a.file_reads);
	cr_expect_eq(b.rule_hits - a.rule_hits, o.t.n);
	own_done(&o);
}

/* Files that are not there, empty, or cut off: frame pointers remain. */
Test(snapshot, bad_files)
{
	_cleanup_fclose_ FILE *cut = tmpfile();
	struct snapshot_frame whole[64];
	struct snapshot_space space;
	struct own o;
	char head[5000];
	int program;

	own_whole(&o, whole);
	space = snapprocess_space(&o.p);
	program = o.p.areas.items[0].object.fd;
	cr_assert_not_null(cut);
	for (int kind = 0; kind < 4; kind++) {
		snapshot_unwinder_free(o.u);
		cr_assert_eq(snapshot_unwinder_new(NULL, &o.u), 0);
		if (kind == 2) {
			cr_assert_eq(pread(program, head, sizeof(head), 0), sizeof(head));
			cr_assert_eq(fwrite(head, sizeof(head), 1, cut), 1);
			fflush(cut);
		}
		array_each(&o.p.areas, a) {
			a->object.bytes = kind == 3 ? (const uint8_t *)head : NULL;
			a->object.n_bytes = kind == 3 ? 100 : 0;
			a->object.fd = kind == 0 ? -1 : fileno(cut);
		}
		unwind_again(&o, &space, ARRAY_LEN(frames));
		cr_expect_geq(o.t.n, 1);
		cr_expect_neq(o.t.end, SNAPSHOT_END_DEPTH);
	}
	own_done(&o);
}

Test(snapshot, end_texts)
{
	for (int i = 0; i < SNAPSHOT_END_MAX; i++)
		cr_expect(strlen(snapshot_end_text((enum snapshot_end)i)) > 3);
	cr_expect_str_eq(snapshot_end_text(SNAPSHOT_END_MAX), "unknown");
}
