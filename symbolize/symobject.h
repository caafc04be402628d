/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object as the symbolizer keeps it: its symbols, and its debug information where it has some,
 * in the file itself, in a separate one, or as Go's table of functions. Of a kind that is not read
 * here all of it is libdw's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "debuginfod.h"
#include "dwobject.h"
#include "elfsym.h"
#include "libdwsource.h"
#include "strtab.h"
#include "symasked.h"
#include "symsources.h"

struct symobject {
	struct elf_object elf;
	struct symsources *sources; /* of symbols, not read yet; NULL = they are in elf */
	struct symasked asked; /* its symbols are read when one is wanted and they are not in elf */
	struct dwobject *dwarf; /* NULL = none */
	struct symunit *go;	/* Go's table; NULL = none. Its strings are in own. */
	size_t go_bytes;
	struct strtab own;
	struct libdwsource *lib; /* NULL = the object is of a kind that is read here */
	bool has_stored_symbols; /* in the index on disk that dwarf comes from */
	int dwarf_error; /* why debug information that is there was not opened; 0 = it was */
	bool is_asked; /* a server has been asked for its debug file, or is to be, and has not
			  answered */
	struct symsources_id separate; /* the debug file that it was loaded with: zeros = none */
	/* What dwarf refers to and is nowhere here: a file that dwz made for several. NULL = nothing. */
	struct symobject_alt {
		char build_id[BUILD_ID_HEX_MAX];
		int debug_fd;	/* owned: the debug file that refers to it; -1 = the object does */
		bool is_asked;	/* as above */
		bool is_missed; /* addresses were answered without it, and nobody is asked for it */
	} * alt;
};

struct symobject_opts {
	uint64_t max_file_bytes;
	size_t max_bytes; /* images that are kept */
	size_t max_inflated;
	unsigned threads;
	const char *const *debug_dirs;
	const char *path;      /* "" = unknown */
	int root_fd;	       /* -1 = none */
	const char *build_id;  /* hex; "" = none: such an object is not stored */
	const char *store_dir; /* NULL = nowhere */
	bool allow_libdw;
	struct debuginfod
		*debuginfod; /* asked where no debug file is here; borrowed; NULL = nobody is */
};

/*
 * Reads what names @fd's code; @fd stays the caller's. 0 and *@ret (release with symobject_done()),
 * its elf.reason saying what is wrong with the file if anything is, or -ENOMEM. Never waits for a
 * server: an object without debug information answers from its symbols until symobject_refresh() is
 * called.
 */
int symobject_load(int fd, const struct symobject_opts *opts, struct symobject *ret);

/*
 * Loads @o, which came from @fd, again where more is known of it by now: the answer of a server has
 * come; or, with @look, a debug file, what it shares with others or split units that were not there are. 0, 1
 * when it was loaded again, -ENOMEM: it is then as it was. What is complete costs nothing; to look for a file
 * takes a few system calls.
 */
int symobject_refresh(struct symobject *o, int fd, const struct symobject_opts *opts, bool look);
void symobject_done(struct symobject *o);

/* Whether servers have been asked for what it lacks, or are to be, and have not answered. */
bool symobject_is_waiting(const struct symobject *o);

/* Whether symbols are all that is known of it. */
bool symobject_is_plain(const struct symobject *o);

/*
 * Debug information of @n addresses, sorted: dwobject_find(), or the same from libdw or Go's table.
 */
int symobject_find(struct symobject *o, struct dwquery *queries, size_t n, struct dwframes *ret);

/* As dwobject_expect_only(). */
void symobject_expect_only(struct symobject *o, const uint64_t *addrs, size_t n);

/* As dwobject_at_once(). */
size_t symobject_at_once(const struct symobject *o, size_t n);

/* Who is at an address, if anybody is: a text, borrowed until the object is released, or a name of
 * the index on disk. */
struct symobject_symbol {
	const char *text; /* NULL = none of this kind */
	strref_t ref;	  /* STRREF_NONE, likewise */
	uint64_t end;	  /* the first address that may have another one; 0 = not known */
};

/*
 * The symbol at @addr: 0 or -ENOMEM. Where the symbols are not in the index the first call reads
 * the object's: debug information seldom leaves a use for them. Of a first question (symobject_find())
 * of few addresses those at these addresses are enough.
 */
int symobject_symbol(struct symobject *o, uint64_t addr, struct symobject_symbol *ret);

/* Whether all symbols were read, and none of them is mangled. */
static inline bool symobject_none_is_mangled(const struct symobject *o)
{
	return !o->sources && !o->has_stored_symbols && !o->elf.syms.has_mangled;
}

/* As dwobject_string(). */
const char *symobject_string(const struct symobject *o, strref_t s, size_t n, char *buf);

/* As dwobject_name(); NULL when the object does not come from an index on disk. */
const struct namepool_name *symobject_name(struct symobject *o, strref_t s,
					   enum namepool_want want);

/* As of dwobject.h: whether the index is broken, its removal, whether there should be one, and
 * making it. */
bool symobject_is_broken(const struct symobject *o);
bool symobject_remove_index(const struct symobject *o);
bool symobject_wants_saving(const struct symobject *o);
int symobject_save(struct symobject *o);

/* Memory held. */
size_t symobject_bytes(const struct symobject *o);

/*
 * What its debug information lacks: dwobject_no_split(), dwobject_broken(), dwobject_limited(); and 1 if
 * addresses were asked of a debug file whose common file is not here.
 */
struct symobject_flaws {
	uint64_t no_split, no_alt, broken, limited;
};

struct symobject_flaws symobject_flaws(const struct symobject *o);
