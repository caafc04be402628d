/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled only: unwind_row.h has to suit a kernel program that reads the area its own way. */
#include <linux/bpf.h>

#define UNWIND_LOAD(area, i) load_word(area, i)

static inline __attribute__((always_inline)) __u32 load_word(const __u32 *area, __u32 i)
{
	return area[i & 0xffff];
}

#include "unwind_row.h"

__u64 unwind_step(const __u32 *area, const struct unwind_place *p, __u64 *regs, __u32 pc);

__u64 unwind_step(const __u32 *area, const struct unwind_place *p, __u64 *regs, __u32 pc)
{
	__u32 n = unwind_find(area, p->start, p->span, p->index, p->rows, pc);
	struct unwind_rule r;
	__u64 cfa, fp_at;

	unwind_load_rule(area, p->rules, n, &r);
	cfa = unwind_cfa_value(r.bits, r.cfa_off, regs[UNWIND_RULE_CFA_REG(r.bits) & 15],
			       regs[UNWIND_RULE_RA_REG(r.bits) & 15], pc);
	if (unwind_cfa_is_read(r.bits))
		cfa += unwind_cfa_added(r.bits, r.aux);
	fp_at = unwind_fp_address(r.bits, r.fp_off, cfa, 0);
	if (unwind_fp_is_read(r.bits, fp_at, cfa))
		regs[6] = fp_at;
	regs[7] = cfa;
	return unwind_ra_address(r.bits, r.aux, cfa, 0);
}
