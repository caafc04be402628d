/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of the sampler: ring records and map rows become traces, sets are emptied. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sampler_state.h"
#include "snapshot.h"
#include "trace.h"

#include "sampler.skel.h"

#define READ_AT_ONCE (256 << 10) /* bytes of the ring: ten snapshots or thirty, a millisecond */

void sampler_forget_kernel_stacks(struct sampler *s, struct set *set)
{
	for (size_t i = 0; i < s->kernel_buckets; i++) {
		free(set->kernel_stacks[i]);
		set->kernel_stacks[i] = NULL;
	}
	set->n_kernel_stacks = 0;
}

static void on_sample_record(struct sampler *s, const struct wire_sample *w, size_t size)
{
	const uint64_t *addr = (const uint64_t *)(w + 1);
	struct trace t = {
		.tgid = w->tgid,
		.tid = w->tid,
		.event = w->event,
		.flags = w->flags,
		.end = w->end,
		.samples = 1,
		.value = w->value,
		.time_ns = w->time_ns,
		.cgroup = w->cgroup,
		.uid = w->uid,
		.user = addr,
		.n_user = w->n_user,
		.n_kernel = w->n_kernel,
	};

	if (size < sizeof(*w) || w->n_user > WIRE_USER_FRAMES || w->n_kernel > WIRE_KERNEL_FRAMES ||
	    size < sizeof(*w) + (w->n_user + w->n_kernel) * sizeof(*addr)) {
		s->cb.on_lost(s->cb.ctx, CTR_LOST_BAD_RECORD, 1);
		return;
	}
	t.kernel = addr + w->n_user;
	memcpy(t.comm, w->comm, sizeof(w->comm));
	s->cb.on_trace(s->cb.ctx, &t);
}

/* The copies that follow the first one in @w, as far as all are in the @n bytes of its stack. */
static bool read_others(const struct wire_snapshot *w, size_t n, struct snapshot *snap)
{
	_Static_assert(SNAPSHOT_OTHERS == WIRE_SNAPSHOT_OTHERS, "each has its place");
	size_t at = w->n_stack;

	if (at > WIRE_SNAPSHOT_STACK || at > n)
		return false;
	for (size_t i = 0; i < SNAPSHOT_OTHERS; i++) {
		if (w->n_other[i] > WIRE_OTHER_STACK || w->n_other[i] > n - at)
			return false;
		snap->others[i] =
			(struct snapshot_piece){ w->other_start[i], w->stack + at, w->n_other[i] };
		at += w->n_other[i];
	}
	return true;
}

/* What @w, a record of @size bytes, holds: the sample without its user stack, and what to unwind it
 * from. False when it makes no sense. */
static bool read_snapshot(const struct wire_snapshot *w, size_t size, struct trace *t,
			  struct snapshot *snap)
{
	_Static_assert(SNAPSHOT_REG_MAX == WIRE_SNAPSHOT_REGS, "both by DWARF number");
	struct snapshot others;

	if (size < WIRE_SNAPSHOT_HEAD || w->rec.n_kernel > WIRE_KERNEL_FRAMES ||
	    !read_others(w, size - WIRE_SNAPSHOT_HEAD, &others))
		return false;
	*t = (struct trace){
		.tgid = w->rec.tgid,
		.tid = w->rec.tid,
		.event = w->rec.event,
		.flags = w->rec.flags,
		.end = w->rec.end,
		.samples = 1,
		.value = w->rec.value,
		.time_ns = w->rec.time_ns,
		.cgroup = w->rec.cgroup,
		.uid = w->rec.uid,
		.kernel = (const void *)w->kernel,
		.n_kernel = w->rec.n_kernel,
	};
	*snap = (struct snapshot){
		.stack_start = w->stack_start,
		.stack = w->stack,
		.n_stack = w->n_stack,
		.absent = w->absent,
		.code = w->code,
	};
	memcpy(snap->others, others.others, sizeof(snap->others));
	memcpy(t->comm, w->rec.comm, sizeof(w->rec.comm));
	memcpy(snap->regs.r, w->regs, sizeof(w->regs));
	return true;
}

