/* SPDX-License-Identifier: Apache-2.0 */
#include "ehframe.h"

#include <elf.h>

#include "leb.h"

/* Linkers merge equal ones, so that most objects have fewer than 10; in .debug_frame they do not.
 */
#define MAX_CIES (1u << 18)

static const struct cfi_regs regs_x86_64 = { .sp = 7, .fp = 6, .ra = 16 };
static const struct cfi_regs regs_aarch64 = { .sp = 31, .fp = 29, .ra = 30, .has_link = true };

/* One entry, cut to its length. */
struct entry {
	struct bytes b;	  /* the whole section up to the entry's end, at the byte after the id */
	uint64_t off;	  /* of the entry */
	uint64_t cie_off; /* of an FDE: its CIE */
	bool is_cie;
};

/* 1 and *@ret, 0 at the end, -EBADMSG when the section is cut off. */
static int next_entry(const struct cfi_section *src, struct bytes *sec, struct entry *ret)
{
	uint64_t n, id_at, id = 0;
	uint32_t n32;
	size_t size;

	for (;;) {
		ret->off = sec->pos;
		if (bytes_left(sec) == 0)
			return 0;
		if (bytes_u32(sec, &n32) < 0)
			return -EBADMSG;
		if (n32 != 0)
			break;
		if (!src->is_exact) /* a terminator; in a section, more may follow */
			return 0;
	}
	n = n32;
	size = 4;
	if (n32 == UINT32_MAX) {
		size = 8;
		if (bytes_u64(sec, &n) < 0)
			return -EBADMSG;
	}
	if (n > bytes_left(sec))
		return -EBADMSG;
	id_at = sec->pos;
	ret->b = bytes_of(sec->p, sec->pos + (size_t)n);
	ret->b.pos = sec->pos;
	sec->pos += (size_t)n;
	if (bytes_copy(&ret->b, &id, size) < 0)
		return -EBADMSG;
	if (src->is_eh) {
		ret->is_cie = id == 0;
		ret->cie_off = id_at - id;
	} else {
		ret->is_cie = id == (size == 8 ? UINT64_MAX : UINT32_MAX);
		ret->cie_off = id;
	}
	return 1;
}

static struct cfi_bases bases_of(const struct cfi_section *sec)
{
	return (struct cfi_bases){ sec->vaddr, sec->text_base, sec->data_base };
}

/* Runs the instructions of a CIE once for all of its FDEs. */
static int run_cie(const struct eh_frame *e, const struct cfi_bases *bases, struct cfi_cie *cie)
{
	struct cfi c = { .bases = *bases };
	int r;

	cfi_begin(&c, cie->common.insns, cie, e->regs);
	do
		r = cfi_next_row(&c);
	while (r > 0);
	cie->init = c.state;
	return r;
}

static int add_cie(struct eh_frame *e, const struct entry *ent)
{
	struct cfi_bases bases = bases_of(&e->src->sections[e->section]);
	struct cfi_cie cie = { .off = ent->off,
			       .section = (uint8_t)e->section,
			       .init = cfi_state_initial() };

	if (e->cies.n == MAX_CIES) {
		e->stats->bad_cies++;
		return 0;
	}
	cie.is_usable =
		cfi_common_read(ent->b, &bases, &cie.common) == 0 && run_cie(e, &bases, &cie) == 0;
	e->stats->cies++;
	e->stats->bad_cies += !cie.is_usable;
	return array_push(&e->cies, cie);
}

/* Finds the CIE at @off: nearly always the last one read. */
static const struct cfi_cie *find_cie(const struct eh_frame *e, uint64_t off)
{
	size_t lo = e->section_cies, hi = e->cies.n;

	if (hi > lo && e->cies.items[hi - 1].off <= off)
		lo = hi - 1;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e->cies.items[mid].off < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < e->cies.n && e->cies.items[lo].off == off ? &e->cies.items[lo] : NULL;
}

/* 1 and *@ret, 0 for an FDE of length 0, -EBADMSG. */
static int parse_fde(const struct eh_frame *e, const struct entry *ent, struct eh_fde *ret)
{
	const struct cfi_source *src = e->src;
	const struct cfi_section *sec = &src->sections[e->section];
	const struct cfi_cie *cie = find_cie(e, ent->cie_off);
	struct cfi_bases bases = bases_of(sec);
	struct cfi_entry f;

	if (!cie || !cie->is_usable || cfi_entry_read(ent->b, &cie->common, &bases, &f) < 0)
		return -EBADMSG;
	if (f.len == 0)
		return 0;
	if (f.start < src->text_lo || f.start >= src->text_hi || f.len > src->text_hi - f.start)
		return -EBADMSG;
	*ret = (struct eh_fde){ .pc = (uint32_t)(f.start - src->base),
				.len = (uint32_t)f.len,
				.insns = (uint32_t)(f.insns.p - sec->data.p),
				.n_insns = (uint32_t)f.insns.n,
				.cie = (uint32_t)(cie - e->cies.items) };
	return 1;
}

