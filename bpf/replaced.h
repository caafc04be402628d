/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A page of the stack that the kernel is replacing right now. After fork(2) parent and child have
 * their pages together until one of them writes: that one gets a copy, and while it is put into the
 * place of the common page (wp_page_copy() in mm/memory.c) no page is there. Short programs spend
 * much of their time so, and their stack is what they write to first.
 *
 * The page that goes is still whole. It is named by the fault that the tick interrupted, whose
 * struct vm_fault lies on the kernel stack: orig_pte is the entry of the page table as it was. In
 * that an address is physical; how far from it the kernel has it mapped, the page table itself
 * says, which `pmd` names by its physical address and `pte` points into.
 */
#pragma once

#include "kread.h"
#include "maps.h"

/* Bytes of the kernel stack's top that hold the struct vm_fault of a fault of user code, and how many
 * words of them are looked at at a time. */
#define FAULT_DEPTH 2048
#define FAULT_RUN   16

#define PTE_PRESENT 1ull
#define PTE_WRITE   2ull
#define PTE_FRAME   0x000ffffffffff000ull /* with the bit of encrypted memory, as all have it */
#define PTE_INDEX   511			  /* of those of one page table */

/* Whether the struct vm_fault at @fault is about the memory of the current task. */
static __always_inline bool is_own_fault(__u64 fault)
{
	__u64 vma, of_vma, of_task;

	return !read_kernel_word(fault + layout.fault_vma, &vma) &&
	       !read_kernel_word(vma + layout.vma_mm, &of_vma) &&
	       !read_kernel_word(bpf_get_current_task() + layout.task_mm, &of_task) &&
	       of_vma == of_task;
}

/*
 * How far the kernel's own mapping of memory lies above physical addresses, by the table that @upper
 * points into and the entry above it that names the table that @lower points into. 0: it cannot be read.
 */
static __always_inline __u64 distance(__u64 upper, __u64 lower)
{
	__u64 table;

	if (read_kernel_word(upper, &table))
		return 0;
	return (lower & -(__u64)STACK_PAGE) - (table & PTE_FRAME);
}

/* Where the kernel has the page at @page of the user's that the struct vm_fault at @fault replaces;
 * 0: it replaces none. A global function, which the verifier walks once and not for all words. */
__noinline __u64 old_page(__u64 fault, __u64 page)
{
	__u64 pud, pmd, pte, entry, above;

	if (!is_own_fault(fault) || read_kernel_word(fault + layout.fault_pud, &pud) ||
	    read_kernel_word(fault + layout.fault_pmd, &pmd) ||
	    read_kernel_word(fault + layout.fault_pte, &pte) ||
	    read_kernel_word(fault + layout.fault_orig_pte, &entry))
		return 0;
	if ((entry & (PTE_PRESENT | PTE_WRITE)) != PTE_PRESENT ||
	    (pte / sizeof(entry) & PTE_INDEX) != (page / STACK_PAGE & PTE_INDEX))
		return 0;
	above = distance(pmd, pte);
	/* The same for both tables, or these are no physical addresses: guests of Xen have others. */
	if (!above || above != distance(pud, pmd))
		return 0;
	return above + (entry & PTE_FRAME);
}

/* Reads the top of the kernel stack to w->block, from the address it returns on; 0: it cannot. */
static __always_inline __u64 read_stack_top(struct work *w)
{
	__u64 from = w->kernel_stack + layout.stack_size - FAULT_DEPTH;

	if (!w->kernel_stack || !layout.fault_address ||
	    bpf_probe_read_kernel(w->block, FAULT_DEPTH, (void *)from))
		return 0;
	return from;
}

/*
 * Of some words from byte @off of w->block on, which is the kernel's memory from @from on: finds w->old_page by one
 * of them: 1 or 0. A global function, as above.
 */
__noinline int find_fault(__u64 from, __u32 off)
{
	struct work *w = this_work();

	if (!w || off > FAULT_DEPTH - FAULT_RUN * sizeof(__u64))
		return 0;
	for (int i = 0; i < FAULT_RUN; i++, off += sizeof(__u64)) {
		const __u8 *word = &w->block[off];

		if (*(const __u64 *)word != w->replaced)
			continue;
		w->old_page = old_page(from + off - layout.fault_address, w->replaced);
		if (w->old_page)
			return 1;
	}
	return 0;
}

/* Finds the fault that replaces @page of the user's, and what it replaces, for w->old_page. Works
 * in w->block. */
static __noinline void find_replaced(struct work *w, __u64 page)
{
	__u64 from;

	w->block_len = 0;
	w->replaced = page;
	w->old_page = 0;
	from = read_stack_top(w);
	for (__u32 off = 0; from && off < FAULT_DEPTH; off += FAULT_RUN * sizeof(__u64))
		if (find_fault(from, off))
			break;
}

/* Reads @n bytes at @addr of the user's, all of one page, if that is being replaced: 0 or -1. */
static __always_inline int read_replaced(struct work *w, void *dst, __u32 n, __u64 addr)
{
	__u64 page = addr & -(__u64)STACK_PAGE;

	if (!w->kernel_stack)
		return -1;
	if (w->replaced != page)
		find_replaced(w, page);
	if (!w->old_page)
		return -1;
	return bpf_probe_read_kernel(dst, n, (void *)(w->old_page + (addr - page))) ? -1 : 0;
}
