/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwinds snapshots with libunwind, the only file that includes it.
 *
 * libunwind interprets the call frame instructions and applies the rules; everything it sees comes
 * through the accessors below. Finding the instructions is not left to it, for what it does with
 * broken ones ranges from endless loops to reads outside its tables (cfisafe.h): each frame's rule
 * is looked up, checked and rewritten here.
 *
 *	pc ─► area ─► object, ELF address ─► rule (cached by both) ─► unw_step(), once
 *	                                     └ none: frame pointer, if it is sane
 *
 * Each step begins with a new cursor, whose pc is the one of the rule's own address space
 * (snaprule.h). So libunwind's cache, which is by pc and knows neither mappings nor whether an
 * address is exact, is right for all processes, and nothing has to be flushed when one changes.
 * It saves half of the time: without it each frame costs four system calls more, for the signal
 * mask around an allocation.
 */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rowset.h"
#include "snapobject.h"
#include "snaprule.h"

const char *snapshot_end_text(enum snapshot_end end)
{
	static const char *const text[SNAPSHOT_END_MAX] = {
		[SNAPSHOT_END_ROOT] = "complete",
		[SNAPSHOT_END_SHORT] = "stack larger than the snapshot",
		[SNAPSHOT_END_NO_INFO] = "no unwind information",
		[SNAPSHOT_END_BAD_INFO] = "bad unwind information",
		[SNAPSHOT_END_MEMORY] = "unreadable memory",
		[SNAPSHOT_END_UNMAPPED] = "address not mapped",
		[SNAPSHOT_END_LOOP] = "frames do not ascend",
		[SNAPSHOT_END_DEPTH] = "too many frames",
	};

	return (unsigned)end < SNAPSHOT_END_MAX ? text[end] : "unknown";
}

#ifdef __x86_64__

#include <libunwind.h>

/* Exported, but not declared. */
#define search_unwind_table UNW_OBJ(dwarf_search_unwind_table)
extern int search_unwind_table(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di,
			       unw_proc_info_t *pi, int need_unwind_info, void *arg);

#define PAGE_BYTES  4096	  /* of x86-64, whatever is mapped */
#define STACK_REACH (16ull << 20) /* further from the stack pointer is no stack of this thread */
#define MAX_JUMPS   32		  /* to other stacks, or by handlers down the same one */
#define NO_END	    SNAPSHOT_END_MAX

struct snapshot_unwinder {
	struct snap_objects objects;
	struct snap_rules rules;
	unw_addr_space_t as;
	size_t max_frame_reads, max_rules;
	bool has_cache; /* of the wanted size */
};

/* A call of snapshot_unwind(): what the accessors see. */
struct walk {
	struct snapshot_unwinder *u;
	const struct snapshot *s;
	const struct snapshot_space *space;
	struct snapshot_trace *trace;
	struct snapshot_regs regs;  /* of this frame; rip of its rule */
	uint32_t lost;		    /* those that could not be read, one bit each */
	enum snapshot_end why_lost; /* the last of them */
	uint64_t pc, sp;
	bool is_exact;		   /* `pc` is the instruction itself */
	struct snapshot_area area; /* found last; start == end: none */
	struct snap_rule *rule;	   /* of this frame */
	size_t reads;		   /* of this frame */
	enum snapshot_end fault;   /* what went wrong in an accessor, or NO_END */
	struct {
		uint64_t pc, sp;
	} jumps[MAX_JUMPS]; /* where they led */
	size_t n_jumps;
};

/* --- accessors ------------------------------------------------------------------------------ */
static bool find_area(struct walk *w, uint64_t addr)
{
	if (addr >= w->area.start && addr < w->area.end)
		return true;
	w->area = (struct snapshot_area){ 0 };
	if (!w->space->find(w->space->ctx, addr, &w->area))
		return false;
	return addr >= w->area.start && addr < w->area.end;
}

static bool read_piece(const struct snapshot_piece *p, uint64_t addr, uint64_t *ret)
{
	uint64_t off = addr - p->start;

	if (p->n < sizeof(*ret) || off > p->n - sizeof(*ret))
		return false;
	memcpy(ret, p->bytes + off, sizeof(*ret));
	return true;
}

/* Whether @addr is in a page that was not there, between others that are. */
static bool is_absent(const struct snapshot *s, uint64_t addr)
{
	uint64_t page = addr / PAGE_BYTES - s->stack_start / PAGE_BYTES;

	return page < 32 && s->absent >> page & 1;
}

