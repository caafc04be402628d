/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings are filled while they are read, so what is "there" differs from ring to ring: between a
 * look at CPU 0's ring and one at CPU 1's a process may fork on CPU 0, and its child may map a
 * library on CPU 1. Read up to where it was looked, the child's mapping would come a whole reading
 * before its fork. Hence two looks at every ring, the second after the first is over for all:
 *
 *	CPU 0   ──a──────b─┊────────c────┊──
 *	CPU 1   ─────d─────┊──e──────f───┊─g
 *	                  must          may
 *
 * Records before `must` are delivered, and whatever is earlier than the latest of them. A cause is
 * in its ring before the time of its effect is taken; an effect before that latest time was in the
 * past when the second look began; so its cause is before `may`, earlier, and delivered first. Above
 * that is a, d, b; also e, if it is earlier than b; all others wait for the next reading.
 */
#include "sidering.h"

#include <stdbool.h>
#include <string.h>

#include <linux/perf_event.h>

#include "bytes.h"

void sidering_mark_must(struct sidering *r)
{
	r->began = r->pos = *r->tail;
	/* Pairs with the kernel's barrier before it moves the head: the records are there. */
	r->must = __atomic_load_n(r->head, __ATOMIC_ACQUIRE);
}

void sidering_mark_may(struct sidering *r)
{
	r->may = __atomic_load_n(r->head, __ATOMIC_ACQUIRE);
}

static bool owes(const struct sidering *r)
{
	return (int64_t)(r->must - r->pos) > 0;
}

/* Says that everything before `pos` has been read; the kernel may overwrite it from here on. */
static void move_tail(struct sidering *r)
{
	__atomic_store_n(r->tail, r->pos, __ATOMIC_RELEASE);
}

/* Copies @n bytes, at most a ring, that are @off bytes after the next record's beginning. */
static void copy_out(const struct sidering *r, uint64_t off, void *to, size_t n)
{
	uint64_t at = (r->pos + off) & (r->bytes - 1);
	size_t first = n <= r->bytes - at ? n : (size_t)(r->bytes - at);

	memcpy(to, r->data + at, first);
	memcpy((uint8_t *)to + first, r->data, n - first);
}

/* Looks at the next record's size and time. False when there is none, or none that makes sense. */
static bool peek(struct sidering *r, struct sidering_reader *rd)
{
	uint64_t left = r->may - r->pos;
	uint8_t buf[SIDEREC_HEADER_BYTES];
	struct perf_event_header h = { 0 };
	struct bytes b = bytes_of(buf, sizeof(buf));

	if (left == 0)
		return false;
	if (left >= sizeof(buf) && left <= r->bytes) {
		copy_out(r, 0, buf, sizeof(buf));
		(void)bytes_copy(&b, &h, sizeof(h));
	}
	if (h.size < sizeof(buf) || h.size > left) {
		rd->counts.malformed++;
		r->pos = r->may;
		move_tail(r);
		return false;
	}
	r->next_bytes = h.size;
	if (siderec_kind(h.type) != SIDEREC_UNKNOWN &&
	    h.size >= SIDEREC_HEADER_BYTES + SIDEREC_TRAILER_BYTES)
		copy_out(r, h.size - SIDEREC_TRAILER_BYTES + SIDEREC_TRAILER_TIME, &r->time_ns,
			 sizeof(r->time_ns));
	return true;
}

void sidering_tell_lost(struct sidering *r, uint64_t total, uint64_t time_ns,
			struct sidering_reader *rd)
{
	uint64_t n = total - r->lost;

	if (total <= r->lost)
		return;
	r->lost = total;
	rd->counts.lost += n;
	if (rd->cb.on_lost)
		rd->cb.on_lost(rd->cb.ctx, time_ns, r->cpu, n);
}

static void dispatch(struct sidering *r, const struct siderec *rec, struct sidering_reader *rd)
{
	const struct sideband_callbacks *cb = &rd->cb;

	switch (rec->kind) {
	case SIDEREC_MMAP:
		if (cb->on_mmap)
			cb->on_mmap(cb->ctx, rec->time_ns, &rec->mmap);
		break;
	case SIDEREC_COMM:
		if (cb->on_comm)
			cb->on_comm(cb->ctx, rec->time_ns, &rec->comm);
		break;
	case SIDEREC_FORK:
		if (cb->on_fork)
			cb->on_fork(cb->ctx, rec->time_ns, &rec->task);
		break;
	case SIDEREC_EXIT:
		if (cb->on_exit)
			cb->on_exit(cb->ctx, rec->time_ns, &rec->task);
		break;
	case SIDEREC_CGROUP:
		if (cb->on_cgroup)
			cb->on_cgroup(cb->ctx, rec->time_ns, &rec->cgroup);
		break;
	case SIDEREC_LOST:
		r->announced += rec->lost;
		sidering_tell_lost(r, r->announced, rec->time_ns, rd);
		break;
	case SIDEREC_UNKNOWN:
		rd->counts.unknown++;
		return;
	}
	rd->counts.records++;
}

/* Delivers the record that peek() looked at, and moves past it. */
static void deliver(struct sidering *r, struct sidering_reader *rd)
{
	uint64_t at = r->pos & (r->bytes - 1);
	const uint8_t *p = r->data + at;
	struct siderec rec;

	if (r->next_bytes > r->bytes - at) {
		copy_out(r, 0, rd->bounce, r->next_bytes);
		p = rd->bounce;
	}
	if (siderec_parse(p, r->next_bytes, rd->build_ids, &rec) < 0)
		rd->counts.malformed++;
	else
		dispatch(r, &rec, rd);
	r->pos += r->next_bytes;
	move_tail(r);
}

/* --- the rings as a heap: each is not later than the two below it --- */

static bool earlier(const struct sidering *a, const struct sidering *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->cpu < b->cpu;
}

static void swap(struct sidering **a, struct sidering **b)
{
	struct sidering *t = *a;

	*a = *b;
	*b = t;
}

static void sift_down(struct sidering **heap, size_t n, size_t i)
{
	for (;;) {
		size_t first = i, left = 2 * i + 1, right = left + 1;

		if (left < n && earlier(heap[left], heap[first]))
			first = left;
		if (right < n && earlier(heap[right], heap[first]))
			first = right;
		if (first == i)
			return;
		swap(&heap[i], &heap[first]);
		i = first;
	}
}

void sidering_merge(struct sidering **rings, size_t n, struct sidering_reader *rd)
{
	size_t n_heap = 0, n_owing = 0;

	for (size_t i = 0; i < n; i++)
		if (peek(rings[i], rd)) {
			n_owing += owes(rings[i]);
			swap(&rings[n_heap++], &rings[i]);
		}
	for (size_t i = n_heap; i-- > 0;)
		sift_down(rings, n_heap, i);
	while (n_owing && n_heap) {
		struct sidering *r = rings[0];
		bool owed = owes(r), more;

		deliver(r, rd);
		more = peek(r, rd);
		if (owed && !owes(r))
			n_owing--;
		if (!more)
			swap(&rings[0], &rings[--n_heap]);
		sift_down(rings, n_heap, 0);
	}
}

void sidering_read(struct sidering **rings, size_t n, struct sidering_reader *rd)
{
	for (size_t i = 0; i < n; i++)
		sidering_mark_must(rings[i]);
	for (size_t i = 0; i < n; i++)
		sidering_mark_may(rings[i]);
	sidering_merge(rings, n, rd);
}
