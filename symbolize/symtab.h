/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A symbol table made for lookup: disjoint ranges of addresses, sorted, each with one name or none.
 * What overlaps in the source (aliases, functions inside functions, labels) is decided once, when
 * the table is built; a lookup is one binary search.
 *
 * Who names an address that several symbols cover:
 *   1. the better tier: functions with a size, functions without and places without a type that are
 *      exported, other labels without a type;
 *   2. the symbol that begins last, which is the innermost of nested ones, and there one with a type;
 *   3. the better source (.symtab before .dynsym);
 *   4. global before weak before local;
 *   5. fewer leading underscores;
 *   6. the shorter name, then the first in byte order (names are compared in 256 bytes).
 * A symbol without a size reaches to the next symbol of its tier or a better one, and at most to
 * the end of its section; one that begins inside a better symbol names nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"

enum symtab_tier {
	SYMTAB_SIZED,
	SYMTAB_UNSIZED,
	SYMTAB_LABEL,
	SYMTAB_TIERS,
};

enum symtab_bind {
	SYMTAB_GLOBAL,
	SYMTAB_WEAK,
	SYMTAB_LOCAL,
};

struct symtab_sym {
	uint64_t start;
	uint64_t end;	/* first address after it, > start; the furthest possible when it is open */
	uint32_t name;	/* offset in the builder's strings */
	uint8_t tier;	/* enum symtab_tier */
	uint8_t source; /* the smaller, the better */
	uint8_t bind;	/* enum symtab_bind */
	bool open : 1;	/* the size is not known */
	bool label : 1; /* it has no type */
};

/* What a table is made of. Zero it, add to it, give it to symtab_build(). */
struct symtab_builder {
	ARRAY(struct symtab_sym) syms;
	ARRAY(char) strings;
};

struct symtab {
	struct symtab_range {
		uint64_t start;	       /* up to the next one's start */
		uint32_t name, name_n; /* offset in strings and length; SYMTAB_HOLE = no symbol */
	} *ranges;
	size_t n;
	char *strings;
	size_t n_strings;
	bool has_mangled; /* one of the names at least: symtab_is_mangled() */
};

#define SYMTAB_HOLE UINT32_MAX

enum { SYMTAB_SYMS_MAX = 4 << 20 }; /* the largest browsers have a million functions */

/*
 * Makes room for @n bytes of strings with a NUL behind them: 0, -ENOMEM, -EFBIG past 4 GiB. The
 * bytes are at strings.items + *@ret_base until the next call; names are offsets from
 * strings.items.
 */
int symtab_reserve_strings(struct symtab_builder *b, size_t n, uint32_t *ret_base);

/* Adds the string @stem + @suffix: as above. */
int symtab_add_string(struct symtab_builder *b, const char *stem, const char *suffix,
		      uint32_t *ret_name);

/* Adds a symbol: 0, -ENOMEM, -EFBIG when there are too many. An empty range or name is left out. */
int symtab_add(struct symtab_builder *b, const struct symtab_sym *sym);

void symtab_builder_done(struct symtab_builder *b);

/* Whether @name is written as compilers of C++ and Rust write it. */
static inline bool symtab_is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

/* Makes the table: 0 or -ENOMEM. Sorts what is in @b, which stays the caller's to release, and takes its strings. */
int symtab_build(struct symtab_builder *b, struct symtab *ret);

void symtab_done(struct symtab *t);

/* The range that covers @addr, NULL when no symbol does. Borrowed until symtab_done(). */
const struct symtab_range *symtab_find(const struct symtab *t, uint64_t addr);

/* Memory held. */
size_t symtab_bytes(const struct symtab *t);

/*
 * Rules 2 to 6 for symbols of one tier that cover an address, and of equal ones the place of the name in its
 * table: negative when @a, which has the name @a_name, is the one.
 */
int symtab_prefer(const struct symtab_sym *a, const char *a_name, const struct symtab_sym *b,
		  const char *b_name);

/* Rules 4 to 6 above: negative when name @a with binding @a_bind is the better one. */
int symtab_rank(int a_bind, const char *a, int b_bind, const char *b);
