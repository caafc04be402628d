/* SPDX-License-Identifier: Apache-2.0 */
#include "cfimaker.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

void put(struct buf *b, const void *data, size_t n)
{
	cr_assert_leq(n, sizeof(b->b) - b->n);
	if (n)
		memcpy(b->b + b->n, data, n);
	b->n += n;
}

void put_u8(struct buf *b, uint8_t v)
{
	put(b, &v, sizeof(v));
}

void put_u16(struct buf *b, uint16_t v)
{
	put(b, &v, sizeof(v));
}

void put_u32(struct buf *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

void put_u64(struct buf *b, uint64_t v)
{
	put(b, &v, sizeof(v));
}

void put_uleb(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_u8(b, (uint8_t)(v | 0x80));
	put_u8(b, (uint8_t)v);
}

/* --- entries ------------------------------------------------------------------------------------
 */
static size_t begin_entry(struct buf *b, bool is_64)
{
	if (is_64) {
		put_u32(b, UINT32_MAX);
		put_u64(b, 0);
	} else {
		put_u32(b, 0);
	}
	return b->n;
}

static void end_entry(struct buf *b, size_t begin, bool is_64)
{
	uint64_t n = b->n - begin;

	memcpy(b->b + begin - (is_64 ? 8 : 4), &n, is_64 ? 8 : 4);
}

static void put_word(struct buf *b, uint64_t v, bool is_64)
{
	put(b, &v, is_64 ? 8 : 4);
}

static void put_augmentation(struct buf *b, const char *aug, uint8_t enc)
{
	struct buf *data = calloc(1, sizeof(*data));

	for (; *aug; aug++) {
		if (*aug == 'R')
			put_u8(data, enc);
		if (*aug == 'L')
			put_u8(data, 0x1b);
		if (*aug == 'P') {
			put_u8(data, 0x9b); /* indirect: read past all the same */
			put_u32(data, 0x1234);
		}
	}
	put_uleb(b, data->n);
	put(b, data->b, data->n);
	free(data);
}

size_t put_cie(struct buf *b, const struct cie_spec *s, const void *insns, size_t n)
{
	const char *aug = s->aug ? s->aug : "zR";
	size_t off = b->n, begin = begin_entry(b, s->is_64);

	put_word(b, s->is_debug ? UINT64_MAX : 0, s->is_64);
	put_u8(b, s->version ? s->version : 1);
	put(b, aug, strlen(aug) + 1);
	if (strncmp(aug, "eh", 2) == 0)
		put_u64(b, 0);
	if (s->version == 4) {
		put_u8(b, 8);
		put_u8(b, 0);
	}
	put_uleb(b, s->code_align ? s->code_align : 1);
	put_u8(b, 0x78); /* data alignment -8 */
	put_u8(b, 16);
	if (strchr(aug, 'z'))
		put_augmentation(b, strchr(aug, 'z'), s->enc);
	put(b, insns, n);
	end_entry(b, begin, s->is_64);
	return off;
}

/* Writes @v in the format of encoding @enc. */
static void put_encoded(struct buf *b, uint8_t enc, uint64_t v)
{
	switch (enc & 0x0f) {
	case 0x1: /* uleb */
	case 0x9:
		put_uleb(b, v & (enc & 8 ? 0x3fffffff : UINT64_MAX));
		break;
	case 0x2:
	case 0xa:
		put_u16(b, (uint16_t)v);
		break;
	case 0x3:
	case 0xb:
		put_u32(b, (uint32_t)v);
		break;
	default:
		put_u64(b, v);
	}
}

void put_fde(struct buf *b, const struct cie_spec *s, size_t cie, uint64_t pc, uint64_t len,
	     const void *insns, size_t n)
{
	const char *aug = s->aug ? s->aug : "zR";
	size_t begin = begin_entry(b, s->is_64);
	uint8_t enc = strchr(aug, 'R') ? s->enc : 0;

	put_word(b, s->is_debug ? cie : b->n - cie, s->is_64);
	if ((enc & 0x70) == 0x10)
		pc -= MADE_SECTION + b->n;
	if ((enc & 0x70) == 0x50) {
		while ((MADE_SECTION + b->n) & 7)
			put_u8(b, 0);
	}
	put_encoded(b, enc, pc);
	put_encoded(b, enc, len);
	if (aug[0] == 'z')
		put_uleb(b, 0);
	put(b, insns, n);
	end_entry(b, begin, s->is_64);
}

/* --- ELF ----------------------------------------------------------------------------------------
 */
static const char names[] = "\0.eh_frame\0.debug_frame\0.shstrtab";

static void put_hdr(struct buf *b)
{
	put(b, INSNS(1, 0x1b, 0xff, 0xff));
	put_u32(b, MADE_SECTION - (uint32_t)(MADE_BASE + b->n));
}

static void put_sections(struct buf *b, const struct elf_spec *s, Elf64_Ehdr *eh, size_t debug_off)
{
	size_t names_off = b->n;
	Elf64_Shdr sh[4] = { 0 };
	unsigned n = 1;

	put(b, names, sizeof(names));
	if (s->eh_frame)
		sh[n++] = (Elf64_Shdr){ .sh_name = 1,
					.sh_type = s->is_nobits ? SHT_NOBITS : SHT_PROGBITS,
					.sh_addr = MADE_SECTION,
					.sh_offset = MADE_SECTION - MADE_BASE,
					.sh_size = s->eh_frame->n };
	if (s->debug_frame)
		sh[n++] = (Elf64_Shdr){ .sh_name = 11,
					.sh_type = SHT_PROGBITS,
					.sh_flags = s->is_compressed ? SHF_COMPRESSED : 0,
					.sh_offset = debug_off,
					.sh_size = s->debug_frame->n };
	sh[n++] = (Elf64_Shdr){ .sh_name = 24,
				.sh_type = SHT_STRTAB,
				.sh_offset = names_off,
				.sh_size = sizeof(names) };
	eh->e_shoff = b->n;
	eh->e_shentsize = sizeof(*sh);
	eh->e_shnum = (uint16_t)n;
	eh->e_shstrndx = (uint16_t)(n - 1);
	put(b, sh, n * sizeof(*sh));
}

void put_elf(struct buf *b, const struct elf_spec *s)
{
	Elf64_Ehdr eh = { .e_ident = ELFMAG,
			  .e_type = ET_DYN,
			  .e_machine = EM_X86_64,
			  .e_phoff = sizeof(eh),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = s->has_hdr ? 2 : 1 };
	Elf64_Phdr ph[2] = { { .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_vaddr = MADE_BASE,
			       .p_memsz = MADE_TEXT_END - MADE_BASE },
			     { .p_type = PT_GNU_EH_FRAME,
			       .p_offset = 0x180,
			       .p_vaddr = MADE_BASE + 0x180,
			       .p_filesz = 12 } };
	size_t debug_off;

	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	b->n = 0x180;
	put_hdr(b);
	b->n = MADE_SECTION - MADE_BASE;
	if (s->eh_frame)
		put(b, s->eh_frame->b, s->eh_frame->n);
	put_u32(b, 0); /* terminator, for files without sections */
	debug_off = b->n;
	if (s->debug_frame)
		put(b, s->debug_frame->b, s->debug_frame->n);
	if (!s->has_no_sections)
		put_sections(b, s, &eh, debug_off);
	ph[0].p_filesz = b->n;
	memcpy(b->b, &eh, sizeof(eh));
	memcpy(b->b + sizeof(eh), ph, sizeof(ph));
}

struct unwind_table *table_of(const struct buf *eh_frame)
{
	_cleanup_free_ struct buf *b = calloc(1, sizeof(*b));
	struct unwind_table *t = NULL;
	int r;

	put_elf(b, &(struct elf_spec){ .eh_frame = eh_frame });
	r = unwind_table_from_bytes(b->b, b->n, &only_cfi, &t);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	return t;
}

/* --- rules --------------------------------------------------------------------------------------
 */
static const char *reg_name(unsigned reg)
{
	static const char *const reg_names[] = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi",
						 "rbp", "rsp", "r8",  "r9",  "r10", "r11",
						 "r12", "r13", "r14", "r15", "rip" };

	return reg < 17 ? reg_names[reg] : "?";
}