static int add_fde(struct eh_frame *e, const struct entry *ent)
{
	struct eh_fde fde;
	int r = parse_fde(e, ent, &fde);

	e->stats->fdes++;
	if (r > 0 && e->fdes.n == e->max_fdes)
		return -EFBIG;
	if (r > 0)
		return array_push(&e->fdes, fde);
	if (r == 0)
		e->stats->empty_fdes++;
	else
		e->stats->bad_fdes++;
	return 0;
}

static int read_section(struct eh_frame *e)
{
	const struct cfi_section *sec = &e->src->sections[e->section];
	struct bytes data = sec->data;
	struct entry ent;
	int r;

	e->section_cies = e->cies.n;
	while ((r = next_entry(sec, &data, &ent)) > 0) {
		r = ent.is_cie ? add_cie(e, &ent) : add_fde(e, &ent);
		if (r < 0)
			return r;
	}
	e->stats->bad_section |= r < 0;
	return 0;
}

/* Go's functions, as far as their addresses make sense: ascending, inside the executable segments.
 */
static int add_go(struct eh_frame *e)
{
	const struct cfi_source *src = e->src;
	const struct go_table *t = &e->go->table;
	uint64_t end = src->text_lo;

	for (size_t i = 0; i < t->n_funcs && i < UINT32_MAX; i++) {
		struct go_func f;

		if (gotable_func(t, i, &f) < 0 || f.lo < end || f.hi < f.lo || f.hi > src->text_hi)
			return 0;
		end = f.hi;
		if (f.v_sp == 0 || f.hi == f.lo)
			continue;
		if (e->fdes.n == e->max_fdes)
			return -EFBIG;
		if (array_push(&e->fdes, (struct eh_fde){ .pc = (uint32_t)(f.lo - src->base),
							  .len = (uint32_t)(f.hi - f.lo),
							  .insns = (uint32_t)i,
							  .cie = EH_FDE_GO }) < 0)
			return -ENOMEM;
		e->stats->go_funcs++;
	}
	return 0;
}

int eh_frame_read_more(struct eh_frame *e)
{
	int r = 0;

	for (; e->section < e->src->n_sections && r == 0; e->section++)
		r = read_section(e);
	return r;
}

static int read_all(struct eh_frame *e)
{
	size_t n_eh = e->src->n_sections > 0 && e->src->sections[0].is_eh;
	int r = 0;

	for (; e->section < n_eh && r == 0; e->section++)
		r = read_section(e);
	if (r == 0 && e->go)
		r = add_go(e);
	return r == 0 ? eh_frame_read_more(e) : r;
}

int eh_frame_read(const struct cfi_source *src, struct go_rows *go, size_t max_fdes,
		  struct unwind_stats *stats, struct eh_frame *ret)
{
	struct eh_frame e = { .src = src, .go = go, .max_fdes = max_fdes, .stats = stats };
	int r;

	e.regs = src->machine == EM_AARCH64 ? &regs_aarch64 : &regs_x86_64;
	r = read_all(&e);
	if (r < 0) {
		eh_frame_done(&e);
		return r;
	}
	*ret = e;
	return 0;
}

void eh_frame_done(struct eh_frame *e)
{
	array_free(&e->cies);
	array_free(&e->fdes);
}

static const struct cfi_section *section_of(const struct eh_frame *e, const struct eh_fde *f)
{
	return &e->src->sections[e->cies.items[f->cie].section];
}

struct bytes eh_frame_insns(const struct eh_frame *e, const struct eh_fde *f)
{
	return bytes_of(section_of(e, f)->data.p + f->insns, f->n_insns);
}

void eh_frame_begin(const struct eh_frame *e, const struct eh_fde *f, struct cfi *c)
{
	const struct cfi_section *sec = section_of(e, f);

	c->bases = (struct cfi_bases){ sec->vaddr + f->insns, sec->text_base, sec->data_base };
	c->start = e->src->base + f->pc;
	cfi_begin(c, eh_frame_insns(e, f), &e->cies.items[f->cie], e->regs);
}
