/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the call frame information in an ELF file, through its sections or else its segments. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "elffile.h"
#include "unwind.h"

/* Where the bytes of the file come from: @mem, or when that is NULL, @fd. */
struct cfi_file {
	int fd;
	const uint8_t *mem;
	uint64_t size;
};

struct cfi_section {
	struct bytes data; /* .eh_frame or .debug_frame */
	void *owned;	   /* what holds them */
	uint64_t vaddr;	   /* of the first byte; 0 for .debug_frame */
	bool is_eh;
	bool is_exact;	    /* the section's end is known: data is not "up to the segment's end" */
	uint64_t text_base; /* for pointers relative to text and data */
	uint64_t data_base;
};

/*
 * What is known of the object, and its sections: .eh_frame, then .debug_frame, which knows
 * functions that the other does not when a compiler was told to make no tables for the running
 * program, then what the code itself tells of the rest (codeframe.h), if somebody adds that.
 */
#define CFI_SECTIONS_MAX 3
struct cfi_source {
	struct elf_file
		file; /* over the borrowed descriptor or bytes; its sections have been read */
	struct cfi_section sections[CFI_SECTIONS_MAX];
	size_t n_sections;
	int error; /* why there are no sections, or 0 */
	uint16_t machine;
	uint64_t base;		   /* lowest PT_LOAD */
	uint64_t entry;		   /* e_entry: where the kernel starts the program */
	uint64_t text_lo, text_hi; /* around all executable segments */
	struct unwind_segment segments[UNWIND_SEGMENTS_MAX];
	size_t n_segments;
};

enum cfi_want {
	CFI_WANT_SECTIONS,
	CFI_WANT_NOTHING, /* sections are not looked for */
};

/* 0 and *@ret (release with cfi_source_done()); errors as in unwind.h, but that there are no
 * sections, or none that can be read, is none. @max_bytes: of a section; a .debug_frame beside an
 * .eh_frame is left out when it is larger. */
int cfi_source_open(const struct cfi_file *f, size_t max_bytes, enum cfi_want want,
		    struct cfi_source *ret);
/* Copies @n bytes of code at ELF address @vaddr, as long as the file is open. 0, -EBADMSG when
 * there are fewer, or -errno of reading. */
int cfi_source_code(const struct cfi_source *s, uint64_t vaddr, void *buf, size_t n);
void cfi_source_done(struct cfi_source *s);
