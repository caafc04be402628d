/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two sides share no method: libdw gives its answer as DWARF operations, which are run here on
 * a stack machine over made-up registers and memory; ours is applied by the functions of
 * unwind_row.h. What is compared is the three numbers that come out: CFA, return address, frame
 * pointer.
 */
#include "agree.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hash.h"
#include "unwind.h"

#define LOST UINT64_C(0xdeaddeaddeaddead) /* value of an undefined register */
#define RBP  6
#define RSP  7
#define RIP  16

/* Registers and memory: any fixed numbers will do. */
static uint64_t reg_value(unsigned reg, uint64_t pc)
{
	return reg == RIP ? pc : hash_add(0x5eed, reg) & ~UINT64_C(15);
}

static uint64_t memory(uint64_t addr)
{
	return hash_u64(addr);
}

struct machine {
	uint64_t stack[16];
	unsigned n;
	uint64_t pc, cfa;
	bool is_value;
};

static bool binary(struct machine *m, uint8_t op)
{
	uint64_t b, *a;

	if (m->n < 2)
		return false;
	b = m->stack[--m->n];
	a = &m->stack[m->n - 1];
	switch (op) {
	case DW_OP_plus:
		*a += b;
		return true;
	case DW_OP_minus:
		*a -= b;
		return true;
	case DW_OP_mul:
		*a *= b;
		return true;
	case DW_OP_and:
		*a &= b;
		return true;
	case DW_OP_shl:
		*a <<= b;
		return true;
	case DW_OP_ge:
		*a = (int64_t)*a >= (int64_t)b;
		return true;
	default:
		return false;
	}
}

static bool run_op(struct machine *m, const Dwarf_Op *op)
{
	uint64_t *push = &m->stack[m->n];

	if (m->n == 15)
		return false;
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		*push = op->atom - DW_OP_lit0;
	} else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		*push = reg_value(op->atom - DW_OP_breg0, m->pc) + op->number;
	} else if (op->atom == DW_OP_bregx) {
		*push = reg_value((unsigned)op->number, m->pc) + op->number2;
	} else if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		*push = reg_value(op->atom - DW_OP_reg0, m->pc);
		m->is_value = true;
	} else if (op->atom == DW_OP_regx) {
		*push = reg_value((unsigned)op->number, m->pc);
		m->is_value = true;
	} else if (op->atom >= DW_OP_const1u && op->atom <= DW_OP_consts) {
		*push = op->number;
	} else if (op->atom == DW_OP_call_frame_cfa) {
		*push = m->cfa;
	} else if (op->atom == DW_OP_stack_value) {
		m->is_value = true;
		return true;
	} else if (m->n && op->atom == DW_OP_plus_uconst) {
		m->stack[m->n - 1] += op->number;
		return true;
	} else if (m->n && op->atom == DW_OP_deref) {
		m->stack[m->n - 1] = memory(m->stack[m->n - 1]);
		return true;
	} else {
		return binary(m, op->atom);
	}
	m->n++;
	return true;
}

/* Runs @ops; a place in memory is read. */
static bool run(const Dwarf_Op *ops, size_t n, uint64_t pc, uint64_t cfa, bool is_place,
		uint64_t *ret)
{
	struct machine m = { .pc = pc, .cfa = cfa };

	for (size_t i = 0; i < n; i++) {
		if (!run_op(&m, &ops[i]))
			return false;
	}
	if (m.n == 0)
		return false;
	*ret = m.stack[m.n - 1];
	if (is_place && !m.is_value)
		*ret = memory(*ret);
	return true;
}

struct answer {
	bool is_root, is_signal;
	uint64_t cfa, ra, fp;
};

static bool libdw_register(Dwarf_Frame *frame, int reg, uint64_t pc, uint64_t cfa, uint64_t *ret)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &ops, &n) < 0)
		return false;
	if (n == 0) {
		*ret = ops == mem ? LOST : reg_value((unsigned)reg, pc);
		return true;
	}
	return run(ops, n, pc, cfa, true, ret);
}

