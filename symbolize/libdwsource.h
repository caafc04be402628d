/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that our own reading of DWARF does not take: of 32 bits, of the other byte order, and
 * relocatable ones (.o, kernel modules), whose debug information means nothing until it is
 * relocated. libdw reads them all. It is slower, and its readers were not made for files of an
 * enemy; so it is for files that a person chose, and never for those of whatever runs on a machine.
 *
 * A relocatable file has no addresses but those in each of its sections, and these all begin at 0.
 * An address alone is taken as addr2line and llvm-symbolizer take it: as one in the first section
 * with code, in the order of the file, that is large enough to have it. Offsets in the file
 * (SYM_ELF) reach the others. Inside, sections lie one behind another, as libdwfl places them.
 *
 * The file is read into memory once and never mapped: its owner could truncate it, and the next
 * access would kill the process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dwobject.h"
#include "elfsym.h"
#include "strref.h"
#include "symbolize.h"

struct libdwsource;

struct libdwsource_opts {
	uint64_t max_file_bytes; /* of each file; more than 1 GiB is 1 GiB */
	size_t max_inflated;	 /* of one file's compressed sections */
	size_t max_images;	 /* bytes of images that are kept */
	uint64_t max_ns; /* of opening and of a call to libdwsource_find(); 0 = one minute each */
	const char *const *debug_dirs; /* these and the next two as in debugfile.h */
	const char *path;
	int root_fd;
};

/*
 * Reads the file @fd, which stays the caller's, and looks for separate debug files of it. 0, *@ret
 * (free with libdwsource_free()) and *@ret_elf (release with elf_object_done()): its code, as it
 * lies inside, and its symbols. -EBADMSG for what is broken, -ENOTSUP for a core file or a machine
 * that libdw does not know, -EFBIG for what is larger than allowed, -ENOMEM, -errno of reading.
 */
int libdwsource_open(int fd, const struct libdwsource_opts *opts, struct elf_object *ret_elf,
		     struct libdwsource **ret);
void libdwsource_free(struct libdwsource *s);

/*
 * Whether the file is relocatable; where its offset or address @off (SYM_ELF, SYM_VADDR) lies
 * inside then, UINT64_MAX for nowhere.
 */
bool libdwsource_is_relocatable(const struct libdwsource *s);
uint64_t libdwsource_address(const struct libdwsource *s, enum sym_kind kind, uint64_t off);

/*
 * Answers @n queries about addresses inside, sorted, as dwobject_find(): 0 or -ENOMEM. Queries that
 * time or memory did not suffice for have their limit set.
 */
int libdwsource_find(struct libdwsource *s, struct dwquery *queries, size_t n,
		     struct dwframes *ret);

/* The string of a frame, until the next call to libdwsource_find(): never NULL. */
const char *libdwsource_string(const struct libdwsource *s, strref_t ref);

/* Whether addresses were asked of debug information that refers to a file of dwz that is not here. */
bool libdwsource_no_alt(const struct libdwsource *s);

/* Memory held, libdw's included. */
size_t libdwsource_bytes(const struct libdwsource *s);
