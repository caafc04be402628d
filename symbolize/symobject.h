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

#include "dwobject.h"
#include "elfsym.h"
#include "libdwsource.h"
#include "strtab.h"

struct symobject {
	struct elf_object elf;
	struct dwobject *dwarf; /* NULL = none */
	struct symunit *go;	/* Go's table; NULL = none. Its strings are in own. */
	size_t go_bytes;
	struct strtab own;
	struct libdwsource *lib; /* NULL = the object is of a kind that is read here */
};

struct symobject_opts {
	uint64_t max_file_bytes;
	size_t max_bytes; /* images that are kept */
	size_t max_inflated;
	unsigned threads;
	const char *const *debug_dirs;
	const char *path; /* "" = unknown */
	int root_fd;	  /* -1 = none */
	const char *build_id;  /* hex; "" = none: such an object is not stored */
	const char *store_dir; /* NULL = nowhere */
	bool allow_libdw;
};

/*
 * Reads what names @fd's code; @fd stays the caller's. 0 and *@ret (release with symobject_done()), its
 * elf.reason saying what is wrong with the file if anything is, or -ENOMEM.
 */
int symobject_load(int fd, const struct symobject_opts *opts, struct symobject *ret);
void symobject_done(struct symobject *o);

/*
 * Debug information of @n addresses, sorted: dwobject_find(), or the same from libdw or Go's table.
 */
int symobject_find(struct symobject *o, struct dwquery *queries, size_t n, struct dwframes *ret);

/* As dwobject_string(). */
const char *symobject_string(const struct symobject *o, strref_t s, size_t n, char *buf);

/* Memory held. */
size_t symobject_bytes(const struct symobject *o);
