/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of debug information of one file. A section is either held in memory (it was
 * compressed and is not large, or the file itself is in memory), or stays in the file and is read in
 * windows, uncompressed where it has to be: nothing is mapped, because the owner of a mapped file can
 * truncate it under the reader (SIGBUS), and 400 MB of debug information need not lie in memory at
 * once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elffile.h"

enum dwsection_id {
	DW_INFO,
	DW_ABBREV,
	DW_LINE,
	DW_STR,
	DW_LINE_STR,
	DW_RANGES,
	DW_RNGLISTS,
	DW_ADDR,
	DW_STR_OFFSETS,
	DW_CU_INDEX, /* of a .dwp */
	DW_ARANGES,
	DW_SECTIONS,
};

struct zsection;

struct dwsection {
	uint8_t *mem;	/* owned; NULL = in the file */
	struct zsection *z; /* owned: what is in the file is compressed; NULL = it is not */
	uint64_t off;	/* in the file, or in what it holds uncompressed */
	uint64_t size;	/* of what it holds, uncompressed; 0 = absent */
};

struct dwsections {
	int fd; /* owned; -1 = every section is in memory */
	struct dwsection s[DW_SECTIONS];
	size_t mem_bytes; /* held in mem */
	uint64_t inflated; /* bytes that compressed ones hold */
	bool is_view;	   /* parts of another one's sections, which keeps them */
};

/* Bytes of compressed sections of one file that are held at once where nobody says otherwise. */
#define DWSECTIONS_HELD ((size_t)8 << 20)

/* Whether @f, its sections read, has what dwsections_open() looks for. */
bool dwsections_may_open(const struct elf_file *f);

/*
 * Finds the sections of the file open as @fd, inflating compressed ones (SHF_COMPRESSED with zlib or
 * zstd, and .zdebug_*): the smallest of them, DWSECTIONS_HELD bytes at most; of the others pieces are,
 * when they are asked for, and more only where much of one is asked for out of order (zsection.h).
 * With @dwo the names end in ".dwo". At most @max_mem bytes of them lie in memory at once; of a file with
 * more, sections that do not fit stay in pieces, and -EFBIG where that is more than files have that
 * compilers made.
 * 0, also when there are none (s[DW_INFO].size == 0); -EBADMSG, -EFBIG, -ENOTSUP, -ENOMEM, -errno.
 * Takes @fd on success.
 */
int dwsections_open(int fd, bool dwo, size_t max_mem, struct dwsections *ret);

/* The same with another number of bytes that are held. */
int dwsections_open_held(int fd, bool dwo, size_t max_mem, size_t held, struct dwsections *ret);
void dwsections_close(struct dwsections *d);

/* A question is answered: pieces of sections are let go, what is inflated again counts anew. */
void dwsections_rest(const struct dwsections *d);

/* Memory held. */
size_t dwsections_bytes(const struct dwsections *d);

/*
 * @n bytes at @off of a section: a pointer into it, or into @buf (of @n bytes), where they are read
 * to. NULL when they are not all there.
 */
const uint8_t *dwsection_window(const struct dwsections *d, enum dwsection_id id, uint64_t off,
				size_t n, uint8_t *buf);

/*
 * The string at @off, cut to @n - 1 bytes, in @buf of @n bytes or in the section: never NULL; "" when
 * there is none.
 */
const char *dwsection_str(const struct dwsections *d, enum dwsection_id id, uint64_t off, size_t n,
			  char *buf);

/*
 * What was read last, for what is asked for in the order in which it lies in a section that is in
 * the file: one read serves much of it. Zero it; to be zeroed, too, when the sections it was used
 * for are closed.
 */
struct dwsection_near {
	const struct dwsections *d; /* NULL = nothing */
	enum dwsection_id id;
	uint64_t off;
	size_t n;
	uint8_t bytes[16 << 10];
};

/* As dwsection_window(), of at most sizeof(near->bytes); valid until the next call. */
const uint8_t *dwsection_window_near(const struct dwsections *d, enum dwsection_id id, uint64_t off,
				     size_t n, struct dwsection_near *near);

/* As dwsection_str(); @near may be NULL. */
const char *dwsection_str_near(const struct dwsections *d, enum dwsection_id id, uint64_t off,
			       size_t n, char *buf, struct dwsection_near *near);

/*
 * Reads a section that is in the file into memory, if it has at most @max bytes and may lie there: 0
 * (also when it is absent, held already, of a view, or may not), -EBADMSG, -ENOMEM.
 */
int dwsection_hold(struct dwsections *d, enum dwsection_id id, size_t max);
