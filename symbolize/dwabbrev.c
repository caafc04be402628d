/* SPDX-License-Identifier: Apache-2.0 */
#include "dwabbrev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ABBREVS_MAX = 1000000 };

/* The slots of attributes, plus 1. In tables, as what there is to know of forms is below: of a
 * megabyte of abbreviations every one is another one, and no branch would be foreseen. */
static const uint8_t slot_plus_1[] = {
	[DW_AT_low_pc] = DWSLOT_LOW_PC + 1,
	[DW_AT_high_pc] = DWSLOT_HIGH_PC + 1,
	[DW_AT_ranges] = DWSLOT_RANGES + 1,
	[DW_AT_abstract_origin] = DWSLOT_ORIGIN + 1,
	[DW_AT_call_file] = DWSLOT_CALL_FILE + 1,
	[DW_AT_call_line] = DWSLOT_CALL_LINE + 1,
	[DW_AT_sibling] = DWSLOT_SIBLING + 1,
	[DW_AT_specification] = DWSLOT_SPECIFICATION + 1,
	[DW_AT_name] = DWSLOT_NAME + 1,
	[DW_AT_linkage_name] = DWSLOT_LINKAGE_NAME + 1,
	[DW_AT_decl_line] = DWSLOT_DECL_LINE + 1,
	[DW_AT_stmt_list] = DWSLOT_STMT_LIST + 1,
	[DW_AT_comp_dir] = DWSLOT_COMP_DIR + 1,
	[DW_AT_str_offsets_base] = DWSLOT_STR_OFFSETS_BASE + 1,
	[DW_AT_addr_base] = DWSLOT_ADDR_BASE + 1,
	[DW_AT_rnglists_base] = DWSLOT_RNGLISTS_BASE + 1,
	[DW_AT_dwo_name] = DWSLOT_DWO_NAME + 1,
	[DW_AT_declaration] = DWSLOT_DECLARATION + 1,
};

/* The slot of an attribute, DWSLOTS for those that nobody wants. */
static inline enum dwslot slot_of(uint64_t attr)
{
	if (attr < ARRAY_LEN(slot_plus_1))
		return slot_plus_1[attr] ? slot_plus_1[attr] - 1 : DWSLOTS;
	switch (attr) {
	case DW_AT_MIPS_linkage_name:
		return DWSLOT_LINKAGE_NAME;
	case DW_AT_GNU_addr_base:
		return DWSLOT_ADDR_BASE;
	case DW_AT_GNU_ranges_base:
		return DWSLOT_GNU_RANGES_BASE;
	case DW_AT_GNU_dwo_name:
		return DWSLOT_DWO_NAME;
	case DW_AT_GNU_dwo_id:
		return DWSLOT_DWO_ID;
	default:
		return DWSLOTS;
	}
}

/* The slots, as bits, that a walk keeps in entries of a kind. */
static const uint32_t kept[] = {
	[DWKIND_PASS] = 0,
	[DWKIND_JUMP] = 1u << DWSLOT_SIBLING,
	[DWKIND_FUNCTION] = 1u << DWSLOT_LOW_PC | 1u << DWSLOT_HIGH_PC | 1u << DWSLOT_RANGES,
	[DWKIND_INLINED] = (1u << DWSLOT_SIBLING) - 1,
};

/*
 * What is jumped over can hold no code. That of a lambda may be in its class, in the abstract instance of
 * the function it is written in: classes and functions without code are walked through.
 */
static enum dwkind kind_of(unsigned tag, bool children, unsigned slots)
{
	bool has_code = slots & (1u << DWSLOT_LOW_PC | 1u << DWSLOT_RANGES);
	bool has_sibling = children && slots & 1u << DWSLOT_SIBLING;
	bool declared = slots & 1u << DWSLOT_DECLARATION;

	switch (tag) {
	case DW_TAG_inlined_subroutine:
		return has_code || children ? DWKIND_INLINED : DWKIND_PASS;
	case DW_TAG_subprogram:
		if (has_code)
			return DWKIND_FUNCTION;
		return has_sibling && declared ? DWKIND_JUMP : DWKIND_PASS;
	case DW_TAG_enumeration_type:
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return has_sibling ? DWKIND_JUMP : DWKIND_PASS;
	default:
		return DWKIND_PASS;
	}
}

/* How a value of a form that has no fixed size is passed over. */
static enum dwstep_op skip_op(unsigned form)
{
	switch (form) {
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return DWSTEP_LEB;
	case DW_FORM_exprloc:
	case DW_FORM_block:
		return DWSTEP_BLOCK;
	default:
		return DWSTEP_OTHER;
	}
}

