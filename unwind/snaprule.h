/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: the unwind information of a function as far as it matters at one address, checked and
 * rewritten as a table with one CIE and one FDE of the plainest kind. Kept in a hash table with
 * four places for each value of the hash: those used last stay.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapobject.h"

/*
 * A rule is written for an address space of its own, the same for all processes: the instruction is
 * at `pc`, a number given to no other rule, with the low 12 bits of the real address; the bytes
 * [search table][CIE][FDE][zeros] are at `base`.
 */
struct snap_rule {
	uint64_t object; /* serial, 0 = empty */
	uint64_t vaddr;
	uint64_t pc, base;
	uint8_t *bytes;
	uint32_t n;
	bool is_signal;	 /* it is a signal trampoline */
	bool is_partial; /* as in struct cfi_entry, both */
	bool changes_stack;
	int error; /* negative when there are no bytes */
};

struct snap_rules {
	struct snap_rule *slots;
	size_t n_slots; /* a power of two */
	size_t bytes;
	uint64_t hits, misses;
	uint64_t serial; /* of the rule made last */
};

#define SNAP_RULE_TABLE_WORDS 1

/* Room for @max rules, rounded up: 0 or -ENOMEM. */
int snap_rules_init(struct snap_rules *rs, size_t max);
void snap_rules_done(struct snap_rules *rs);

/*
 * The rule at ELF address @vaddr of @o. 0 and *@ret, borrowed until the next find; -ENODATA when
 * there is no unwind information, -EBADMSG or -ENOTSUP when it cannot be used, -ENOMEM, -errno of
 * reading.
 */
int snap_rules_find(struct snap_rules *rs, struct snap_objects *os, struct snap_object *o,
		    uint64_t vaddr, struct snap_rule **ret);