static bool read_stack(const struct walk *w, uint64_t addr, uint64_t *ret)
{
	const struct snapshot *s = w->s;
	const struct snapshot_piece own = { s->stack_start, s->stack, s->n_stack };

	if (!is_absent(s, addr) && !is_absent(s, addr + 7) && read_piece(&own, addr, ret))
		return true;
	for (size_t i = 0; i < SNAPSHOT_OTHERS; i++)
		if (read_piece(&s->others[i], addr, ret))
			return true;
	return false;
}

/* Why @addr, of a stack, was not read. What lies between the stack pointer and the copy was not there
 * when that was made, as what lies between its pages. */
static enum snapshot_end why_not_read(const struct walk *w, uint64_t addr)
{
	const struct snapshot *s = w->s;

	return s->n_stack == 0 || is_absent(s, addr) || is_absent(s, addr + 7) ||
			       (addr >= s->regs.r[SNAPSHOT_RSP] && addr < s->stack_start)
		       ? SNAPSHOT_END_MEMORY
		       : SNAPSHOT_END_SHORT;
}

static bool read_rule(const struct walk *w, uint64_t addr, uint64_t *ret)
{
	uint64_t off = addr - w->rule->base;
	size_t n;

	if (off >= w->rule->n)
		return false;
	n = w->rule->n - off < sizeof(*ret) ? (size_t)(w->rule->n - off) : sizeof(*ret);
	*ret = 0;
	memcpy(ret, w->rule->bytes + off, n);
	return true;
}

/* Constants in the text or beside it. */
static bool read_object(struct walk *w, uint64_t addr, uint64_t *ret)
{
	struct snap_object *o;

	if (!find_area(w, addr) || !w->area.has_object ||
	    snap_objects_get(&w->u->objects, &w->area.object, &o) < 0)
		return false;
	return snap_object_read(&w->u->objects, o, addr - w->area.start + w->area.file_off, ret,
				sizeof(*ret)) == 0;
}

static int access_mem(unw_addr_space_t as, unw_word_t addr, unw_word_t *val, int is_write,
		      void *arg)
{
	struct walk *w = arg;

	(void)as;
	if (is_write)
		return -UNW_EREADONLYREG;
	if (++w->reads > w->u->max_frame_reads) {
		w->fault = SNAPSHOT_END_BAD_INFO;
		return -UNW_EINVAL;
	}
	if (read_rule(w, addr, val) || read_stack(w, addr, val) || read_object(w, addr, val))
		return 0;
	w->fault = addr - w->sp < STACK_REACH || w->rule->changes_stack ? why_not_read(w, addr)
									: SNAPSHOT_END_MEMORY;
	return -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *val, int is_write,
		      void *arg)
{
	struct walk *w = arg;

	(void)as;
	if (is_write)
		return -UNW_EREADONLYREG;
	if (reg < 0 || reg >= SNAPSHOT_REG_MAX)
		return -UNW_EBADREG;
	if (w->lost >> reg & 1) {
		w->fault = w->why_lost;
		return -UNW_EBADREG;
	}
	*val = w->regs.r[reg];
	return 0;
}

_Static_assert(UNW_X86_64_RAX == (int)SNAPSHOT_RAX && UNW_X86_64_RBP == (int)SNAPSHOT_RBP &&
		       UNW_X86_64_R15 == (int)SNAPSHOT_R15 && UNW_X86_64_RIP == (int)SNAPSHOT_RIP,
	       "registers are numbered as in libunwind");

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *val, int is_write,
			void *arg)
{
	(void)as, (void)reg, (void)val, (void)is_write, (void)arg;
	return -UNW_EBADREG;
}

/* Hands over the rule that find_rule() has found for this address. */
static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi,
			  int need_unwind_info, void *arg)
{
	const struct walk *w = arg;
	unw_dyn_info_t di = { .start_ip = ip,
			      .end_ip = ip + 1,
			      .format = UNW_INFO_FORMAT_IP_OFFSET };

	if (ip != w->rule->pc)
		return -UNW_EINVAL;
	di.u.rti.segbase = di.u.rti.table_data = w->rule->base;
	di.u.rti.table_len = SNAP_RULE_TABLE_WORDS;
	return search_unwind_table(as, ip, &di, pi, need_unwind_info, arg);
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
	(void)as, (void)pi, (void)arg;
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *addr, void *arg)
{
	(void)as, (void)addr, (void)arg;
	return -UNW_ENOINFO;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	(void)as, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t ip, char *buf, size_t n, unw_word_t *off,
			 void *arg)
{
	(void)as, (void)ip, (void)buf, (void)n, (void)off, (void)arg;
	return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = get_dyn_info_list_addr,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = access_fpreg,
	.resume = resume,
	.get_proc_name = get_proc_name,
};

