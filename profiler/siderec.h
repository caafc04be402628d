/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record of a perf ring as a struct. The layouts are those of perf_event_open(2) for events
 * with sample_id_all and sample_type TID | TIME | CPU: a header, a body, and a trailer with the
 * time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sideband.h"

#define SIDEREC_HEADER_BYTES  8
#define SIDEREC_TRAILER_BYTES 24	 /* u32 tgid, tid; u64 time; u32 cpu, 0 */
#define SIDEREC_TRAILER_TIME  8		 /* where the time is in it */
#define SIDEREC_MAX_BYTES     UINT16_MAX /* the header has 16 bits for the size */

enum siderec_kind {
	SIDEREC_UNKNOWN, /* of a type that was not asked for; nothing else is set */
	SIDEREC_MMAP,
	SIDEREC_COMM,
	SIDEREC_FORK,
	SIDEREC_EXIT,
	SIDEREC_CGROUP,
	SIDEREC_LOST,
};

struct siderec {
	enum siderec_kind kind;
	uint64_t time_ns;
	union {
		struct sideband_mmap mmap;
		struct sideband_comm comm;
		struct sideband_task task; /* fork and exit */
		struct sideband_cgroup cgroup;
		uint64_t lost; /* records that the kernel had no room for */
	};
};

/* The kind of records of perf type @type; all but SIDEREC_UNKNOWN end in the trailer above. */
enum siderec_kind siderec_kind(uint32_t type);

/*
 * Parses the record of @n bytes at @p, header and trailer included, of an event that asks for build
 * ids if @build_ids. 0 and *@ret, which borrows names and build ids from @p; -EBADMSG when it does
 * not hold what its type promises.
 */
int siderec_parse(const void *p, size_t n, bool build_ids, struct siderec *ret);
