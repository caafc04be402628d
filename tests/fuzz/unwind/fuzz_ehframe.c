/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an ELF file; and, because few mutations of a whole file stay one, any bytes as the
 * .eh_frame of a fixed file without sections. What is built must be searchable everywhere.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "unwind.h"

#define HEADERS	  (sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr))
#define HDR_OFF	  HEADERS
#define FRAME_OFF (HDR_OFF + 12)
#define BASE	  0x400000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(const struct unwind_table *t, uint32_t pc)
{
	struct unwind_rule r;

	unwind_table_find(t, pc, &r);
	if (UNWIND_RULE_CFA(r.bits) > UNWIND_CFA_PLT || UNWIND_RULE_FP(r.bits) > UNWIND_FP_UNDEF)
		abort();
}

static void search(const struct unwind_table *t)
{
	const struct unwind_place *p = &t->place;

	if (p->rows >= t->n_words || p->rules > p->rows || t->stats.rows == 0)
		abort();
	for (uint64_t i = 0; i < p->span && i < 4096; i++) {
		check_rule(t, (uint32_t)(p->start + i));
		check_rule(t, (uint32_t)(p->start + p->span - 1 - i));
		check_rule(t, (uint32_t)(p->start + p->span / 4096 * i));
	}
	check_rule(t, p->start - 1);
	check_rule(t, p->start + p->span);
	check_rule(t, UINT32_MAX);
}

static void build(const uint8_t *data, size_t size)
{
	const struct unwind_opts opts = { .max_rows = 1 << 16, .max_bytes = 1 << 20 };
	struct unwind_table *t = NULL;
	int r = unwind_table_from_bytes(data, size, &opts, &t);

	if ((r == 0) != (t != NULL))
		abort();
	if (t)
		search(t);
	unwind_table_free(t);
}

static void build_frame(const uint8_t *data, size_t size)
{
	static const uint8_t hdr[] = { 1, 0x1b, 0xff, 0xff, 8, 0, 0, 0, 0, 0, 0, 0 };
	Elf64_Ehdr eh = { .e_ident = ELFMAG,
			  .e_machine = EM_X86_64,
			  .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 2 };
	Elf64_Phdr ph[2] = { { .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_vaddr = BASE,
			       .p_filesz = FRAME_OFF + size,
			       .p_memsz = 0x2000000 },
			     { .p_type = PT_GNU_EH_FRAME,
			       .p_offset = HDR_OFF,
			       .p_vaddr = BASE + HDR_OFF,
			       .p_filesz = sizeof(hdr) } };
	uint8_t *file = malloc(FRAME_OFF + size); /* exact, so that ASan sees one byte too many */

	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	memcpy(file, &eh, sizeof(eh));
	memcpy(file + sizeof(eh), ph, sizeof(ph));
	memcpy(file + HDR_OFF, hdr, sizeof(hdr));
	if (size)
		memcpy(file + FRAME_OFF, data, size);
	build(file, FRAME_OFF + size);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	build(data, size);
	build_frame(data, size);
	return 0;
}