/* --- one frame ------------------------------------------------------------------------------ */
/*
 * Code between two functions, as little of it as padding takes, goes by the rule of the one before
 * it, as in the tables of the kernel. clone() has none for a few instructions: whoever waits there
 * for its thread to be made. True and *@ret_vaddr in that function.
 */
static bool find_before_gap(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
			    uint64_t *ret_vaddr)
{
	uint64_t up = 1, down = 1;
	struct cfi_entry e;

	while (up < ROWSET_MIN_GAP && snap_object_find(os, o, vaddr + up, &e) < 0)
		up++;
	for (; up + down <= ROWSET_MIN_GAP; down++) {
		if (snap_object_find(os, o, vaddr - down, &e) < 0)
			continue;
		*ret_vaddr = vaddr - down;
		return true;
	}
	return false;
}

/* Finds w->rule for w->pc in w->area: NO_END, or why there is none. */
static enum snapshot_end find_rule(struct walk *w)
{
	uint64_t pc = w->is_exact ? w->pc : w->pc - 1, vaddr = 0;
	struct snap_object *o = NULL;
	int r;

	if (!w->area.has_object)
		return SNAPSHOT_END_NO_INFO;
	r = snap_objects_get(&w->u->objects, &w->area.object, &o);
	if (r == 0)
		r = snap_object_vaddr(o, pc - w->area.start + w->area.file_off, &vaddr);
	if (r == 0)
		r = snap_rules_find(&w->u->rules, &w->u->objects, o, vaddr, &w->rule);
	if (r == -ENODATA && w->is_exact && find_before_gap(&w->u->objects, o, vaddr, &vaddr))
		r = snap_rules_find(&w->u->rules, &w->u->objects, o, vaddr, &w->rule);
	if (r == 0)
		return NO_END;
	if (r == -ENODATA &&
	    (snap_object_is_entry(o, vaddr) ||
	     (!w->is_exact && snap_object_ends_stack(&w->u->objects, o, vaddr + 1))))
		return SNAPSHOT_END_ROOT;
	return r == -EBADMSG || r == -ENOTSUP ? SNAPSHOT_END_BAD_INFO : SNAPSHOT_END_NO_INFO;
}

/* Takes the caller's registers over from @c. Those that a call may change are kept, unless it is a
 * signal that was no call. */
static void take_registers(struct walk *w, unw_cursor_t *c)
{
	static const uint8_t kept[] = { SNAPSHOT_RBX, SNAPSHOT_RBP, SNAPSHOT_R12,
					SNAPSHOT_R13, SNAPSHOT_R14, SNAPSHOT_R15 };
	struct snapshot_regs regs = w->regs;
	size_t n = w->rule->is_signal ? SNAPSHOT_RIP : sizeof(kept);
	uint32_t lost = 0;

	for (size_t i = 0; i < n; i++) {
		unw_regnum_t reg = (unw_regnum_t)(w->rule->is_signal ? i : kept[i]);

		w->fault = SNAPSHOT_END_BAD_INFO;
		if (unw_get_reg(c, reg, &regs.r[reg]) < 0) {
			lost |= 1u << reg;
			w->why_lost = w->fault;
		}
		if (w->rule->is_partial && reg != SNAPSHOT_RBP) {
			lost |= 1u << reg;
			w->why_lost = SNAPSHOT_END_NO_INFO;
		}
	}
	w->regs = regs;
	w->lost = lost;
}

/* libunwind forgets the wanted size of its cache in the first step, so it is told after that. */
static void size_cache(struct snapshot_unwinder *u)
{
	u->has_cache = true;
	/* Without memory for it, the small one that needs none. */
	if (unw_set_cache_size(u->as, u->max_rules, 0) < 0)
		unw_set_cache_size(u->as, 128, 0);
}

/* Steps by the rule to the caller: NO_END with w->pc and w->sp set, or the end. */
static enum snapshot_end step_by_rule(struct walk *w)
{
	unw_cursor_t c;
	uint64_t pc, sp;
	int r;

