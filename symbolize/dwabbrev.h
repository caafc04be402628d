/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Abbreviation tables (DWARF 5 §7.5.3), compiled for a walk that wants little: each abbreviation
 * becomes a few steps, "skip 14 bytes", "skip a LEB128", "keep this one", so that an entry of no
 * interest costs a few instructions, however many attributes it has.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "dwform.h"

/* Attributes that the walk keeps, as they are numbered in struct dwdie. */
enum dwslot {
	DWSLOT_LOW_PC,
	DWSLOT_HIGH_PC,
	DWSLOT_RANGES,
	DWSLOT_ORIGIN, /* DW_AT_abstract_origin */
	DWSLOT_CALL_FILE,
	DWSLOT_CALL_LINE,
	DWSLOT_SIBLING,
	DWSLOT_WALK, /* those above are what a walk keeps; those below are read for names and units */
	DWSLOT_SPECIFICATION = DWSLOT_WALK,
	DWSLOT_NAME,
	DWSLOT_LINKAGE_NAME,
	DWSLOT_DECL_LINE,
	DWSLOT_STMT_LIST,
	DWSLOT_COMP_DIR,
	DWSLOT_STR_OFFSETS_BASE,
	DWSLOT_ADDR_BASE,
	DWSLOT_RNGLISTS_BASE,
	DWSLOT_GNU_RANGES_BASE,
	DWSLOT_DWO_NAME,
	DWSLOT_DWO_ID,
	DWSLOT_DECLARATION,
	DWSLOTS,
};

/* The attributes of one entry: form[i] == 0 where it has none. */
struct dwdie {
	uint16_t tag;
	bool children;
	uint16_t form[DWSLOTS];
	uint64_t value[DWSLOTS];
};

/* What a walk does with an entry. */
enum dwkind {
	DWKIND_PASS,	/* nothing, and goes on to its children */
	DWKIND_JUMP,	/* nothing, and goes on behind them if it says where that is */
	DWKIND_FUNCTION, /* one with code */
	DWKIND_INLINED,
};

struct dwabbrev {
	uint64_t code;
	uint32_t fixed; /* bytes of the whole entry when no step is needed, else DWABBREV_STEPS */
	uint16_t tag;
	uint8_t kind; /* enum dwkind */
	bool children;
	uint32_t first_step, n_steps;
	uint32_t first_attr, n_attrs;
};

#define DWABBREV_STEPS UINT32_MAX

enum { DWABBREV_FORMS = 0x40 }; /* those of the standard are below */

enum dwstep_op {
	DWSTEP_SKIP, /* n bytes */
	DWSTEP_LEB,
	DWSTEP_BLOCK, /* a LEB128 and as many bytes */
	DWSTEP_FIXED, /* a value of n bytes, in the slot */
	DWSTEP_KEEP,  /* a value of the form, in the slot */
	DWSTEP_OTHER, /* a value of the form that nobody wants */
};

struct dwstep {
	uint8_t op, slot;
	uint16_t form;
	uint32_t n; /* bytes, or the attribute's number (for its implicit constant) */
};

struct dwattr {
	uint16_t form;
	uint8_t slot; /* DWSLOTS: nobody wants it */
	int64_t implicit;
};

struct dwabbrevs {
	struct dwshape shape;
	/* How values are passed over, of the first forms. */
	struct dwform_how {
		int8_t size; /* dwform_size() */
		uint8_t op;  /* enum dwstep_op */
	} how[DWABBREV_FORMS];
	ARRAY(struct dwabbrev) abbrevs; /* by code */
	ARRAY(struct dwstep) steps;
	ARRAY(struct dwattr) attrs;
	bool dense; /* code i + 1 is abbrevs[i] */
	bool whole; /* read up to the zero that closes a table */
	uint64_t work; /* bytes of tables read so far, of all that it held */
	/* Which table it holds: dwunit_read_abbrevs(). */
	const void *file;
	uint64_t off;
};

/*
 * Compiles the table that begins at @p, for units of one shape; with @only != 0 the entry of that code
 * alone. Of an attribute that comes twice the first one counts. 0, -EBADMSG, -EFBIG for one of more
 * than a million entries, -ENOMEM; release it in any case. @a may have held another table: its storage
 * is used again.
 */
int dwabbrevs_read(struct dwabbrevs *a, const uint8_t *p, size_t n, const struct dwshape *shape,
		   uint64_t only);
void dwabbrevs_done(struct dwabbrevs *a);

const struct dwabbrev *dwabbrevs_search(const struct dwabbrevs *a, uint64_t code);

/* The abbreviation of a code, NULL when the table has none. */
static inline const struct dwabbrev *dwabbrevs_find(const struct dwabbrevs *a, uint64_t code)
{
	if (a->dense)
		return code - 1 < a->abbrevs.n ? &a->abbrevs.items[code - 1] : NULL;
	return dwabbrevs_search(a, code);
}

/*
 * Reads the entry at @p (its code first) with all attributes that have a slot: the position behind
 * it, or NULL when it is broken. @unit is what offsets in place count from.
 */
const uint8_t *dwabbrevs_read_die(const struct dwabbrevs *a, const uint8_t *p, const uint8_t *end,
				  const uint8_t *unit, struct dwdie *ret);
