/* SPDX-License-Identifier: Apache-2.0 */
/* An object that snapshots were taken in. Only snapobject.c, which has its bytes, and snapfind.c, which finds
 * entries in them, look in here. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "snapcode.h"
#include "snapgo.h"
#include "snapobject.h"
#include "snapscan.h"

#define MAX_LOADS  16
#define SCAN_SHARE 4 /* a section that has to be read whole: this part of the budget */

struct snap_object {
	uint64_t entry; /* e_entry */
	uint64_t id, serial;
	struct snap_object *chain;	    /* of its bucket */
	struct snap_object *newer, *older;  /* by use */
	const struct snapshot_object *from; /* borrowed during the call */
	uint64_t size;
	uint8_t **blocks; /* of BLOCK_BYTES, NULL = not read yet */
	size_t n_blocks;
	size_t bytes; /* that it holds */
	struct {
		uint64_t vaddr, off, filesz;
		bool is_code;
	} loads[MAX_LOADS];
	size_t n_loads;
	/* The table of .eh_frame_hdr … */
	uint64_t hdr_vaddr, table_off, n_table; /* n_table == 0: none */
	/* … and what else there is, read at the first need. */
	bool was_go_sought, was_scanned, was_code_sought;
	struct snap_go *go;
	struct snap_code *code;
	struct snap_scan scan; /* .debug_frame, or all entries */
};

/* Notes that the object takes @n bytes more; that what took @before takes @now. */
void snap_object_charge(struct snap_objects *os, struct snap_object *o, size_t n);
void snap_object_recharge(struct snap_objects *os, struct snap_object *o, size_t before,
			  size_t now);

/* Makes room for @more bytes of @o, at the cost of the others, then of its own blocks. */
void snap_object_make_room(struct snap_objects *os, struct snap_object *o, size_t more);

/* Copies up to @n bytes from ELF address @vaddr: how many there are up to the segment's end, or -errno. */
int64_t snap_object_read_vaddr(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
			       void *buf, size_t n);
