/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the debug information of an object is: in the object, or in a separate file found by build
 * id
 * (/usr/lib/debug/.build-id/ab/cdef.debug) or by the name and checksum in .gnu_debuglink; what dwz
 * moved to a common file (.gnu_debugaltlink); and the small symbol table of .gnu_debugdata (xz).
 *
 * Everything is looked for below the root of the process that runs the object, first, so that a
 * container's debug files win over the host's; nothing outside the given roots is opened, symbolic
 * links included (openat2(2) with RESOLVE_IN_ROOT), and only regular files are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "elffile.h"
#include "symbolize.h"

struct debugfile_search {
	int root_fd;	  /* directory: /proc/PID/root of the process, -1 = none */
	const char *path; /* of the object in there, for .gnu_debuglink; "" = where its fd is */
	const char *const *dirs; /* where debug files lie; NULL-terminated; NULL = /usr/lib/debug */
	uint64_t max_bytes;	 /* of one file; 0 = 16 GiB */
};

/*
 * A separate debug file with DWARF or a .symtab for @object: 0 and *@ret_fd (caller closes),
 * -ENOENT when there is none, -ENOMEM. A build id, where both have one, has to be the same; else
 * the CRC. Below each root: by build id in every directory, then DIR/NAME, DIR/.debug/NAME and
 * every directory's DIR/NAME. At most @s->max_bytes are summed up for CRCs in all.
 */
int debugfile_find(const struct elf_file *object, const struct debugfile_search *s, int *ret_fd);

/*
 * The file that .gnu_debugaltlink of @f (a file with DWARF, at @path; "" = where its fd is) names:
 * as above, but it may be relocatable by its type, has DWARF or its strings, and always the build
 * id. Below each root: by name, then by build id and as .dwz/NAME in every directory. @s->path is
 * not used.
 */
int debugfile_find_alt(const struct elf_file *f, const char *path, const struct debugfile_search *s,
		       int *ret_fd);

/* The build id (lowercase hex) of the file that .gnu_debugaltlink of @f names: 0, -ENOENT when it names none,
 * -ENOMEM. */
int debugfile_alt_id(const struct elf_file *f, char ret[BUILD_ID_HEX_MAX]);

/*
 * Whether @fd has this build id (lowercase hex) and is a separate debug file with DWARF or a .symtab, or a
 * file that .gnu_debugaltlink may name: 0, -ENOENT when it is not, -EFBIG when it is larger than @max_bytes,
 * -ENOMEM.
 */
int debugfile_check(int fd, const char *build_id, uint64_t max_bytes);

/*
 * The ELF file inside .gnu_debugdata, uncompressed: 0, *@ret (caller frees), *@ret_n; -ENOENT,
 * -EBADMSG, -EFBIG over @max_bytes or when more than 80 MiB are needed to uncompress it, -ENOMEM,
 * -errno of reading.
 */
int debugfile_minidebug(const struct elf_file *f, size_t max_bytes, void **ret, size_t *ret_n);
