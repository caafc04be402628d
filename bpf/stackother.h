/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Other stacks that a copied one leads to. A thread may run on another stack than its callers: a
 * handler's own, or the one on which Go calls C, and the system. Without tables nobody knows here
 * where a frame keeps the way back, so all words of the first pages are looked at: one of them
 * points to a return address, or is the stack pointer in what the kernel left for a handler. What
 * is unwound in user space does not depend on it: a wrong guess is a copy that nobody asks for.
 */
#pragma once

#include "stack.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct wire_verify);
	__uint(max_entries, 1);
} snapshots SEC(".maps");

/* What an epilogue has popped already is said to be saved below rsp until it returns. */
#define RED_ZONE     128

#define OTHER_WORDS  512 /* of a copy that are looked at */
#define OTHER_RUN    16	 /* … at a time */
#define OTHER_PROBES 48	 /* of these, so many at most where they point to */
#define OTHER_PAGES  3	 /* of another stack that are copied, the first one from where it is */
_Static_assert(OTHER_PAGES *STACK_PAGE == WIRE_OTHER_STACK, "room for them");

/* cs, gs, fs and ss in a signal's frame, all of them user's; rsp lies three words below. */
#define SIGNAL_SEGMENTS 0x002b000000000033ull
#define SIGNAL_TO_RSP	24

static __always_inline struct wire_snapshot *this_snapshot(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct wire_verify *v = bpf_map_lookup_elem(&snapshots, &cpu);

	return v ? &v->snap : NULL;
}

/* Whether there is code at @addr, as far as the process is known. */
static __always_inline bool is_code(const struct work *w, __u64 addr)
{
	__u32 i = find_area(w->space.first, w->space.n, addr);
	struct wire_area *a;

	if (!w->space.n)
		return true;
	if (i - w->space.first >= w->space.n)
		return false;
	a = bpf_map_lookup_elem(&areas, &i);
	return a && addr >= a->start && addr < a->end;
}

/* Whether a call ends in front of @addr: of a constant, or of what is in a register or memory. */
static __always_inline bool follows_call(__u64 addr)
{
	__u8 code[8] = { 0 };

	if (bpf_probe_read_user(code + 1, 7, (void *)(addr - 7)))
		return false;
	if (code[3] == 0xe8)
		return true;
	return (code[6] == 0xff && (code[7] & 0x38) == 0x10) ||
	       (code[5] == 0xff && (code[6] & 0x38) == 0x10) ||
	       (code[4] == 0xff && (code[5] & 0x38) == 0x10) ||
	       (code[2] == 0xff && (code[3] & 0x38) == 0x10) ||
	       (code[1] == 0xff && (code[2] & 0x38) == 0x10);
}

/* Whether a frame pointer could lead to @at: above it is a return address. */
__noinline int is_frame(__u64 at)
{
	struct work *w = this_work();
	__u64 ra;

	if (!w || bpf_probe_read_user(&ra, sizeof(ra), (void *)(at + 8)))
		return 0;
	return is_code(w, ra - 1) && follows_call(ra);
}

/* Whether @addr is worth a look: a word in memory of the process that was not copied. */
static __always_inline bool is_elsewhere(const struct wire_snapshot *s, __u64 addr)
{
	if (addr & 7 || addr < 0x10000 || addr >= 1ull << 47)
		return false;
	for (int i = 0; i < WIRE_SNAPSHOT_OTHERS; i++)
		if (addr - s->other_start[i] < s->n_other[i])
			return false;
	return addr - s->stack_start >= s->n_stack;
}

/*
 * Of some words from byte @off of the copies on, before @end, the address on another stack that one
 * leads to, or 0. A global function, which the verifier walks once and not for all words.
 */
__noinline __u64 find_among(__u32 off, __u32 end)
{
	struct wire_snapshot *s = this_snapshot();
	struct work *w = this_work();

	if (!s || !w || off > WIRE_SNAPSHOT_BYTES - OTHER_RUN * 8 - SIGNAL_TO_RSP)
		return 0;
	for (int i = 0; i < OTHER_RUN; i++) {
		const __u8 *at = &s->stack[off + i * 8];
		__u64 word = *(const __u64 *)at;

		if (off + i * 8 + SIGNAL_TO_RSP + 8 > end)
			break;
		if (*(const __u64 *)(at + SIGNAL_TO_RSP) == SIGNAL_SEGMENTS &&
		    is_elsewhere(s, (word - RED_ZONE) & -8ull))
			return word - RED_ZONE;
		if (!is_elsewhere(s, word))
			continue;
		if (!w->probes)
			break;
		w->probes--; /* in memory: the verifier would follow each value of it */
		if (is_frame(word))
			return word;
	}
	return 0;
}

/* The same of as many words as are looked at. */
static __always_inline __u64 find_other(struct work *w, __u32 off, __u32 end)
{
	__u64 found = 0;

	w->probes = OTHER_PROBES;
	for (int i = 0; i < OTHER_WORDS / OTHER_RUN && !found; i++)
		found = find_among(off + i * OTHER_RUN * 8, end);
	return found;
}

/*
 * Copies the stack at @from to byte @n of the copies, as far as it is there: the number of bytes.
 */
__noinline int copy_other(__u64 from, __u32 n)
{
	struct wire_snapshot *s = this_snapshot();
	__u32 done = 0;

	if (!s)
		return 0;
	for (int i = 0; i < OTHER_PAGES; i++) {
		__u32 size = STACK_PAGE - (from & (STACK_PAGE - 1));

		if (n > WIRE_SNAPSHOT_BYTES - STACK_PAGE || size > STACK_PAGE)
			break;
		if (bpf_probe_read_user(&s->stack[n], size, (void *)from))
			break;
		from += size;
		done += size;
		n += size;
	}
	return done;
}

/* Copies the stacks that the one leads to whose @n bytes are there: the number of bytes of all. */
static __always_inline __u32 take_others(struct work *w, struct wire_snapshot *s, __u32 n)
{
	__u32 from = 0;

	for (int i = 0; i < WIRE_SNAPSHOT_OTHERS; i++) {
		s->other_start[i] = 0;
		s->n_other[i] = 0;
	}
	for (int i = 0; i < WIRE_SNAPSHOT_OTHERS; i++) {
		__u64 at = w->fp;
		__u32 size;

		if (i || !is_elsewhere(s, at) || !is_frame(at))
			at = find_other(w, from, n);
		if (!at)
			break;
		size = copy_other(at, n);
		if (!size)
			break;
		s->other_start[i] = at;
		s->n_other[i] = size;
		from = n;
		n += size;
	}
	return n;
}
