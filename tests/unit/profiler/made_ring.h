/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up perf rings, and a log of what was delivered from them, one line a record. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sidering.h"

struct made_ring {
	struct sidering ring;
	uint64_t head, tail;
	uint8_t *data; /* of exactly the ring's size, so that ASan sees one byte too many */
};

/* An empty ring of @bytes, a power of two, whose positions begin at @start. Never fails. */
void made_ring_init(struct made_ring *m, unsigned cpu, size_t bytes, uint64_t start);
void made_ring_done(struct made_ring *m);

/* Appends bytes as they are, round the end if need be. */
void made_ring_put(struct made_ring *m, const void *p, size_t n);

/* Appends a record: header, body, trailer. */
void made_ring_record(struct made_ring *m, uint32_t type, uint16_t misc, uint64_t time_ns,
		      const void *body, size_t n);

void made_ring_comm(struct made_ring *m, uint64_t time_ns, uint32_t tgid, uint32_t tid,
		    const char *comm, bool exec);
void made_ring_fork(struct made_ring *m, uint64_t time_ns, uint32_t parent, uint32_t tgid,
		    uint32_t tid);
void made_ring_exit(struct made_ring *m, uint64_t time_ns, uint32_t tgid, uint32_t tid);
void made_ring_lost(struct made_ring *m, uint64_t time_ns, uint64_t n);

/* A mapping of 08:01 inode 77, or with a build id of @id_n bytes 1, 2, 3, ... */
void made_ring_mmap(struct made_ring *m, uint64_t time_ns, uint32_t tgid, uint64_t addr,
		    uint8_t id_n, const char *name);

struct made_log {
	char text[16384];
	size_t n;
};

/* Callbacks that write to @log. */
struct sideband_callbacks made_log_callbacks(struct made_log *log);
