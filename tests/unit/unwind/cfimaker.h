/* SPDX-License-Identifier: Apache-2.0 */
/* Makes call frame information and ELF files by hand, and rules readable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind.h"

/* For tests of call frame information and Go's tables: nothing from the code itself. */
static const struct unwind_opts only_cfi = { .code = UNWIND_CODE_NONE };

/* A growing run of bytes; writing past its end fails the test. */
struct buf {
	uint8_t b[1 << 18];
	size_t n;
};

void put(struct buf *b, const void *data, size_t n);
void put_u8(struct buf *b, uint8_t v);
void put_u16(struct buf *b, uint16_t v);
void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_uleb(struct buf *b, uint64_t v);

/* Bytes as two arguments, data and length. */
#define INSNS(...)    (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define NO_INSNS      NULL, 0

/* Where things are in the files made here. */
#define MADE_BASE     0x10000u		  /* vaddr of the only segment, which is the whole file */
#define MADE_SECTION  (MADE_BASE + 0x200) /* vaddr of .eh_frame */
#define MADE_TEXT     0x20000u		  /* vaddr of code, behind the file's bytes */
#define MADE_TEXT_END (MADE_BASE + 0x400000)

struct cie_spec {
	uint8_t version;     /* 0 = 1 */
	const char *aug;     /* NULL = "zR" */
	uint8_t enc;	     /* of 'R' */
	bool is_debug;	     /* for .debug_frame */
	bool is_64;	     /* 64-bit DWARF */
	uint64_t code_align; /* 0 = 1 */
};

/* x86-64's usual beginning: CFA = rsp + 8, return address at CFA - 8. */
#define STD_INIT INSNS(0x0c, 7, 8, 0x90, 1)

/* Appends a CIE and returns its offset. */
size_t put_cie(struct buf *b, const struct cie_spec *s, const void *insns, size_t n);

/* Appends an FDE of the CIE at @cie, which was made from @s. */
void put_fde(struct buf *b, const struct cie_spec *s, size_t cie, uint64_t pc, uint64_t len,
	     const void *insns, size_t n);

struct elf_spec {
	const struct buf *eh_frame, *debug_frame; /* NULL = none */
	bool has_no_sections;
	bool has_hdr;	    /* PT_GNU_EH_FRAME */
	bool is_nobits;	    /* .eh_frame without bytes */
	bool is_compressed; /* .debug_frame */
};

void put_elf(struct buf *b, const struct elf_spec *s);

/* The table of a file with this .eh_frame; the test fails when there is none. */
struct unwind_table *table_of(const struct buf *eh_frame);

/* "rsp+16 fp=*(cfa-16)", "*(rsp+160) ra=*(rsp+168) …", "none", "root", "unsupported: …". */
void describe(const struct unwind_rule *r, char *ret, size_t size);

/* The rule at an ELF address, described; a static buffer. */
const char *rule_at(const struct unwind_table *t, uint64_t vaddr);

/* Every change of rule between two ELF addresses, one line each: "20000 rsp+8". */
void dump(const struct unwind_table *t, uint64_t from, uint64_t to, struct buf *ret);

/* Runs CFI instructions in an FDE of 256 bytes at MADE_TEXT behind STD_INIT and compares the rows:
 * "0 rsp+8; 4 rsp+16". "" = the FDE is broken. */
void check_rows(const void *insns, size_t n, const char *expected);
