/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a .gopclntab taken apart: a header, functions by address, and for each a record that
 * leads to its name, to its tables of values by address (files, lines, inlined calls) and to its
 * inline tree. Nothing here reads the file; all is inside the bytes that it is given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "bytes.h"

enum go_layout {
	GO_12,	/* Go 1.2 to 1.15: everything counts from the header, addresses are whole */
	GO_116, /* 1.16, 1.17: parts of their own, files by unit of compilation */
	GO_118, /* 1.18, 1.19: addresses count from the start of the code */
	GO_120, /* from 1.20: functions know the line that they begin at */
};

enum { GO_HEADER_MAX = 72 }; /* bytes of the longest header */

/*
 * Of a table that is read piece by piece: is told of bytes [@off, @off + @n) of the table before
 * they are looked at, also of some behind its end. What it cannot bring there stays 0. @fn NULL:
 * all are there.
 */
struct go_bringer {
	void (*fn)(void *arg, uint64_t off, uint64_t n);
	void *arg;
};

struct go_table {
	enum go_layout layout;
	unsigned quantum; /* addresses in the tables of values count in it */
	uint64_t addr;	  /* of the header */
	uint64_t header_text;
	uint64_t text;	  /* what entries count from: 0 before GO_118, and to be set from then on */
	struct bytes all; /* and its parts: */
	struct bytes names, units, files, values, funcs, entries;
	size_t n_funcs;
	/* Which of a function's tables and data are about inlined calls; numbers changed over time.
	 */
	unsigned inl_values, inl_tree;
	uint64_t gofunc; /* what addresses of trees count from: 0 before GO_118 */
	struct go_bringer bringer;
};

/* Of a function. */
enum {
	GO_FUNC_TOP = 1,      /* outermost: Go's own unwinder ends here */
	GO_FUNC_SP_WRITE = 2, /* sets the stack pointer to what v_sp does not tell */
};

struct go_func {
	uint64_t lo, hi; /* addresses of the object */
	uint32_t name;
	uint32_t start_line; /* 0 = unknown */
	uint32_t unit;	     /* UINT32_MAX = none */
	/* Offsets of tables of values, 0 = none. */
	uint32_t v_sp; /* of the stack pointer's distance from where it was at the entry */
	uint32_t v_file, v_line, v_inl;
	uint8_t flags; /* GO_FUNC_*; 0 before Go 1.17 */
	uint64_t tree; /* address of its inline tree, UINT64_MAX = none */
};

/* Whether the GO_HEADER_MAX bytes at @p could begin a table of at most @room bytes. */
bool gotable_is_header(const uint8_t p[GO_HEADER_MAX], uint64_t room);

/*
 * The table of @n bytes at @p (borrowed), which lie at @addr. 0;
 * -ENOTSUP for a layout that is not known; -EBADMSG for a broken one.
 */
int gotable_parse(const void *p, size_t n, uint64_t addr, struct go_table *ret);

/* The same of bytes that @bringer brings, now and for as long as @ret is used. */
int gotable_parse_brought(const void *p, size_t n, uint64_t addr, struct go_bringer bringer,
			  struct go_table *ret);

/*
 * Has bytes [@off, @off + @n) of @part brought, if need be: those who read parts themselves call
 * this.
 */
static inline void gotable_bring(const struct go_table *t, const struct bytes *part, uint64_t off,
				 uint64_t n)
{
	if (t->bringer.fn)
		t->bringer.fn(t->bringer.arg, (uint64_t)(part->p - t->all.p) + off, n);
}

/* Address of function @i by its number, and for n_funcs where the last one ends; without text. */
uint64_t gotable_entry(const struct go_table *t, size_t i);

/*
 * The number of the function that holds address @addr, as far as they ascend: 0 and *@ret, -ENOENT.
 */
int gotable_find(const struct go_table *t, uint64_t addr, size_t *ret);

/* 0, or -EBADMSG for a record that is not inside. */
int gotable_func(const struct go_table *t, size_t i, struct go_func *ret);

/* The string at @off of a part: 0, *@ret (borrowed, ends in a NUL) and its length; -EBADMSG. */
int gotable_string(const struct bytes *part, uint64_t off, const char **ret, size_t *ret_n);

/* Offset in files of the file that @f's tables call @number: 0, -EBADMSG when there is none. */
int gotable_file(const struct go_table *t, const struct go_func *f, uint32_t number,
		 uint32_t *ret_off);

/* A table of values: each holds from the end of the one before, the first from the function's
 * start. */
struct go_run {
	uint32_t end; /* bytes from the function's start */
	int32_t value;
};

struct go_runs {
	ARRAY(struct go_run) runs; /* ascending, none of them empty */
};

/*
 * Replaces @runs by the table of values at @off (0 = none: no runs), cut at @n bytes of code. A
 * broken table has the runs before the damage. 0 or -ENOMEM.
 */
int gotable_values(const struct go_table *t, uint32_t off, uint32_t n, struct go_runs *runs);

/* The run that holds at @at bytes from the function's start, NULL when none does. */
const struct go_run *gotable_run_at(const struct go_runs *runs, uint32_t at);