static void on_snapshot_record(struct sampler *s, const struct wire_snapshot *w, size_t size)
{
	struct snapshot snap;
	struct trace t;

	if (read_snapshot(w, size, &t, &snap))
		s->cb.on_snapshot(s->cb.ctx, &t, &snap);
	else
		s->cb.on_lost(s->cb.ctx, CTR_LOST_BAD_RECORD, 1);
}

static void on_verify_record(struct sampler *s, const struct wire_verify *w, size_t size)
{
	const size_t head = offsetof(struct wire_verify, snap);
	struct snapshot snap;
	struct trace t;

	if (size < head || w->n_walked > WIRE_USER_FRAMES ||
	    !read_snapshot(&w->snap, size - head, &t, &snap)) {
		s->cb.on_lost(s->cb.ctx, CTR_LOST_BAD_RECORD, 1);
		return;
	}
	t.user = (const void *)w->walked;
	t.n_user = w->n_walked;
	s->cb.on_verify(s->cb.ctx, &t, &snap);
}

static void take_record(struct sampler *s, const void *data, size_t size)
{
	const struct wire_notice *notice = data;

	switch (size < sizeof(*notice) ? 0 : notice->type) {
	case WIRE_SAMPLE:
		on_sample_record(s, data, size);
		break;
	case WIRE_DRAIN:
		s->cb.on_drain_wanted(s->cb.ctx);
		break;
	case WIRE_NEW_PROCESS:
		s->cb.on_new_process(s->cb.ctx, notice->tgid);
		break;
	case WIRE_SNAPSHOT:
		on_snapshot_record(s, data, size);
		break;
	case WIRE_VERIFY:
		on_verify_record(s, data, size);
		break;
	case WIRE_STALE:
		s->cb.on_stale(s->cb.ctx, notice->tgid);
		break;
	default:
		s->cb.on_lost(s->cb.ctx, CTR_LOST_BAD_RECORD, 1);
	}
}

int sampler_on_record(void *ctx, void *data, size_t size)
{
	struct sampler *s = ctx;

	take_record(s, data, size);
	s->to_read -= size < s->to_read ? size : s->to_read;
	return s->to_read ? 0 : -EAGAIN; /* libbpf stops reading */
}

/*
 * Reads at most @bytes and what the last record has more: samples may come as fast as they are
 * read, and all the more while nothing else is done.
 */
static int read_ring(struct sampler *s, size_t bytes)
{
	int r;

	s->to_read = bytes;
	r = ring_buffer__consume(s->ring);
	return r < 0 && r != -EAGAIN ? r : 0;
}

