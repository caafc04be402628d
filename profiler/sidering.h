/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings of records, one a CPU, read in the order of time. It knows memory and two positions, not
 * where they come from, so that tests can make them up. Contents are not trusted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideband.h"
#include "siderec.h"

/* One ring. The caller fills the first part. */
struct sidering {
	unsigned cpu;
	const uint8_t *data;  /* borrowed, like the positions below */
	uint64_t bytes;	      /* of data: a power of two */
	const uint64_t *head; /* where the kernel will write; both count bytes since ever */
	uint64_t
		*tail; /* up to where it has been read; the kernel writes no further than its lap */

	uint64_t announced; /* lost records, by the records in the ring */
	uint64_t lost;	    /* those that were told */

	uint64_t began;		 /* the tail before the last reading */
	uint64_t pos, must, may; /* next record, where to read to at least, and at most */
	uint64_t time_ns;	 /* of the next record, else of the last one */
	size_t next_bytes;	 /* size of the next record */
};

/* Who is told, and what is counted. */
struct sidering_reader {
	struct sideband_callbacks cb;
	bool build_ids; /* whether the events ask for them */
	struct sideband_counts counts;
	uint8_t bounce[SIDEREC_MAX_BYTES]; /* for a record that goes on at the ring's beginning */
};

/*
 * Notes what is in a ring: sidering_mark_must() on every ring first, sidering_mark_may() on every
 * ring then, as the essay in sidering.c explains.
 */
void sidering_mark_must(struct sidering *r);
void sidering_mark_may(struct sidering *r);

/*
 * Delivers what was marked in the @n rings, and moves their tails past it. Changes the order of
 * @rings. A malformed record is counted and skipped; after one without a usable size its ring is
 * taken up again at the marked end.
 */
void sidering_merge(struct sidering **rings, size_t n, struct sidering_reader *rd);

/* Marks and merges. */
void sidering_read(struct sidering **rings, size_t n, struct sidering_reader *rd);

/*
 * Tells of losses when @total of @r's records were lost since ever and fewer have been told, so
 * that two sources of the same number are not added up.
 */
void sidering_tell_lost(struct sidering *r, uint64_t total, uint64_t time_ns,
			struct sidering_reader *rd);
