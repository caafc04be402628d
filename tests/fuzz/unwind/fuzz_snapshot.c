/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any stack, any registers, any unwind information. The input:
 *
 *	mode (1)   bit 0: no search table; bit 1: the rest is a whole ELF file; bit 2: debug_frame;
 *		   bit 3: the second half of the stack is another one
 *	fde (2)    where the search table says the second function's FDE is
 *	regs (136) as struct snapshot_regs
 *	n (2)      words of stack, and so many of 8 bytes
 *	rest       .eh_frame, or the file
 *
 * In registers and stack, words whose top byte is 1, 2 and 3 are addresses of code, of the stack
 * and of the other one, else random bytes would never get anywhere.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "bytes.h"
#include "snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CODE_VADDR 0x10000u
#define CODE_BYTES 0x10000u
#define CODE_ADDR  0x410000ull
#define STACK_ADDR 0x7fff00000000ull
#define OTHER_ADDR 0xc000000000ull
#define HDR_AT	   0x100u
#define FRAME_AT   0x140u
#define MAX_STACK  4096 /* words */
#define MAX_FRAMES 256
#define MAX_ELF	   65536

struct input {
	uint8_t mode;
	uint16_t fde, n_stack;
	struct snapshot_regs regs;
	uint64_t stack[MAX_STACK];
	struct snapshot_area area;
};

static uint64_t sensible(uint64_t v)
{
	switch (v >> 56) {
	case 1:
		return CODE_ADDR + (v & (CODE_BYTES - 1));
	case 2:
		return STACK_ADDR + (v & 0xffff);
	case 3:
		return OTHER_ADDR + (v & 0xffff);
	default:
		return v;
	}
}

static bool read_input(struct bytes *b, struct input *in)
{
	if (bytes_u8(b, &in->mode) < 0 || bytes_u16(b, &in->fde) < 0 ||
	    bytes_copy(b, &in->regs, sizeof(in->regs)) < 0 || bytes_u16(b, &in->n_stack) < 0)
		return false;
	if (in->n_stack > MAX_STACK || bytes_copy(b, in->stack, 8u * in->n_stack) < 0)
		return false;
	for (size_t i = 0; i < SNAPSHOT_REG_MAX; i++)
		in->regs.r[i] = sensible(in->regs.r[i]);
	for (size_t i = 0; i < in->n_stack; i++)
		in->stack[i] = sensible(in->stack[i]);
	return true;
}

static void put_sections(uint8_t *elf, size_t n, bool is_debug)
{
	static const char names[] = "\0.eh_frame\0.debug_frame\0.names";
	Elf64_Shdr sh[3] = { { 0 } };
	Elf64_Ehdr eh;

	sh[1] = (Elf64_Shdr){ .sh_name = is_debug ? 11 : 1,
			      .sh_type = SHT_PROGBITS,
			      .sh_addr = FRAME_AT,
			      .sh_offset = FRAME_AT,
			      .sh_size = n - FRAME_AT };
	sh[2] = (Elf64_Shdr){ .sh_name = 24,
			      .sh_type = SHT_STRTAB,
			      .sh_offset = n + sizeof(sh),
			      .sh_size = sizeof(names) };
	memcpy(elf + n, sh, sizeof(sh));
	memcpy(elf + n + sizeof(sh), names, sizeof(names));
	memcpy(&eh, elf, sizeof(eh));
	eh.e_shoff = n;
	eh.e_shentsize = sizeof(sh[0]);
	eh.e_shnum = 3;
	eh.e_shstrndx = 2;
	memcpy(elf, &eh, sizeof(eh));
}