/* Bytes of the ring that are still to be read. */
static size_t bytes_written(const struct sampler *s)
{
	return __atomic_load_n(s->ring_written, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(s->ring_read, __ATOMIC_ACQUIRE);
}

int sampler_consume(struct sampler *s)
{
	return read_ring(s, READ_AT_ONCE);
}

/* The kernel stack @id of @set, read once and kept; NULL when it is not there. */
static const struct kernel_stack *kernel_stack(struct sampler *s, struct set *set, int32_t id)
{
	uint64_t addr[WIRE_KERNEL_FRAMES];
	struct kernel_stack *k;
	uint32_t n = 0;

	if (id < 0 || (size_t)id >= s->kernel_buckets)
		return NULL;
	if (set->kernel_stacks[id])
		return set->kernel_stacks[id];
	if (bpf_map_lookup_elem(set->kernel_stacks_fd, &id, addr) < 0)
		return NULL;
	while (n < WIRE_KERNEL_FRAMES && addr[n])
		n++;
	k = malloc(sizeof(*k) + n * sizeof(*addr));
	if (!k)
		return NULL;
	k->n = n;
	memcpy(k->addr, addr, n * sizeof(*addr));
	set->n_kernel_stacks++;
	return set->kernel_stacks[id] = k;
}

static void on_row(struct sampler *s, struct set *set, const struct wire_row *row)
{
	const struct wire_key *key = &row->key;
	struct trace t = {
		.tgid = key->tgid,
		.tid = key->tid,
		.event = key->event,
		.flags = key->flags,
		.end = key->end,
		.samples = row->samples,
		.value = row->value,
		.time_ns = row->time_ns,
		.cgroup = row->cgroup,
		.uid = row->uid,
		.user = (const void *)row->addr,
		.n_user = row->n_user,
	};

	memcpy(t.comm, key->comm, sizeof(key->comm));
	if (key->kernel_stack != WIRE_NO_STACK) {
		const struct kernel_stack *k = kernel_stack(s, set, key->kernel_stack);

		t.kernel = k ? k->addr : NULL;
		t.n_kernel = k ? k->n : 0;
		if (!k)
			t.flags |= WIRE_KERNEL_READ;
		else if (k->n == WIRE_KERNEL_FRAMES)
			t.flags |= WIRE_KERNEL_DEPTH;
	}
	s->cb.on_trace(s->cb.ctx, &t);
}

/* The rows of a block become traces. */
static void read_block(struct sampler *s, struct set *set, const struct wire_block *b)
{
	size_t used = b->used < WIRE_BLOCK_DATA ? b->used : WIRE_BLOCK_DATA, off = 0;

	while (off < used) {
		const struct wire_row *row = (const void *)(b->data + off);

		if (used - off < sizeof(*row) || !row->samples || row->n_user > WIRE_USER_FRAMES ||
		    wire_row_bytes(row->n_user) > used - off) {
			s->cb.on_lost(s->cb.ctx, CTR_LOST_BAD_RECORD, 1);
			return;
		}
		on_row(s, set, row);
		off += wire_row_bytes(row->n_user);
	}
}

/* Reads and empties the blocks of the CPUs that filled any. */
void sampler_empty_arena(struct sampler *s, struct set *set)
{
	for (size_t cpu = 0; cpu < (size_t)s->n_cpus; cpu++) {
		size_t part = wire_part((uint32_t)cpu, set->number);
		struct wire_block *first = &s->arena[part * s->blocks_per_cpu];

		for (size_t i = 0; i < s->blocks_per_cpu && first[i].used; i++) {
			read_block(s, set, &first[i]);
			first[i].used = 0;
		}
		if (first->rows)
			memset(&s->buckets[part * s->buckets_per_cpu], 0,
			       s->buckets_per_cpu * sizeof(*s->buckets));
		if (first->current | first->rows | first->asked | first->snapshots |
		    first->verified)
			first->current = first->rows = first->asked = first->snapshots =
				first->verified = 0;
	}
}

/* Stack-trace maps cannot be emptied in batches; they are only when they get half full. */
static void empty_kernel_stacks(struct sampler *s, struct set *set)
{
	uint32_t key, next, *prev = NULL;

	if (set->n_kernel_stacks * 2 < s->kernel_buckets)
		return;
	while (bpf_map_get_next_key(set->kernel_stacks_fd, prev, &next) == 0) {
		if (prev)
			bpf_map_delete_elem(set->kernel_stacks_fd, prev);
		key = next;
		prev = &key;
	}
	if (prev)
		bpf_map_delete_elem(set->kernel_stacks_fd, prev);
	sampler_forget_kernel_stacks(s, set);
}

int sampler_drain(struct sampler *s)
{
	uint32_t old = s->skel->bss->active_set;
	struct set *set = &s->sets[old];
	int r;

	__atomic_store_n(&s->skel->bss->active_set, !old, __ATOMIC_SEQ_CST);
	r = grace_wait(&s->grace);
	if (r < 0)
		return r;
	r = read_ring(s, bytes_written(s)); /* all that was there before */
	if (r < 0)
		return r;
	sampler_empty_arena(s, set);
	empty_kernel_stacks(s, set);
	return 0;
}