static void __attribute__((format(printf, 3, 4))) append(char *s, size_t size, const char *fmt, ...)
{
	size_t n = strlen(s);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s + n, size - n, fmt, ap);
	va_end(ap);
}

static void describe_cfa(const struct unwind_rule *r, char *ret, size_t size)
{
	const char *reg = reg_name(UNWIND_RULE_CFA_REG(r->bits));
	int off = (int)r->cfa_off, added = (int)unwind_cfa_added(r->bits, r->aux);

	switch (UNWIND_RULE_CFA(r->bits)) {
	case UNWIND_CFA_REG:
		append(ret, size, "%s%+d", reg, off);
		break;
	case UNWIND_CFA_DEREF:
		append(ret, size, "*(%s%+d)%+d", reg, off, added);
		break;
	case UNWIND_CFA_INDEX:
		append(ret, size, "*(%s+8*%s%+d)%+d", reg, reg_name(UNWIND_RULE_RA_REG(r->bits)),
		       off, added);
		break;
	default:
		append(ret, size, "%s%+d+(pc%%16>=%u)*8", reg, off, UNWIND_RULE_THRESHOLD(r->bits));
	}
}

void describe(const struct unwind_rule *r, char *ret, size_t size)
{
	int aux = (int)r->aux, fp_off = (int)r->fp_off;

	ret[0] = '\0';
	if (UNWIND_RULE_CFA(r->bits) < UNWIND_CFA_REG) {
		static const char *const kinds[] = { "none", "root", "unsupported: " };

		append(ret, size, "%s", kinds[UNWIND_RULE_CFA(r->bits)]);
		if (UNWIND_RULE_CFA(r->bits) == UNWIND_CFA_UNSUPPORTED)
			append(ret, size, "%s", unwind_why_text(UNWIND_RULE_WHY(r->bits)));
		return;
	}
	describe_cfa(r, ret, size);
	if (UNWIND_RULE_FP(r->bits) == UNWIND_FP_CFA)
		append(ret, size, " fp=*(cfa%+d)", fp_off);
	if (UNWIND_RULE_FP(r->bits) == UNWIND_FP_REG)
		append(ret, size, " fp=*(%s%+d)", reg_name(UNWIND_RULE_FP_REG(r->bits)), fp_off);
	if (UNWIND_RULE_FP(r->bits) == UNWIND_FP_IN)
		append(ret, size, " fp=%s", reg_name(UNWIND_RULE_FP_REG(r->bits)));
	if (UNWIND_RULE_FP(r->bits) == UNWIND_FP_UNDEF)
		append(ret, size, " fp=?");
	if (UNWIND_RULE_RA(r->bits) == UNWIND_RA_CFA)
		append(ret, size, " ra=*(cfa%+d)", aux);
	if (UNWIND_RULE_RA(r->bits) == UNWIND_RA_REG)
		append(ret, size, " ra=*(%s%+d)", reg_name(UNWIND_RULE_RA_REG(r->bits)), aux);
	if (UNWIND_RULE_RA(r->bits) == UNWIND_RA_IN)
		append(ret, size, " ra=%s", reg_name(UNWIND_RULE_RA_REG(r->bits)));
	if (UNWIND_RULE_SWITCH(r->bits))
		append(ret, size, " switch");
	if (UNWIND_RULE_SIGNAL(r->bits))
		append(ret, size, " signal");
}