static struct dwform_how how_to_pass(unsigned form, const struct dwshape *shape)
{
	int size = dwform_size(form, shape);

	return (struct dwform_how){ .size = (int8_t)size,
				    .op = (uint8_t)(size < 0 ? skip_op(form) : DWSTEP_SKIP) };
}

static void set_shape(struct dwabbrevs *a, const struct dwshape *shape)
{
	a->shape = *shape;
	for (unsigned i = 0; i < DWABBREV_FORMS; i++)
		a->how[i] = how_to_pass(i, shape);
}

static inline struct dwform_how how_of(const struct dwabbrevs *a, unsigned form)
{
	return form < DWABBREV_FORMS ? a->how[form] : how_to_pass(form, &a->shape);
}

/* Adds to the steps of an entry; bytes of fixed size that follow one another are one step. */
static int compile_attr(struct dwabbrevs *a, const struct dwabbrev *ab, uint32_t attr)
{
	const struct dwattr *t = &a->attrs.items[attr];
	struct dwform_how how = how_of(a, t->form);
	struct dwstep *last;

	if (kept[ab->kind] >> t->slot & 1) {
		bool word = how.size > 0 && how.size <= 8;

		return array_push(&a->steps,
				  (struct dwstep){ .op = word ? DWSTEP_FIXED : DWSTEP_KEEP,
						   .slot = t->slot,
						   .form = t->form,
						   .n = word ? (uint32_t)how.size : attr });
	}
	if (how.size == 0)
		return 0;
	last = a->steps.n > ab->first_step ? &a->steps.items[a->steps.n - 1] : NULL;
	if (how.op == DWSTEP_SKIP && last && last->op == DWSTEP_SKIP) {
		last->n += (uint32_t)how.size;
		return 0;
	}
	return array_push(&a->steps,
			  (struct dwstep){ .op = how.op,
					   .form = t->form,
					   .n = how.size > 0 ? (uint32_t)how.size : attr });
}

static int compile(struct dwabbrevs *a, struct dwabbrev *ab, unsigned slots)
{
	int r = 0;

	ab->kind = (uint8_t)kind_of(ab->tag, ab->children, slots);
	ab->first_step = (uint32_t)a->steps.n;
	for (uint32_t i = 0; r == 0 && i < ab->n_attrs; i++)
		r = compile_attr(a, ab, ab->first_attr + i);
	ab->n_steps = (uint32_t)(a->steps.n - ab->first_step);
	ab->fixed = DWABBREV_STEPS;
	if (ab->n_steps == 0)
		ab->fixed = 0;
	else if (ab->n_steps == 1 && a->steps.items[ab->first_step].op == DWSTEP_SKIP)
		ab->fixed = a->steps.items[ab->first_step].n;
	return r;
}

/* The name and the form of an attribute, nearly always of one byte each. */
static inline const uint8_t *read_pair(const uint8_t *p, const uint8_t *end, uint64_t *ret_name,
				       uint64_t *ret_form)
{
	if (end - p >= 2 && (p[0] | p[1]) < 0x80) {
		*ret_name = p[0];
		*ret_form = p[1];
		return p + 2;
	}
	p = dwform_uleb(p, end, ret_name);
	return p ? dwform_uleb(p, end, ret_form) : NULL;
}

/* Reads the attributes of one abbreviation up to the pair of zeroes. */
static const uint8_t *read_attrs(struct dwabbrevs *a, const uint8_t *p, const uint8_t *end,
				 unsigned *ret_slots, int *ret_err)
{
	for (;;) {
		uint64_t name, form;
		struct dwattr t = { 0 };

		*ret_err = -EBADMSG;
		p = read_pair(p, end, &name, &form);
		if (!p)
			return NULL;
		if (name == 0 && form == 0)
			return p;
		t.slot = (uint8_t)slot_of(name);
		t.form = form > UINT16_MAX ? 0 : (uint16_t)form;
		if (form == DW_FORM_implicit_const && !(p = dwform_sleb(p, end, &t.implicit)))
			return NULL;
		/* What takes no byte of an entry must take no time either: a table of a megabyte
		 * would take it at every entry. */
		if (t.slot < DWSLOTS && *ret_slots & 1u << t.slot)
			t.slot = DWSLOTS;
		if (t.slot < DWSLOTS)
			*ret_slots |= 1u << t.slot;
		else if (how_of(a, t.form).size == 0)
			continue;
		if (array_push(&a->attrs, t) < 0) {
			*ret_err = -ENOMEM;
			return NULL;
		}
	}
}