static bool libdw_answer(Dwarf_Frame *frame, uint64_t pc, struct answer *ret)
{
	Dwarf_Addr start, end;
	bool is_signal;
	Dwarf_Op *ops;
	size_t n;
	int ra = dwarf_frame_info(frame, &start, &end, &is_signal);

	ret->is_signal = is_signal;
	if (ra < 0 || dwarf_frame_cfa(frame, &ops, &n) < 0 || n == 0 ||
	    !run(ops, n, pc, 0, false, &ret->cfa))
		return false;
	if (!libdw_register(frame, ra, pc, ret->cfa, &ret->ra) ||
	    !libdw_register(frame, RBP, pc, ret->cfa, &ret->fp))
		return false;
	ret->is_root = ret->ra == LOST;
	return true;
}

static void our_answer(const struct unwind_rule *r, uint64_t pc, struct answer *ret)
{
	uint64_t reg = reg_value(UNWIND_RULE_CFA_REG(r->bits), pc);
	uint64_t ra_reg = reg_value(UNWIND_RULE_RA_REG(r->bits), pc);
	uint64_t fp_reg = reg_value(UNWIND_RULE_FP_REG(r->bits), pc);

	ret->is_root = UNWIND_RULE_CFA(r->bits) == UNWIND_CFA_ROOT;
	ret->is_signal = UNWIND_RULE_SIGNAL(r->bits);
	ret->cfa = unwind_cfa_value(r->bits, r->cfa_off, reg, ra_reg, pc);
	if (unwind_cfa_is_read(r->bits))
		ret->cfa = memory(ret->cfa) + unwind_cfa_added(r->bits, r->aux);
	ret->ra = ra_reg;
	if (UNWIND_RULE_RA(r->bits) != UNWIND_RA_IN)
		ret->ra = memory(unwind_ra_address(r->bits, r->aux, ret->cfa, ra_reg));
	switch (UNWIND_RULE_FP(r->bits)) {
	case UNWIND_FP_SAME:
		ret->fp = reg_value(RBP, pc);
		break;
	case UNWIND_FP_IN:
		ret->fp = fp_reg;
		break;
	case UNWIND_FP_UNDEF:
		ret->fp = LOST;
		break;
	default:
		ret->fp = memory(unwind_fp_address(r->bits, r->fp_off, ret->cfa, fp_reg));
	}
}

static bool is_same(const struct answer *a, const struct answer *b)
{
	return a->is_root == b->is_root && a->is_signal == b->is_signal && a->cfa == b->cfa &&
	       a->ra == b->ra && a->fp == b->fp;
}

struct side_by_side {
	const struct unwind_table *t;
	Dwarf_CFI *cfi;
	uint64_t entry; /* e_entry */
	struct agree_counts *counts;
};

static void differ(struct agree_counts *c, uint64_t vaddr, const char *what)
{
	if (c->differing++ == 0)
		snprintf(c->first, sizeof(c->first), "at 0x%" PRIx64 ": %s", vaddr, what);
}

/* libdw has no answer at @vaddr: neither should we, but for padding and what libdw cannot read. */
static void compare_absent(struct side_by_side *s, uint64_t vaddr, bool is_none, bool is_root,
			   bool is_invalid)
{
	Dwarf_Frame *frame;

	if (is_none) {
		s->counts->none++;
		return;
	}
	if (is_root && vaddr - s->entry < 128) {
		s->counts->roots++; /* the entry point, which is a root without anybody's saying so
				     */
		return;
	}
	if (is_invalid) {
		s->counts->refused++;
		return;
	}
	for (uint64_t back = 1; back < 16; back++) {
		if (dwarf_cfi_addrframe(s->cfi, vaddr - back, &frame) == 0) {
			free(frame);
			s->counts->padding++;
			return;
		}
	}
	differ(s->counts, vaddr, "only we have a rule");
}

