/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a sample goes: a row in the active set, or whole through the ring when there is no room. */
#pragma once

#include "stackcopy.h"

/* Sends scratch's record, adding the kernel stack behind the user stack that lies there already. */
static __noinline int send_sample(struct bpf_perf_event_data *ctx, struct work *s, bool want_kernel)
{
	__u32 n_user = s->n_user;
	long bytes = 0;

	if (n_user > WIRE_USER_FRAMES)
		return 0;
	if (want_kernel)
		bytes = bpf_get_stack(ctx, &s->addr[n_user], WIRE_KERNEL_FRAMES * sizeof(__u64), 0);
	if (bytes < 0)
		bytes = 0;
	fill_record(&s->rec, WIRE_SAMPLE, s);
	s->rec.n_user = n_user;
	s->rec.n_kernel = (__u32)bytes / sizeof(__u64);
	if (s->rec.n_kernel >= WIRE_KERNEL_FRAMES)
		s->rec.flags |= WIRE_KERNEL_DEPTH;
	bytes = sizeof(s->rec) + (n_user + s->rec.n_kernel) * sizeof(__u64);
	if (bytes > (long)(sizeof(s->rec) + sizeof(s->addr)))
		return 0;
	if (bpf_ringbuf_output(&ring, &s->rec, bytes, ring_flags()))
		count(CTR_LOST_RING_FULL);
	return 0;
}

/* Tells user space, once a set and CPU, that this set should be drained before its window ends. */
static __always_inline void ask_for_drain(struct wire_block *head)
{
	if (!head->asked)
		head->asked = tell(WIRE_DRAIN, 0);
}

/* The bucket of this CPU's in @set for @hash. */
static __always_inline struct wire_bucket *bucket_at(__u32 set, __u32 hash)
{
	__u32 i = wire_part(bpf_get_smp_processor_id(), set) * config.buckets_per_cpu;

	i += hash & (config.buckets_per_cpu - 1);
	return bpf_map_lookup_elem(&buckets, &i);
}

/* The row of this CPU at @place, if it has @key. */
static __always_inline struct wire_row *row_of(__u32 set, __u32 place, const struct wire_key *key)
{
	struct wire_block *b = block_at(set, wire_place_block(place));
	const __u64 *a = (const void *)key, *k;
	__u32 off = wire_place_off(place);
	struct wire_row *row;

	if (!b || off > WIRE_BLOCK_DATA - sizeof(*row))
		return NULL;
	row = (void *)&b->data[off];
	k = (const void *)&row->key;
	if ((a[0] ^ k[0]) | (a[1] ^ k[1]) | (a[2] ^ k[2]) | (a[3] ^ k[3]) | (a[4] ^ k[4]))
		return NULL;
	return row;
}

/* A block that is filled beyond this cannot be trusted to take the longest row: the next one is
 * begun. One bound for all lengths is what the verifier can follow. */
#define BLOCK_FULL (WIRE_BLOCK_DATA - sizeof(struct wire_row) - WIRE_USER_FRAMES * sizeof(__u64))

/* Fills @row, behind which there is room for the longest stack: whether it could. */
static __always_inline bool fill_row(struct wire_row *row, const struct work *w)
{
	__u32 bytes = w->n_user * sizeof(*w->addr);

	row->key = w->key;
	row->samples = 1;
	row->value = w->value;
	row->time_ns = bpf_ktime_get_ns();
	row->cgroup = this_cgroup();
	row->uid = this_uid();
	row->n_user = w->n_user;
	/* COMPAT(6.12): the verifier learns the bounds of the very register that is compared, and
	 * without the barrier the compiler compares another one that it computed from n_user. */
	barrier_var(bytes);
	if (bytes > WIRE_USER_FRAMES * sizeof(*w->addr))
		return false;
	return !bytes || !bpf_probe_read_kernel(row->addr, bytes, w->addr);
}

/*
 * Appends a row for the tick to this CPU's blocks, to be found at @at of the bucket of @hash: 1, or
 * 0 when the blocks are full.
 */
__noinline int add_row(__u32 set, __u32 hash, __u32 at)
{
	struct wire_block *head = block_at(set, 0), *b;
	struct wire_bucket *bucket = bucket_at(set, hash);
	struct work *w = this_work();
	__u32 off;

	if (!head || !bucket || !w)
		return 0;
	b = block_at(set, head->current);
	if (b && b->used > BLOCK_FULL && head->current + 1 < config.blocks_per_cpu) {
		head->current++;
		b = block_at(set, head->current);
	}
	if (!b)
		return 0;
	off = b->used;
	if (off > BLOCK_FULL || !fill_row((void *)&b->data[off], w))
		return 0;
	b->used = off + wire_row_bytes(w->n_user);
	bucket->place[at & (WIRE_BUCKET_PLACES - 1)] = wire_place(hash, head->current, off);
	head->rows++;
	if (head->current && head->current + 1 >= config.blocks_per_cpu)
		ask_for_drain(head);
	return 1;
}

/* The hash of the user stack, which is most of a key, reaches every bit already. */
static __always_inline __u32 key_hash(const struct wire_key *key)
{
	const __u64 *word = (const void *)key;
	__u64 h = word[0] * 0x9e3779b97f4a7c15ull ^ word[1] * 0xbf58476d1ce4e5b9ull ^ word[2] ^
		  word[3] * 0x94d049bb133111ebull ^ word[4] * 0xd6e8feb86659fd93ull;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return h >> 32;
}

/* Adds the tick to the row of this CPU's key: 1, or 0 when there is no room for a new one. */
__noinline int count_tick(__u32 set)
{
	struct work *w = this_work();
	struct wire_bucket *bucket;
	__u32 hash, i = 0, place;
	struct wire_row *row;

	if (!w)
		return 0;
	hash = key_hash(&w->key);
	bucket = bucket_at(set, hash);
	if (!bucket)
		return 0;
	for (; i < WIRE_BUCKET_PLACES; i++) {
		place = bucket->place[i];
		if (!place)
			return add_row(set, hash, i);
		if ((place ^ hash) & WIRE_PLACE_HASH)
			continue;
		row = row_of(set, place, &w->key);
		if (!row)
			continue;
		row->samples++;
		row->value += w->value;
		return 1;
	}
	return add_row(set, hash, hash >> 16);
}

/* Tells user space of a process at its first tick, while its /proc files are there to be read. */
static __noinline void announce(__u32 tgid)
{
	__u32 nothing_lacks = 0;

	if (bpf_map_lookup_elem(&known_tgids, &tgid))
		return;
	/* What user space says of it meanwhile is to stay. */
	if (tell(WIRE_NEW_PROCESS, tgid))
		bpf_map_update_elem(&known_tgids, &tgid, &nothing_lacks, BPF_NOEXIST);
}
