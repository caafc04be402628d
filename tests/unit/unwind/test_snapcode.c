/* SPDX-License-Identifier: Apache-2.0 */
/* Code without tables, looked at for snapshots: as often as it is wanted, within bounds. */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "snapcode.h"

#define TEXT	   0x1000u
#define TEXT_BYTES (1u << 20)
#define FUNC_BYTES 16u
#define FILE_BYTES (TEXT + TEXT_BYTES)
#define STRIDE	   (96u << 10)

/* A library of functions that save one register, without sections and tables. */
static uint8_t *make_file(void)
{
	static const uint8_t func[FUNC_BYTES] = { 0x53, 0x90, 0x5b, 0xc3, 0x90, 0x90, 0x90, 0x90,
						  0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
	uint8_t *file = calloc(1, FILE_BYTES);
	Elf64_Phdr load = { .p_type = PT_LOAD,
			    .p_flags = PF_R | PF_X,
			    .p_filesz = FILE_BYTES,
			    .p_memsz = FILE_BYTES,
			    .p_align = 0x1000 };
	Elf64_Ehdr eh = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				       EV_CURRENT },
			  .e_type = ET_DYN,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_phoff = sizeof(eh),
			  .e_ehsize = sizeof(eh),
			  .e_phentsize = sizeof(load),
			  .e_phnum = 1 };

	cr_assert(file);
	memcpy(file, &eh, sizeof(eh));
	memcpy(file + sizeof(eh), &load, sizeof(load));
	for (uint32_t at = 0; at < TEXT_BYTES; at += FUNC_BYTES)
		memcpy(file + TEXT + at, func, sizeof(func));
	return file;
}

static struct snap_code *open_code(const uint8_t *file, struct cfi_file *f)
{
	struct snap_code *c;

	*f = (struct cfi_file){ .fd = -1, .mem = file, .size = FILE_BYTES };
	cr_assert_eq(snap_code_open(f, 1u << 20, &c), 0);
	return c;
}

/* What had to go to make room is looked at again, for as long as the object is in use. */
Test(snapcode, reads_again_what_was_dropped)
{
	_cleanup_free_ uint8_t *file = make_file();
	struct cfi_file f;
	struct snap_code *c = open_code(file, &f);
	struct cfi_entry e;
	size_t little = snap_code_bytes(c);

	for (int round = 0; round < 16; round++) {
		for (uint32_t at = 0; at < TEXT_BYTES; at += STRIDE)
			cr_assert_eq(snap_code_find(c, &f, TEXT, FILE_BYTES, TEXT + at + 1, &e), 0,
				     "%#x in round %d", at, round);
		cr_expect_gt(snap_code_bytes(c), little + TEXT_BYTES / FUNC_BYTES);
		snap_code_drop(c);
		cr_expect_leq(snap_code_bytes(c), little + 4096);
	}
	snap_code_free(c);
}

/* Each gap is sought among all: there are only so many of them. */
Test(snapcode, has_so_many_gaps)
{
	_cleanup_free_ uint8_t *file = make_file();
	struct cfi_file f;
	struct snap_code *c = open_code(file, &f);
	struct cfi_entry e;
	size_t n = 0;

	for (uint32_t at = TEXT; at < FILE_BYTES; at += FUNC_BYTES)
		n += snap_code_find(c, &f, at, at + 4, at + 1, &e) == 0;
	cr_expect_eq(n, SNAP_CODE_GAPS, "%zu gaps", n);
	cr_expect_eq(snap_code_find(c, &f, TEXT, TEXT + 4, TEXT + 1, &e), 0);
	snap_code_free(c);
}
