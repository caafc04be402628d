/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as perf rings. Input: u8 rings - 1 and flags, then for each ring u8 log2 of its size,
 * u16 where its positions begin, u16 bytes in it at the first look, u8 more of them at the second;
 * the rest fills the rings one after another.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "sidering.h"

#define RINGS	  4
#define BUILD_IDS 0x80

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct made {
	struct sidering ring;
	uint64_t head, tail;
	uint16_t n;
	uint8_t more;
	uint8_t *data;
};

struct told {
	uint64_t records, lost;
};

static void on_mmap(void *ctx, uint64_t time_ns, const struct sideband_mmap *m)
{
	(void)time_ns;
	((struct told *)ctx)->records++;
	if (strlen(m->name) > SIDEREC_MAX_BYTES || m->build_id_n > SIDEBAND_BUILD_ID_MAX ||
	    (m->build_id_n && (m->ino || m->dev)))
		abort();
	for (unsigned i = 0; i < m->build_id_n; i++)
		((struct told *)ctx)->lost += m->build_id[i] * 0ull; /* reads it */
}

static void on_comm(void *ctx, uint64_t time_ns, const struct sideband_comm *c)
{
	(void)time_ns;
	((struct told *)ctx)->records++;
	if (strlen(c->comm) > SIDEREC_MAX_BYTES)
		abort();
}

static void on_task(void *ctx, uint64_t time_ns, const struct sideband_task *t)
{
	(void)time_ns;
	(void)t;
	((struct told *)ctx)->records++;
}

static void on_cgroup(void *ctx, uint64_t time_ns, const struct sideband_cgroup *g)
{
	(void)time_ns;
	((struct told *)ctx)->records++;
	if (strlen(g->path) > SIDEREC_MAX_BYTES)
		abort();
}

static void on_lost(void *ctx, uint64_t time_ns, unsigned cpu, uint64_t n)
{
	(void)time_ns;
	if (cpu >= RINGS || n == 0)
		abort();
	((struct told *)ctx)->lost += n;
}

/* The record alone, in memory of its size, so that ASan sees one byte too many. */
static void parse_alone(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(1, size ? size : 1);
	struct siderec rec;

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	(void)siderec_parse(copy, size, true, &rec);
	(void)siderec_parse(copy, size, false, &rec);
	free(copy);
}

static int make_ring(struct made *m, unsigned cpu, struct bytes *b)
{
	uint8_t log2;
	uint16_t start;

	*m = (struct made){ 0 };
	if (bytes_u8(b, &log2) < 0 || bytes_u16(b, &start) < 0 || bytes_u16(b, &m->n) < 0 ||
	    bytes_u8(b, &m->more) < 0)
		return -1;
	m->ring = (struct sidering){ .cpu = cpu, .bytes = 8ull << log2 % 14 };
	m->head = m->tail = start - 32768ull;
	return 0;
}

static void fill_ring(struct made *m, struct bytes *b)
{
	size_t n = bytes_left(b) < m->ring.bytes ? bytes_left(b) : (size_t)m->ring.bytes;
	const void *p;

	m->data = calloc(1, (size_t)m->ring.bytes);
	if (!m->data || bytes_take(b, n, &p) < 0)
		abort();
	for (size_t i = 0; i < n; i++)
		m->data[(m->tail + i) & (m->ring.bytes - 1)] = ((const uint8_t *)p)[i];
	m->ring.data = m->data;
	m->ring.head = &m->head;
	m->ring.tail = &m->tail;
}

static void check(const struct made *m, size_t n, const struct sidering_reader *rd,
		  const struct told *told)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		if ((int64_t)(m[i].tail - m[i].ring.must) < 0 ||
		    (int64_t)(m[i].head - m[i].tail) < 0)
			abort();
		bytes += m[i].tail - m[i].ring.began;
	}
	if (rd->counts.lost != told->lost || rd->counts.records < told->records)
		abort();
	/* A ring whose reading ends early has a bad record of at least a byte; others have a
	 * header. */
	if ((rd->counts.records + rd->counts.unknown) * SIDEREC_HEADER_BYTES > bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sidering_reader rd;
	struct bytes b = bytes_of(data, size);
	struct sidering *rings[RINGS];
	struct made made[RINGS];
	struct told told = { 0 };
	uint8_t flags;
	size_t n = 0;

	parse_alone(data, size);
	if (bytes_u8(&b, &flags) < 0)
		return 0;
	rd.cb = (struct sideband_callbacks){ on_mmap,	on_comm, on_task, on_task,
					     on_cgroup, on_lost, &told };
	rd.counts = (struct sideband_counts){ 0 };
	rd.build_ids = flags & BUILD_IDS;
	while (n < flags % RINGS + 1u && make_ring(&made[n], (unsigned)n, &b) == 0)
		n++;
	for (size_t i = 0; i < n; i++) {
		fill_ring(&made[i], &b);
		made[i].head += made[i].n;
		sidering_mark_must(&made[i].ring);
	}
	for (size_t i = 0; i < n; i++) {
		made[i].head += made[i].more;
		sidering_mark_may(&made[i].ring);
		rings[i] = &made[i].ring;
	}
	sidering_merge(rings, n, &rd);
	check(made, n, &rd, &told);
	for (size_t i = 0; i < n; i++)
		free(made[i].data);
	return 0;
}