static void compare_frame(struct side_by_side *s, Dwarf_Frame *frame, uint64_t vaddr)
{
	struct answer ours, theirs;
	struct unwind_rule rule;
	char text[256];

	unwind_table_find(s->t, (uint32_t)(vaddr - s->t->base), &rule);
	if (UNWIND_RULE_CFA(rule.bits) == UNWIND_CFA_UNSUPPORTED) {
		s->counts->unsupported++;
		return;
	}
	if (UNWIND_RULE_CFA(rule.bits) == UNWIND_CFA_NONE) {
		differ(s->counts, vaddr, "only libdw has a rule");
		return;
	}
	if (!libdw_answer(frame, vaddr, &theirs)) {
		s->counts->refused++;
		return;
	}
	our_answer(&rule, vaddr, &ours);
	if (ours.is_root && theirs.is_root) {
		s->counts->roots++;
		s->counts->compared++;
		return;
	}
	if (is_same(&ours, &theirs)) {
		s->counts->compared++;
		return;
	}
	snprintf(text, sizeof(text),
		 "root %d/%d signal %d/%d cfa %" PRIx64 "/%" PRIx64 " ra %" PRIx64 "/%" PRIx64
		 " fp %" PRIx64 "/%" PRIx64 " (rule %08x %08x %08x %08x)",
		 ours.is_root, theirs.is_root, ours.is_signal, theirs.is_signal, ours.cfa,
		 theirs.cfa, ours.ra, theirs.ra, ours.fp, theirs.fp, rule.bits, rule.cfa_off,
		 rule.fp_off, rule.aux);
	differ(s->counts, vaddr, text);
}

static void compare_absent_at(struct side_by_side *s, uint64_t vaddr)
{
	const char *why = dwarf_errmsg(dwarf_errno());
	struct unwind_rule rule;

	unwind_table_find(s->t, (uint32_t)(vaddr - s->t->base), &rule);
	compare_absent(s, vaddr, UNWIND_RULE_CFA(rule.bits) == UNWIND_CFA_NONE,
		       UNWIND_RULE_CFA(rule.bits) == UNWIND_CFA_ROOT,
		       strstr(why, "no matching") == NULL);
}

/* Compares at @vaddr and says where libdw believes that its row begins and ends. */
static bool compare_one(struct side_by_side *s, uint64_t vaddr, uint64_t *ret_start,
			uint64_t *ret_end)
{
	Dwarf_Frame *frame;
	bool is_signal, ok;

	if (dwarf_cfi_addrframe(s->cfi, vaddr, &frame) != 0) {
		compare_absent_at(s, vaddr);
		return false;
	}
	compare_frame(s, frame, vaddr);
	ok = dwarf_frame_info(frame, ret_start, ret_end, &is_signal) >= 0;
	free(frame);
	return ok;
}

/* Mistakes are where a row ends. libdw's own idea of the start is wrong after a restored state, so
 * each of these pcs is looked up afresh. */
static void compare_at(struct side_by_side *s, uint64_t vaddr)
{
	uint64_t start, end, unused;

	if (!compare_one(s, vaddr, &start, &end))
		return;
	compare_one(s, start, &unused, &unused);
	compare_one(s, end - 1, &unused, &unused);
	compare_one(s, end, &unused, &unused);
}

static void compare(struct side_by_side *s, size_t samples)
{
	const struct unwind_place *p = &s->t->place;
	uint64_t state = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < samples; i++) {
		state = hash_u64(state + i);
		/* Also before the first row and after the last. */
		compare_at(s, s->t->base + p->start + (uint64_t)(state % (p->span + 64ull)));
	}
}

int agree_object(int fd, const void *data, size_t n, size_t samples, struct agree_counts *ret)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	const struct unwind_opts opts = {
		.code = UNWIND_CODE_NONE
	}; /* libdw does not look at it */
	struct side_by_side s = { .counts = ret };
	GElf_Ehdr ehdr;
	Dwarf *dw = NULL;
	Elf *elf;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = fd < 0 ? unwind_table_from_bytes(data, n, &opts, &t)
		   : unwind_table_from_fd(fd, &opts, &t);
	if (r < 0)
		return r;
	elf_version(EV_CURRENT);
	elf = fd < 0 ? elf_memory((char *)data, n) : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (t->stats.from_debug_frame) {
		dw = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
		s.cfi = dwarf_getcfi(dw);
	} else {
		s.cfi = dwarf_getcfi_elf(elf);
	}
	s.t = t;
	s.entry = gelf_getehdr(elf, &ehdr) ? ehdr.e_entry : 0;
	if (s.cfi)
		compare(&s, samples);
	r = s.cfi ? 0 : -EIO;
	if (dw)
		dwarf_end(dw);
	else if (s.cfi)
		dwarf_cfi_end(s.cfi);
	elf_end(elf);
	return r;
}