	w->regs.r[SNAPSHOT_RIP] = w->rule->pc;
	w->regs.r[SNAPSHOT_RSP] = w->sp;
	w->lost &= ~(1u << SNAPSHOT_RSP);
	w->reads = 0;
	w->fault = NO_END;
	r = unw_init_remote(&c, w->u->as, w);
	if (r == 0)
		r = unw_step(&c);
	else if (r > 0)
		r = -UNW_EUNSPEC;
	if (!w->u->has_cache)
		size_cache(w->u);
	if (r == 0)
		return SNAPSHOT_END_ROOT;
	if (r < 0 || unw_get_reg(&c, UNW_REG_IP, &pc) < 0 || unw_get_reg(&c, UNW_REG_SP, &sp) < 0)
		return w->fault != NO_END ? w->fault : SNAPSHOT_END_BAD_INFO;
	if (pc == 0)
		return SNAPSHOT_END_ROOT;
	take_registers(w, &c);
	w->pc = pc;
	w->sp = sp;
	return NO_END;
}

/* Steps from a leaf whose rbp is still, or again, its caller's: to where @above rsp says. */
static enum snapshot_end step_past_frame_pointer(struct walk *w, int above)
{
	uint64_t at = w->sp + (uint64_t)above, ra;

	if (!read_stack(w, at, &ra))
		return why_not_read(w, at);
	if (ra == 0)
		return SNAPSHOT_END_ROOT;
	w->pc = ra;
	w->sp = at + 8;
	w->trace->n_guessed++;
	return NO_END;
}

/*
 * Steps by the frame pointer, if it points into the stack above the stack pointer and the word
 * above looks like a return address. Else @end, or that the snapshot is too short.
 */
static enum snapshot_end step_by_frame_pointer(struct walk *w, enum snapshot_end end)
{
	uint64_t rbp = w->regs.r[SNAPSHOT_RBP], up, ra;
	int above = w->trace->n == 1 ? leaf_return(&w->s->code) : -1;

	if (above >= 0)
		return step_past_frame_pointer(w, above);
	if (w->lost >> SNAPSHOT_RBP & 1)
		return w->why_lost;
	/* So the ABI marks the outermost frame; a function that was interrupted so keeps no frame pointer. */
	if (rbp == 0)
		return end == SNAPSHOT_END_NO_INFO && !w->is_exact ? SNAPSHOT_END_ROOT : end;
	if (rbp % 8 != 0 || rbp < w->sp || rbp - w->sp >= STACK_REACH)
		return end;
	if (!read_stack(w, rbp, &up) || !read_stack(w, rbp + 8, &ra))
		return why_not_read(w, rbp);
	if (ra == 0)
		return SNAPSHOT_END_ROOT;
	if (!find_area(w, ra - 1))
		return end;
	w->regs.r[SNAPSHOT_RBP] = up;
	w->pc = ra;
	w->sp = rbp + 16;
	w->trace->n_guessed++;
	return NO_END;
}

/*
 * Crossing a signal frame, or a change of stacks, is the only way down: not twice to the same
 * place.
 */
static bool was_here(struct walk *w)
{
	for (size_t i = 0; i < w->n_jumps; i++) {
		if (w->jumps[i].pc == w->pc && w->jumps[i].sp == w->sp)
			return true;
	}
	if (w->n_jumps == MAX_JUMPS)
		return true;
	w->jumps[w->n_jumps].pc = w->pc;
	w->jumps[w->n_jumps++].sp = w->sp;
	return false;
}

/* Goes to the caller of w->pc, whose area is known. */
static enum snapshot_end step(struct walk *w)
{
	uint64_t least = w->sp + !w->is_exact; /* a leaf may have no frame at all: vfork() */
	enum snapshot_end end = find_rule(w);
	bool is_signal = end == NO_END && w->rule->is_signal;
	bool jumps = end == NO_END && w->rule->changes_stack;

	if (end == SNAPSHOT_END_ROOT)
		return end;
	end = end == NO_END ? step_by_rule(w) : step_by_frame_pointer(w, end);
	if (end != NO_END)
		return end;
	jumps = is_signal || (jumps && w->sp < least);
	if (jumps ? was_here(w) : w->sp < least)
		return SNAPSHOT_END_LOOP;
	w->is_exact = is_signal;
	return NO_END;
}

/*
 * Whether a thread begins at the leaf, so that there is no caller yet but perhaps an argument: clone(2)
 * says so in its first instructions. After them @is_lost, that the caller is nowhere, tells it from what
 * returned from that call in the thread's maker. Tables would say so, too, where there are any.
 */