/* A file around @n bytes of unwind information: its size. */
static size_t make_elf(const struct input *in, const uint8_t *frame, size_t n, uint8_t *elf)
{
	const Elf64_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
				.e_type = ET_DYN,
				.e_machine = EM_X86_64,
				.e_phoff = sizeof(eh),
				.e_phentsize = sizeof(Elf64_Phdr),
				.e_phnum = in->mode & 1 ? 2 : 3 };
	const Elf64_Phdr ph[3] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R,
		  .p_filesz = FRAME_AT + n,
		  .p_memsz = CODE_VADDR },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_vaddr = CODE_VADDR,
		  .p_filesz = CODE_BYTES,
		  .p_memsz = CODE_BYTES },
		{ .p_type = PT_GNU_EH_FRAME,
		  .p_offset = HDR_AT,
		  .p_vaddr = HDR_AT,
		  .p_filesz = 28 },
	};
	const uint32_t hdr[7] = { 0x3b031b01,
				  FRAME_AT - HDR_AT - 4,
				  2,
				  CODE_VADDR - HDR_AT,
				  FRAME_AT + 24 - HDR_AT,
				  CODE_VADDR + CODE_BYTES / 2 - HDR_AT,
				  FRAME_AT + in->fde - HDR_AT };

	memset(elf, 0, FRAME_AT);
	memcpy(elf, &eh, sizeof(eh));
	memcpy(elf + sizeof(eh), ph, sizeof(ph));
	memcpy(elf + HDR_AT, hdr, sizeof(hdr));
	memcpy(elf + FRAME_AT, frame, n);
	if (!(in->mode & 1))
		return FRAME_AT + n;
	put_sections(elf, FRAME_AT + n, in->mode & 4);
	return FRAME_AT + n + 3 * sizeof(Elf64_Shdr) + 32;
}

static bool find(const void *ctx, uint64_t addr, struct snapshot_area *ret)
{
	const struct snapshot_area *a = ctx;

	if (addr < a->start || addr >= a->end)
		return false;
	*ret = *a;
	return true;
}

static void unwind(struct input *in)
{
	static const struct snapshot_opts opts = {
		.max_objects = 4, .max_rules = 64, .max_bytes = 1 << 20, .max_frame_reads = 8192
	};
	static struct snapshot_unwinder *u;
	static struct snapshot_frame frames[MAX_FRAMES];
	static uint64_t id;
	const struct snapshot_space space = { find, &in->area };
	const size_t own = in->mode & 8 ? in->n_stack / 2 : in->n_stack;
	const struct snapshot s = {
		.regs = in->regs,
		.stack_start = STACK_ADDR,
		.stack = (const uint8_t *)in->stack,
		.n_stack = 8u * own,
		.others[1] = { OTHER_ADDR, (const uint8_t *)(in->stack + own),
			       8u * (in->n_stack - own) },
	};
	struct snapshot_trace t = { .frames = frames, .max = MAX_FRAMES };

	if (!u && snapshot_unwinder_new(&opts, &u) < 0)
		abort();
	in->area.object.id = ++id;
	if (snapshot_unwind(u, &s, &space, &t) < 0 || t.n == 0 || t.n > t.max ||
	    (unsigned)t.end >= SNAPSHOT_END_MAX || t.n_guessed > t.n)
		abort();
	for (int i = 0; i < 2; i++) { /* what was kept must say the same */
		struct snapshot_trace again = { .frames = frames, .max = MAX_FRAMES };

		if (snapshot_unwind(u, &s, &space, &again) < 0 || again.n != t.n ||
		    again.end != t.end)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct input in;
	struct bytes b = bytes_of(data, size);
	uint8_t *elf;
	size_t n;

	if (!read_input(&b, &in) || bytes_left(&b) > MAX_ELF)
		return 0;
	elf = malloc(FRAME_AT + bytes_left(&b) + 1024);
	if (!elf)
		abort();
	if (in.mode & 2) {
		n = bytes_left(&b);
		memcpy(elf, b.p + b.pos, n);
	} else {
		n = make_elf(&in, b.p + b.pos, bytes_left(&b), elf);
	}
	in.area = (struct snapshot_area){ .start = CODE_ADDR,
					  .end = CODE_ADDR + CODE_BYTES,
					  .has_object = true,
					  .object = { .fd = -1, .n_bytes = n } };
	in.area.object.bytes = elf;
	unwind(&in);
	free(elf);
	return 0;
}
