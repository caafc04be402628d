/* SPDX-License-Identifier: Apache-2.0 */
#include "snaprule.h"

#include <stdlib.h>
#include <string.h>

#include "cfisafe.h"
#include "hash.h"
#include "leb.h"

#define RA_X86_64  16
#define WAYS	   4 /* places for rules of one hash */

/* No process has memory there. */
#define PC_BASE	   (1ull << 62)
#define BYTES_BASE (3ull << 61)

int snap_rules_init(struct snap_rules *rs, size_t max)
{
	size_t n = 4 * WAYS;

	while (n < max && n < ((size_t)1 << 24))
		n *= 2;
	rs->slots = calloc(n, sizeof(*rs->slots));
	rs->n_slots = rs->slots ? n : 0;
	return rs->slots ? 0 : -ENOMEM;
}

void snap_rules_done(struct snap_rules *rs)
{
	for (size_t i = 0; i < rs->n_slots; i++)
		free(rs->slots[i].bytes);
	free(rs->slots);
	rs->slots = NULL;
	rs->n_slots = rs->bytes = 0;
}

static size_t put(uint8_t *out, size_t at, const void *p, size_t n)
{
	memcpy(out + at, p, n);
	return at + n;
}

static size_t put_uleb(uint8_t *out, size_t at, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		out[at++] = (uint8_t)v | 0x80;
	out[at++] = (uint8_t)v;
	return at;
}

/* Sets the length of the entry at @begin, which ends at @end. */
static void set_length(uint8_t *out, size_t begin, size_t end)
{
	uint32_t n = (uint32_t)(end - begin - 4);

	memcpy(out + begin, &n, 4);
}

#define HEAD_MAX 128 /* of everything but the instructions */
_Static_assert(HEAD_MAX + CFI_ENTRY_MAX <= 1 << 20, "rules do not overlap");

/* Writes the rule; @insns has those of the CIE, @n_cie bytes, and then those of the FDE. */
static int write_rule(const struct cfi_entry *e, const uint8_t *insns, size_t n_cie, size_t n_insns,
		      struct snap_rule *ret)
{
	/* A CFA in any case: libunwind does not ask whether there is one. */
	static const uint8_t def_cfa[] = { 0x0c, 7, 8 };
	static const uint8_t augmented[] = { 1, CFI_ENC_UDATA8 };
	const char *letters = e->cie.is_signal ? "zRS" : "zR";
	uint8_t *out = calloc(1, HEAD_MAX + n_insns);
	uint64_t start = ret->pc - (ret->vaddr - e->start);
	size_t cie = 8 * SNAP_RULE_TABLE_WORDS, fde, at;
	uint32_t back;

	if (!out)
		return -ENOMEM;
	at = cie + 8; /* length; id 0 */
	out[at++] = 1;
	at = put(out, at, letters, strlen(letters) + 1);
	at = put_uleb(out, at, e->cie.code_align);
	at += leb_put_sleb(out + at, e->cie.data_align);
	out[at++] = RA_X86_64;
	at = put(out, at, augmented, sizeof(augmented));
	at = put(out, at, def_cfa, sizeof(def_cfa));
	at = put(out, at, insns, n_cie);
	set_length(out, cie, at);
	fde = at;
	back = (uint32_t)(fde + 4 - cie);
	at = put(out, fde + 4, &back, 4);
	at = put(out, at, &start, 8);
	at = put(out, at, &e->len, 8);
	out[at++] = 0; /* no augmentation data */
	at = put(out, at, insns + n_cie, n_insns - n_cie);
	set_length(out, fde, at);
	/* Function 0 of the search table; libunwind reads marks that are not there after the FDE of
	 * a signal trampoline: some of the zeros stay. */
	memcpy(out + 4, &(uint32_t){ (uint32_t)fde }, 4);
	ret->bytes = out;
	ret->n = (uint32_t)(HEAD_MAX + n_insns);
	ret->is_signal = e->cie.is_signal;
	ret->is_partial = e->is_partial;
	ret->changes_stack = e->changes_stack;
	return 0;
}

static int make_rule(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
		     struct snap_rule *ret)
{
	static const uint8_t nothing[1];
	struct cfi_entry e;
	struct cfi_safe s = { .max = CFI_ENTRY_MAX, .cie = &e.cie, .stop = UINT64_MAX };
	size_t n_cie;
	int r = snap_object_find(os, o, vaddr, &e);

	if (r < 0)
		return r;
	if (e.cie.ra_reg != RA_X86_64 || e.cie.code_align > UINT16_MAX)
		return -ENOTSUP;
	r = cfi_safe_copy(&s, e.cie.insns);
	n_cie = s.out.n;
	s.loc = 0;
	s.stop = vaddr - e.start;
	if (r == 0)
		r = cfi_safe_copy(&s, e.insns);
	if (r == 0)
		r = write_rule(&e, s.out.n ? s.out.items : nothing, n_cie, s.out.n, ret);
	array_free(&s.out);
	return r;
}

/* Moves way @i of a set to its front: the last is the one used longest ago. */
static void to_front(struct snap_rule *set, size_t i)
{
	struct snap_rule r = set[i];

	memmove(set + 1, set, i * sizeof(*set));
	set[0] = r;
}

static int load(struct snap_rules *rs, struct snap_objects *os, struct snap_object *o,
		uint64_t vaddr, struct snap_rule *slot)
{
	rs->bytes -= slot->n;
	free(slot->bytes);
	rs->serial++;
	*slot = (struct snap_rule){ .object = snap_object_serial(o),
				    .vaddr = vaddr,
				    .pc = PC_BASE + (rs->serial << 12) + (vaddr & 0xfff),
				    .base = BYTES_BASE + (rs->serial << 20) };
	slot->error = make_rule(os, o, vaddr, slot);
	rs->bytes += slot->n;
	if (slot->error < 0 && slot->error != -ENODATA && slot->error != -EBADMSG &&
	    slot->error != -ENOTSUP)
		slot->object = 0; /* may succeed next time */
	return slot->error;
}

int snap_rules_find(struct snap_rules *rs, struct snap_objects *os, struct snap_object *o,
		    uint64_t vaddr, struct snap_rule **ret)
{
	uint64_t serial = snap_object_serial(o);
	struct snap_rule *set =
		&rs->slots[hash_add(hash_u64(serial), vaddr) % (rs->n_slots / WAYS) * WAYS];
	size_t i = 0;
	int r;

	while (i < WAYS && (set[i].object != serial || set[i].vaddr != vaddr))
		i++;
	if (i > 0)
		to_front(set, i < WAYS ? i : WAYS - 1);
	if (i < WAYS) {
		rs->hits++;
		r = set->error;
	} else {
		rs->misses++;
		r = load(rs, os, o, vaddr, set);
	}
	if (r == 0)
		*ret = set;
	return r;
}
