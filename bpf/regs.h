/* SPDX-License-Identifier: GPL-2.0-only */
/* The registers with which user code was left: at the tick, or when it entered the kernel. */
#pragma once

#include <stdbool.h>

#include <linux/bpf_perf_event.h>

#include "walk.h"

#if defined(__TARGET_ARCH_x86) || defined(__x86_64__)

#define USER_CS 0x33 /* 64-bit user code; a 32-bit process has 0x23 */

static __always_inline void take_regs(struct work *w, const struct pt_regs *r)
{
	w->pc = r->rip;
	w->sp = r->rsp;
	w->fp = r->rbp;
	w->regs[0] = r->rax;
	w->regs[1] = r->rdx;
	w->regs[2] = r->rcx;
	w->regs[3] = r->rbx;
	w->regs[4] = r->rsi;
	w->regs[5] = r->rdi;
	w->regs[8] = r->r8;
	w->regs[9] = r->r9;
	w->regs[10] = r->r10;
	w->regs[11] = r->r11;
	w->regs[12] = r->r12;
	w->regs[13] = r->r13;
	w->regs[14] = r->r14;
	w->regs[15] = r->r15;
}

#define SYSCALL_MUNMAP	 11
#define SYSCALL_EXECVE	 59
#define SYSCALL_EXIT	 60
#define SYSCALL_EXECVEAT 322

/* Whether the system call is execve(2) or execveat(2). */
static __always_inline bool is_exec(const struct pt_regs *r)
{
	return r->orig_rax == SYSCALL_EXECVE || r->orig_rax == SYSCALL_EXECVEAT;
}

/*
 * The registers that the entry to the kernel saved: struct pt_regs at the top of the task's stack,
 * below 16 bytes more on CPUs with FRED. bpf_task_pt_regs() would tell, but is younger than 5.10.
 */
static __always_inline int saved_regs(struct work *w, struct pt_regs *ret)
{
	__u64 stack, end;

	if (!layout.task_stack ||
	    read_kernel_word(bpf_get_current_task() + layout.task_stack, &stack))
		return WIRE_END_REGS;
	w->kernel_stack = stack;
	end = stack + layout.stack_size;
	for (int padding = 0; padding <= 16; padding += 16) {
		if (bpf_probe_read_kernel(ret, sizeof(*ret),
					  (void *)(end - padding - sizeof(*ret))))
			return WIRE_END_REGS;
		/* Threads that the kernel made for a process, as io_uring's, have a copy of its
		 * registers, but for these. */
		if ((__u16)ret->cs == USER_CS)
			return ret->rip || ret->rsp ? 0 : WIRE_END_ABSENT;
	}
	return ret->cs ? WIRE_END_REGS : WIRE_END_ABSENT; /* a kernel thread's are all 0 */
}

/* What the leaf's registers, by their DWARF numbers, tell of the system call that returned last. */
static __always_inline struct leaf_call last_call(const struct work *w)
{
	return (struct leaf_call){ w->regs[0], w->regs[2], w->regs[5], w->regs[4], w->sp, w->pc };
}

/* Whether a thread begins at the leaf, which has no caller yet. */
static __always_inline bool begins_thread(const struct work *w)
{
	const struct leaf_call c = last_call(w);

	return leaf_begins_thread(&c);
}

/*
 * Whether the user stack ends for @end because it is the thread's no longer: one that ends may unmap it
 * itself, and once the kernel has told others of the end, they do, or give it to the next thread. What is
 * lost then is nowhere, so it is not counted as cut.
 */
static __always_inline bool has_left_stack(const struct work *w, __u32 end)
{
	const struct leaf_call c = last_call(w);

	if (w->syscall == SYSCALL_EXIT)
		return end == WIRE_END_READ || end == WIRE_END_MAPPING;
	return end == WIRE_END_READ && w->n_user == 1 &&
	       (w->syscall == SYSCALL_MUNMAP || leaf_is_after_call(&c));
}

#endif

/* A task that exits has given its memory back: it has registers still, but no stack. */
static __always_inline bool has_no_memory(void)
{
	__u32 off = layout.task_mm;
	__u64 mm;

	return off && !read_kernel_word(bpf_get_current_task() + off, &mm) && !mm;
}

/* Fills @w's registers. 0, or the enum wire_end that says why there are none. */
static __noinline int user_regs(struct bpf_perf_event_data *ctx, struct work *w, bool in_user)
{
	struct pt_regs regs;
	int r;

	w->kernel_stack = w->replaced = w->old_page = 0;
	if (in_user) {
		if ((__u16)ctx->regs.cs != USER_CS)
			return WIRE_END_REGS;
		take_regs(w, &ctx->regs);
		w->syscall = 0; /* read(2), of which nobody asks */
		return 0;
	}
	r = has_no_memory() ? WIRE_END_ABSENT : saved_regs(w, &regs);
	if (r)
		return r;
	take_regs(w, &regs);
	w->syscall = regs.orig_rax;
	if (is_exec(&regs))
		w->key.flags |= WIRE_IN_EXEC;
	return 0;
}
