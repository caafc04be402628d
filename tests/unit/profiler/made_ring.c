/* SPDX-License-Identifier: Apache-2.0 */
#include "made_ring.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/perf_event.h>

void made_ring_init(struct made_ring *m, unsigned cpu, size_t bytes, uint64_t start)
{
	*m = (struct made_ring){ .head = start, .tail = start, .data = malloc(bytes) };
	if (!m->data)
		abort();
	memset(m->data, 0xee, bytes);
	m->ring = (struct sidering){ .cpu = cpu, .data = m->data, .bytes = bytes };
	m->ring.head = &m->head;
	m->ring.tail = &m->tail;
}

void made_ring_done(struct made_ring *m)
{
	free(m->data);
}

void made_ring_put(struct made_ring *m, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		m->data[m->head++ & (m->ring.bytes - 1)] = ((const uint8_t *)p)[i];
}

void made_ring_record(struct made_ring *m, uint32_t type, uint16_t misc, uint64_t time_ns,
		      const void *body, size_t n)
{
	struct perf_event_header h = {
		.type = type,
		.misc = misc,
		.size = (uint16_t)(sizeof(h) + n + SIDEREC_TRAILER_BYTES),
	};
	struct {
		uint32_t tgid, tid;
		uint64_t time_ns;
		uint32_t cpu, reserved;
	} trailer = { .time_ns = time_ns, .cpu = m->ring.cpu };

	_Static_assert(sizeof(trailer) == SIDEREC_TRAILER_BYTES, "");
	made_ring_put(m, &h, sizeof(h));
	made_ring_put(m, body, n);
	made_ring_put(m, &trailer, sizeof(trailer));
}

/* The size with its NUL as the kernel pads it. */
static size_t padded(const char *s)
{
	return (strlen(s) + 8) & ~(size_t)7;
}

void made_ring_comm(struct made_ring *m, uint64_t time_ns, uint32_t tgid, uint32_t tid,
		    const char *comm, bool exec)
{
	struct {
		uint32_t tgid, tid;
		char comm[16];
	} body = { .tgid = tgid, .tid = tid };

	memcpy(body.comm, comm, strlen(comm));
	made_ring_record(m, PERF_RECORD_COMM, exec ? PERF_RECORD_MISC_COMM_EXEC : 0, time_ns, &body,
			 8 + padded(comm));
}

static void put_task(struct made_ring *m, uint32_t type, uint64_t time_ns, const uint32_t ids[4])
{
	struct {
		uint32_t tgid, parent_tgid, tid, parent_tid;
		uint64_t time_ns;
	} body = { ids[0], ids[1], ids[2], ids[3], time_ns };

	made_ring_record(m, type, 0, time_ns, &body, sizeof(body));
}

void made_ring_fork(struct made_ring *m, uint64_t time_ns, uint32_t parent, uint32_t tgid,
		    uint32_t tid)
{
	put_task(m, PERF_RECORD_FORK, time_ns, (uint32_t[]){ tgid, parent, tid, parent + 1 });
}

void made_ring_exit(struct made_ring *m, uint64_t time_ns, uint32_t tgid, uint32_t tid)
{
	put_task(m, PERF_RECORD_EXIT, time_ns, (uint32_t[]){ tgid, 1, tid, 1 });
}

void made_ring_lost(struct made_ring *m, uint64_t time_ns, uint64_t n)
{
	uint64_t body[] = { 4711, n };

	made_ring_record(m, PERF_RECORD_LOST, 0, time_ns, body, sizeof(body));
}

void made_ring_mmap(struct made_ring *m, uint64_t time_ns, uint32_t tgid, uint64_t addr,
		    uint8_t id_n, const char *name)
{
	struct {
		uint32_t tgid, tid;
		uint64_t addr, len, file_off;
		union {
			struct {
				uint32_t major_nr, minor_nr;
				uint64_t ino, generation;
			};
			struct {
				uint8_t id_n, reserved[3], id[20];
			};
		};
		uint32_t prot, flags;
		char name[4096];
	} body = { .tgid = tgid,
		   .tid = tgid + 1,
		   .addr = addr,
		   .len = 0x2000,
		   .file_off = 0x1000,
		   .prot = 5,
		   .flags = 2 };

	body.major_nr = 8;
	body.minor_nr = 1;
	body.ino = 77;
	body.generation = 3;
	if (id_n) {
		body.id_n = id_n;
		for (uint8_t i = 0; i < sizeof(body.id); i++)
			body.id[i] = (uint8_t)(i + 1);
	}
	memcpy(body.name, name, strlen(name));
	made_ring_record(m, PERF_RECORD_MMAP2, id_n ? PERF_RECORD_MISC_MMAP_BUILD_ID : 0, time_ns,
			 &body, offsetof(__typeof__(body), name) + padded(name));
}

/* --- the log --- */

static void add(struct made_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct made_log *log, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(log->text + log->n, sizeof(log->text) - log->n, fmt, ap);
	va_end(ap);
	if (n < 0 || log->n + (size_t)n >= sizeof(log->text))
		abort();
	log->n += (size_t)n;
}

static void log_mmap(void *ctx, uint64_t time_ns, const struct sideband_mmap *m)
{
	add(ctx, "%" PRIu64 " mmap %u/%u %#" PRIx64 "+%#" PRIx64 " off=%#" PRIx64, time_ns, m->tgid,
	    m->tid, m->addr, m->len, m->file_off);
	if (m->build_id_n) {
		add(ctx, " id=");
		for (unsigned i = 0; i < m->build_id_n; i++)
			add(ctx, "%02x", m->build_id[i]);
	}
	if (m->ino)
		add(ctx, " dev=%#" PRIx64 " ino=%" PRIu64 ".%" PRIu64, m->dev, m->ino,
		    m->ino_generation);
	add(ctx, " prot=%u flags=%u %.60s\n", m->prot, m->flags, m->name);
}

static void log_comm(void *ctx, uint64_t time_ns, const struct sideband_comm *c)
{
	add(ctx, "%" PRIu64 " %s %u/%u %s\n", time_ns, c->exec ? "exec" : "comm", c->tgid, c->tid,
	    c->comm);
}

static void log_fork(void *ctx, uint64_t time_ns, const struct sideband_task *t)
{
	add(ctx, "%" PRIu64 " fork %u/%u by %u/%u\n", time_ns, t->tgid, t->tid, t->parent_tgid,
	    t->parent_tid);
}

static void log_exit(void *ctx, uint64_t time_ns, const struct sideband_task *t)
{
	add(ctx, "%" PRIu64 " exit %u/%u of %u/%u\n", time_ns, t->tgid, t->tid, t->parent_tgid,
	    t->parent_tid);
}

static void log_lost(void *ctx, uint64_t time_ns, unsigned cpu, uint64_t n)
{
	add(ctx, "%" PRIu64 " lost %" PRIu64 " on %u\n", time_ns, n, cpu);
}

struct sideband_callbacks made_log_callbacks(struct made_log *log)
{
	return (struct sideband_callbacks){
		.on_mmap = log_mmap,
		.on_comm = log_comm,
		.on_fork = log_fork,
		.on_exit = log_exit,
		.on_lost = log_lost,
		.ctx = log,
	};
}