const char *rule_at(const struct unwind_table *t, uint64_t vaddr)
{
	static char text[256];
	struct unwind_rule r;

	unwind_table_find(t, (uint32_t)(vaddr - t->base), &r);
	describe(&r, text, sizeof(text));
	return text;
}

void dump(const struct unwind_table *t, uint64_t from, uint64_t to, struct buf *ret)
{
	char last[256] = "", line[320];

	for (uint64_t pc = from; pc < to; pc++) {
		const char *now = rule_at(t, pc);

		if (strcmp(now, last) == 0)
			continue;
		snprintf(last, sizeof(last), "%s", now);
		put(ret, line,
		    (size_t)snprintf(line, sizeof(line), "%lx %s\n", (unsigned long)pc, now));
	}
}

static void append_row(char *rows, size_t size, unsigned pc, const char *text)
{
	append(rows, size, "%s%u %s", rows[0] ? "; " : "", pc, text);
}

void check_rows(const void *insns, size_t n, const char *expected)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = calloc(1, sizeof(*eh));
	struct cie_spec spec = { 0 };
	char rows[1024] = "", last[256] = "";
	size_t cie = put_cie(eh, &spec, STD_INIT);

	put_fde(eh, &spec, cie, MADE_TEXT, 256, insns, n);
	put_fde(eh, &spec, cie, MADE_TEXT + 0x1000, 16, NO_INSNS);
	t = table_of(eh);
	for (unsigned pc = 0; pc < 256; pc++) {
		const char *now = rule_at(t, MADE_TEXT + pc);

		if (strcmp(now, last) != 0 && strcmp(now, "none") != 0)
			append_row(rows, sizeof(rows), pc, now);
		snprintf(last, sizeof(last), "%s", now);
	}
	cr_expect_str_eq(rows, expected, "rows are     %s\n  instead of  %s", rows, expected);
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 0x1000), "rsp+8");
	cr_expect_eq(t->stats.bad_fdes, expected[0] == '\0');
}
