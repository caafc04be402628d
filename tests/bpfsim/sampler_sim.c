/* SPDX-License-Identifier: GPL-2.0-only */
/* The BPF programs as ordinary C. */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/errno.h>

#include <bpf/bpf_helpers.h>

#include "fake_kernel.h"
#include "fake_user.h"
#include "sampler_sim.h"

#pragma GCC diagnostic ignored "-Wpointer-arith" /* BPF programs add to void * */

/* Knobs are constant for the programs only; here the tests turn them. */
#define const
#include "sampler.bpf.c"
#undef const

#include "sim.h" /* behind the programs, who say how words of unwind tables are loaded */

/* A map whose definition names the types of key and value, or their sizes. */
#define ADD(m, n)	 fake_map_add(&m, #m, TYPE_OF(m), sizeof(*(m).key), sizeof(*(m).value), n)
#define ADD_MAPPED(m, n) fake_map_add_mapped(&m, #m, sizeof(*(m).value), n)
#define ADD_SIZED(m, n) \
	fake_map_add(&m, #m, TYPE_OF(m), NUMBER(m, key_size), NUMBER(m, value_size), n)
#define NUMBER(m, member) (sizeof(*(m).member) / sizeof(int))
#define TYPE_OF(m)	  NUMBER(m, type)

void sampler_sim_add_maps(const struct sim_sizes *s)
{
	ADD_MAPPED(arena, (size_t)s->blocks_per_cpu * FAKE_CPUS * WIRE_SETS);
	ADD_MAPPED(buckets, (size_t)s->buckets_per_cpu * FAKE_CPUS * WIRE_SETS);
	ADD_SIZED(kernel_stacks_0, s->kernel_buckets);
	ADD_SIZED(kernel_stacks_1, s->kernel_buckets);
	fake_map_add(&ring, "ring", TYPE_OF(ring), 0, 0, s->ring_bytes);
	ADD(counters, FAKE_CPUS);
	ADD(works, FAKE_CPUS);
	ADD(snapshots, FAKE_CPUS);
	ADD(spaces, s->spaces);
	ADD(begun, NUMBER(begun, max_entries));
	ADD_MAPPED(areas, s->areas);
	ADD_MAPPED(tables, s->tables);
	ADD_MAPPED(rows, s->pages);
	ADD(target_tgids, s->targets);
	ADD(target_tids, s->targets);
	ADD_SIZED(target_cgroups, NUMBER(target_cgroups, max_entries));
	ADD(known_tgids, s->known ? s->known : NUMBER(known_tgids, max_entries));
}

static struct pt_regs user_regs_now(void)
{
	struct pt_regs r = { .cs = fake.cs };

	if (!fake.cs)
		return r; /* a kernel thread's are all 0 */
	r.rax = fake.regs[0];
	r.rdx = fake.regs[1];
	r.rcx = fake.regs[2];
	r.rbx = fake.regs[3];
	r.rsi = fake.regs[4];
	r.rdi = fake.regs[5];
	r.rbp = fake.regs[6];
	r.rsp = fake.regs[7];
	r.r8 = fake.regs[8];
	r.r9 = fake.regs[9];
	r.r10 = fake.regs[10];
	r.r11 = fake.regs[11];
	r.r12 = fake.regs[12];
	r.r13 = fake.regs[13];
	r.r14 = fake.regs[14];
	r.r15 = fake.regs[15];
	r.rip = fake.regs[16];
	r.orig_rax = fake.syscall ? fake.syscall : ~0ull;
	r.ss = 0x2b;
	return r;
}

struct vma {
	uint64_t other[3];
	const void *mm;
};

/* A fault as the kernel has it on its stack. */
struct fault {
	const struct vma *vma;
	uint64_t other, address;
	const uint64_t *pud, *pmd;
	uint64_t orig_pte;
	const uint64_t *pte;
};

/* Physical addresses are lower than the kernel's by so much. */
#define MEMORY_AT 0x200000ull

static uint64_t physical(const void *p)
{
	return (uintptr_t)p - MEMORY_AT;
}

/* Tables of pages, one above the other. */
struct paging {
	_Alignas(FAKE_PAGE) uint64_t pmd[512], pte[512];
	uint64_t pud;
};

/* What a tick interrupts that replaces a page. */
static struct fault fault_now(const void *mm, struct vma *vma, struct paging *t)
{
	const struct fake_fault *f = &fake.replacing;
	uint64_t *pmd = &t->pmd[f->page >> 21 & 511];

	vma->mm = f->is_foreign ? vma : mm;
	*pmd = physical(t->pte) | 0x67;
	t->pud = (physical(t->pmd) + (f->is_scattered ? FAKE_PAGE : 0)) | 0x67;
	return (struct fault){ .vma = vma,
			       .address = f->page,
			       .pud = &t->pud,
			       .pmd = pmd,
			       .orig_pte = physical(f->old) | f->flags,
			       .pte = &t->pte[f->page / FAKE_PAGE % 512] };
}

static void know_layout(void)
{
	layout = (struct wire_layout){ .stack_size = SIM_STACK_BYTES };
	if (fake.has_no_layout)
		return;
	layout.task_stack = offsetof(struct fake_task, stack);
	layout.task_mm = offsetof(struct fake_task, mm);
	layout.vma_mm = offsetof(struct vma, mm);
	layout.fault_address = offsetof(struct fault, address);
	layout.fault_pud = offsetof(struct fault, pud);
	layout.fault_pmd = offsetof(struct fault, pmd);
	layout.fault_pte = offsetof(struct fault, pte);
	layout.fault_orig_pte = offsetof(struct fault, orig_pte);
}

static int run(unsigned event, struct bpf_perf_event_data *ctx)
{
	static int (*programs[])(struct bpf_perf_event_data *) = {
		sample_0, sample_1, sample_2, sample_3, sample_4, sample_5, sample_6, sample_7,
	};

	return programs[event](ctx);
}

int sampler_sim_tick(unsigned event, bool in_user)
{
	struct bpf_perf_event_data ctx = { .sample_period = SIM_PERIOD, .regs.cs = 0x10 };
	struct fake_task task = {
		.stack = calloc(1, SIM_STACK_BYTES),
		.mm = fake.has_no_memory ? NULL : &ctx,
		.thread_pid = fake.thread_pid,
		.signal = fake.signal,
	};
	struct pt_regs regs = user_regs_now();
	uint8_t *top = task.stack + SIM_STACK_BYTES - fake.above_regs - sizeof(regs);
	struct paging paging;
	struct fault interrupted;
	struct vma vma;
	int r;

	if (in_user)
		ctx.regs = regs;
	memcpy(top, &regs, sizeof(regs));
	interrupted = fault_now(task.mm, &vma, &paging);
	if (fake.replacing.page)
		memcpy(top - 800, &interrupted, sizeof(interrupted));
	fake.task = &task;
	know_layout();
	r = run(event, &ctx);
	fake.task = NULL;
	free(task.stack);
	return r;
}