static bool begins_thread(const struct walk *w, bool is_lost)
{
	const uint64_t *r = w->s->regs.r;
	const struct leaf_call call = { r[SNAPSHOT_RAX], r[SNAPSHOT_RCX], r[SNAPSHOT_RDI],
					r[SNAPSHOT_RSI], r[SNAPSHOT_RSP], r[SNAPSHOT_RIP] };

	return w->trace->n == 1 &&
	       (leaf_begins_thread(&call) || (is_lost && leaf_is_after_call(&call)));
}

static enum snapshot_end walk(struct walk *w)
{
	struct snapshot_trace *t = w->trace;
	enum snapshot_end end;

	for (;;) {
		bool is_mapped = find_area(w, w->is_exact ? w->pc : w->pc - 1);

		if (!is_mapped && t->n > 0)
			return begins_thread(w, true) ? SNAPSHOT_END_ROOT : SNAPSHOT_END_UNMAPPED;
		if (t->n == t->max)
			return SNAPSHOT_END_DEPTH;
		t->frames[t->n++] = (struct snapshot_frame){ w->pc, w->is_exact };
		if (begins_thread(w, false))
			return SNAPSHOT_END_ROOT;
		if (!is_mapped)
			return SNAPSHOT_END_UNMAPPED;
		end = step(w);
		if (end != NO_END)
			return end;
	}
}

int snapshot_unwind(struct snapshot_unwinder *u, const struct snapshot *s,
		    const struct snapshot_space *space, struct snapshot_trace *trace)
{
	struct walk w = { .u = u,
			  .s = s,
			  .space = space,
			  .trace = trace,
			  .regs = s->regs,
			  .pc = s->regs.r[SNAPSHOT_RIP],
			  .sp = s->regs.r[SNAPSHOT_RSP],
			  .is_exact = true,
			  .fault = NO_END };

	if (trace->max == 0)
		return -EINVAL;
	trace->n = trace->n_guessed = 0;
	trace->end = walk(&w);
	return 0;
}

/* --- the unwinder --------------------------------------------------------------------------- */
int snapshot_unwinder_new(const struct snapshot_opts *opts, struct snapshot_unwinder **ret)
{
	static const struct snapshot_opts defaults;
	const struct snapshot_opts *o = opts ? opts : &defaults;
	struct snapshot_unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->objects.max = o->max_objects ? o->max_objects : 512;
	u->objects.max_bytes = o->max_bytes ? o->max_bytes : 32u << 20;
	u->max_frame_reads = o->max_frame_reads ? o->max_frame_reads : 256u << 10;
	u->as = unw_create_addr_space(&accessors, 0);
	u->max_rules = o->max_rules ? o->max_rules : 4096;
	if (!u->as || snap_rules_init(&u->rules, u->max_rules) < 0) {
		snapshot_unwinder_free(u);
		return -ENOMEM;
	}
	unw_set_caching_policy(u->as, UNW_CACHE_GLOBAL);
	*ret = u;
	return 0;
}

void snapshot_unwinder_free(struct snapshot_unwinder *u)
{
	if (!u)
		return;
	if (u->as) {
		/* An address space leaves the memory of its cache behind: little of it, then. */
		if (u->has_cache)
			unw_set_cache_size(u->as, 1, 0);
		unw_destroy_addr_space(u->as);
	}
	snap_rules_done(&u->rules);
	snap_objects_done(&u->objects);
	free(u);
}

void snapshot_unwinder_stats(const struct snapshot_unwinder *u, struct snapshot_stats *ret)
{
	*ret = (struct snapshot_stats){ .rule_hits = u->rules.hits,
					.rule_misses = u->rules.misses,
					.object_loads = u->objects.loads,
					.object_evictions = u->objects.evictions,
					.file_reads = u->objects.file_reads,
					.objects = u->objects.n,
					.bytes = u->objects.bytes,
					.rule_bytes = u->rules.bytes };
}

#else /* other machines have other registers */

int snapshot_unwinder_new(const struct snapshot_opts *opts, struct snapshot_unwinder **ret)
{
	(void)opts, (void)ret;
	return -ENOTSUP;
}

void snapshot_unwinder_free(struct snapshot_unwinder *u)
{
	(void)u;
}

int snapshot_unwind(struct snapshot_unwinder *u, const struct snapshot *s,
		    const struct snapshot_space *space, struct snapshot_trace *trace)
{
	(void)u, (void)s, (void)space, (void)trace;
	return -ENOTSUP;
}

void snapshot_unwinder_stats(const struct snapshot_unwinder *u, struct snapshot_stats *ret)
{
	(void)u;
	*ret = (struct snapshot_stats){ 0 };
}

#endif