/* Passes over an abbreviation that nobody wants, behind its code. That of a unit's first entry may
 * be the last of some hundred. */
static const uint8_t *skip_abbrev(const uint8_t *p, const uint8_t *end)
{
	uint64_t tag, name, form;
	int64_t implicit;

	p = dwform_uleb(p, end, &tag);
	if (!p || p == end)
		return NULL;
	p++;
	do {
		p = read_pair(p, end, &name, &form);
		if (p && form == DW_FORM_implicit_const)
			p = dwform_sleb(p, end, &implicit);
	} while (p && (name || form));
	return p;
}

static int by_code(const void *pa, const void *pb)
{
	const struct dwabbrev *a = pa, *b = pb;

	return (a->code > b->code) - (a->code < b->code);
}

static void sort(struct dwabbrevs *a)
{
	a->dense = true;
	for (size_t i = 0; i < a->abbrevs.n && a->dense; i++)
		a->dense = a->abbrevs.items[i].code == i + 1;
	if (!a->dense && a->abbrevs.n > 0)
		qsort(a->abbrevs.items, a->abbrevs.n, sizeof(*a->abbrevs.items), by_code);
}

/* Reads and compiles the abbreviation of @code behind that code: the position behind it, or NULL.
 */
static const uint8_t *read_abbrev(struct dwabbrevs *a, uint64_t code, const uint8_t *p,
				  const uint8_t *end, int *ret_err)
{
	struct dwabbrev ab = { .code = code, .first_attr = (uint32_t)a->attrs.n };
	unsigned slots = 0;
	uint64_t tag;

	*ret_err = -EBADMSG;
	p = dwform_uleb(p, end, &tag);
	if (!p || p == end)
		return NULL;
	ab.tag = tag > UINT16_MAX ? 0 : (uint16_t)tag;
	ab.children = *p++ != 0;
	p = read_attrs(a, p, end, &slots, ret_err);
	if (!p)
		return NULL;
	ab.n_attrs = (uint32_t)(a->attrs.n - ab.first_attr);
	*ret_err = a->abbrevs.n >= ABBREVS_MAX ? -EFBIG : compile(a, &ab, slots);
	if (*ret_err == 0)
		*ret_err = array_push(&a->abbrevs, ab);
	return p;
}

int dwabbrevs_read(struct dwabbrevs *a, const uint8_t *p, size_t n, const struct dwshape *shape,
		   uint64_t only)
{
	const uint8_t *begin = p, *end = p + n;
	int r = 0;

	a->abbrevs.n = a->steps.n = a->attrs.n = 0;
	set_shape(a, shape);
	a->whole = a->dense = false;
	while (r == 0) {
		uint64_t code;

		p = dwform_uleb(p, end, &code);
		if (!p)
			break; /* a table may end where its section does */
		a->whole = code == 0 && !only;
		if (code == 0)
			break;
		if (only && code != only) {
			p = skip_abbrev(p, end);
			r = p ? 0 : -EBADMSG;
			continue;
		}
		p = read_abbrev(a, code, p, end, &r);
		if (code == only)
			break;
	}
	a->work += p ? (uint64_t)(p - begin) : n;
	sort(a);
	return r;
}

void dwabbrevs_done(struct dwabbrevs *a)
{
	array_free(&a->abbrevs);
	array_free(&a->steps);
	array_free(&a->attrs);
}

const struct dwabbrev *dwabbrevs_search(const struct dwabbrevs *a, uint64_t code)
{
	struct dwabbrev key = { .code = code };

	return a->abbrevs.n ? bsearch(&key, a->abbrevs.items, a->abbrevs.n, sizeof(key), by_code)
			    : NULL;
}

const uint8_t *dwabbrevs_read_die(const struct dwabbrevs *a, const uint8_t *p, const uint8_t *end,
				  const uint8_t *unit, struct dwdie *ret)
{
	const struct dwabbrev *ab;
	uint64_t code;

	p = dwform_uleb(p, end, &code);
	ab = p && code ? dwabbrevs_find(a, code) : NULL;
	if (!ab)
		return NULL;
	memset(ret->form, 0, sizeof(ret->form));
	ret->tag = ab->tag;
	ret->children = ab->children;
	for (uint32_t i = 0; p && i < ab->n_attrs; i++) {
		const struct dwattr *t = &a->attrs.items[ab->first_attr + i];
		uint64_t v;

		p = dwform_read(p, end, unit, t->form, t->implicit, &a->shape, &v);
		if (p && t->slot < DWSLOTS) {
			ret->form[t->slot] = t->form;
			ret->value[t->slot] = v;
		}
	}
	return p;
}
