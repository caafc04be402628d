/* SPDX-License-Identifier: Apache-2.0 */
/* Finding call frame information in files of all sorts. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cfimaker.h"
#include "cleanup.h"

/* An .eh_frame or .debug_frame with one function whose CFA is rsp + @off. */
static struct buf *frame_new(bool is_debug, uint8_t off)
{
	struct cie_spec s = { .is_debug = is_debug, .aug = is_debug ? "" : NULL };
	struct buf *b = calloc(1, sizeof(*b));
	size_t cie = put_cie(b, &s, STD_INIT);

	put_fde(b, &s, cie, MADE_TEXT, 64, INSNS(0x0e, off));
	return b;
}

/* What building a file like @s gives: the rule, or the error. */
static void check(struct elf_spec s, int error, const char *rule)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *b = calloc(1, sizeof(*b));
	int r;

	put_elf(b, &s);
	r = unwind_table_from_bytes(b->b, b->n, &only_cfi, &t);
	cr_expect_eq(r, error, "%s", strerror(-r));
	if (r == 0)
		cr_expect_str_eq(rule_at(t, MADE_TEXT), rule);
}

Test(cfisource, prefers_eh_frame_by_its_section)
{
	_cleanup_free_ struct buf *eh = frame_new(false, 16), *debug = frame_new(true, 24);

	check((struct elf_spec){ .eh_frame = eh }, 0, "rsp+16");
	check((struct elf_spec){ .eh_frame = eh, .debug_frame = debug }, 0, "rsp+16");
	check((struct elf_spec){ .debug_frame = debug }, 0, "rsp+24");
	check((struct elf_spec){ .eh_frame = eh, .debug_frame = debug, .is_nobits = true }, 0,
	      "rsp+24");
	check((struct elf_spec){ .debug_frame = debug, .is_compressed = true }, -ENODATA, NULL);
	check((struct elf_spec){ .eh_frame = eh, .is_nobits = true }, -ENODATA, NULL);
	check((struct elf_spec){ 0 }, -ENODATA, NULL);
}

Test(cfisource, takes_from_debug_frame_what_eh_frame_leaves_out)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = frame_new(false, 16), *b = calloc(1, sizeof(*b));
	_cleanup_free_ struct buf *debug = calloc(1, sizeof(*debug));
	struct cie_spec s = { .is_debug = true, .aug = "" };
	size_t cie = put_cie(debug, &s, STD_INIT);

	put_fde(debug, &s, cie, MADE_TEXT - 64, 64, INSNS(0x0e, 24));
	put_fde(debug, &s, cie, MADE_TEXT, 64, INSNS(0x0e, 32));
	put_fde(debug, &s, cie, MADE_TEXT + 64, 64, INSNS(0x0e, 40));
	put_elf(b, &(struct elf_spec){ .eh_frame = eh, .debug_frame = debug });
	cr_assert_eq(unwind_table_from_bytes(b->b, b->n, &only_cfi, &t), 0);
	cr_expect_str_eq(rule_at(t, MADE_TEXT - 64), "rsp+24");
	cr_expect_str_eq(rule_at(t, MADE_TEXT), "rsp+16");
	cr_expect_str_eq(rule_at(t, MADE_TEXT + 64), "rsp+40");
}

Test(cfisource, reads_sectionless_files_through_the_segment)
{
	_cleanup_free_ struct buf *eh = frame_new(false, 16);

	check((struct elf_spec){ .eh_frame = eh, .has_hdr = true, .has_no_sections = true }, 0,
	      "rsp+16");
	check((struct elf_spec){ .eh_frame = eh, .has_no_sections = true }, -ENODATA, NULL);
}

/* The file with one 16-bit field changed. */
static int build_patched(size_t off, uint16_t value)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = frame_new(false, 16), *b = calloc(1, sizeof(*b));

	put_elf(b, &(struct elf_spec){ .eh_frame = eh });
	memcpy(b->b + off, &value, sizeof(value));
	return unwind_table_from_bytes(b->b, b->n, &only_cfi, &t);
}

Test(cfisource, says_what_is_wrong_with_a_file)
{
	struct unwind_table *t;

	cr_expect_eq(build_patched(0, 0x4142), -ENOEXEC);
	cr_expect_eq(build_patched(EI_CLASS, ELFCLASS32 | ELFDATA2LSB << 8), -ENOTSUP);
	cr_expect_eq(build_patched(EI_CLASS, ELFCLASS64 | ELFDATA2MSB << 8), -ENOTSUP);
	cr_expect_eq(build_patched(offsetof(Elf64_Ehdr, e_machine), EM_386), -ENOTSUP);
	cr_expect_eq(build_patched(offsetof(Elf64_Ehdr, e_phnum), 0), -ENOTSUP);
	cr_expect_eq(build_patched(offsetof(Elf64_Ehdr, e_phnum), 65535), -EBADMSG);
	cr_expect_eq(build_patched(offsetof(Elf64_Ehdr, e_shnum), 65000), -ENODATA);
	cr_expect_eq(build_patched(offsetof(Elf64_Ehdr, e_shentsize), 1), -ENODATA);
	cr_expect_eq(unwind_table_from_bytes("", 0, &only_cfi, &t), -ENOEXEC);
	cr_expect_eq(unwind_table_from_bytes("\177ELF", 4, &only_cfi, &t), -EBADMSG);
}

Test(cfisource, reads_files_and_nothing_else)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = frame_new(false, 16), *b = calloc(1, sizeof(*b));
	_cleanup_close_ int fd = memfd_create("made", MFD_CLOEXEC),
			    dev = open("/dev/zero", O_RDONLY);

	put_elf(b, &(struct elf_spec){ .eh_frame = eh });
	cr_assert_eq(write(fd, b->b, b->n), (ssize_t)b->n);
	cr_expect_eq(unwind_table_from_fd(fd, &only_cfi, &t), 0);
	cr_expect_str_eq(rule_at(t, MADE_TEXT), "rsp+16");
	cr_expect_eq(unwind_table_from_fd(dev, &only_cfi, &t), -EINVAL);
	cr_expect_eq(unwind_table_from_fd(-1, &only_cfi, &t), -EBADF);
}

Test(cfisource, obeys_limits)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_free_ struct buf *eh = calloc(1, sizeof(*eh)), *b = calloc(1, sizeof(*b));
	struct cie_spec s = { 0 };
	size_t cie = put_cie(eh, &s, STD_INIT);

	for (unsigned i = 0; i < 100; i++)
		put_fde(eh, &s, cie, MADE_TEXT + i * 16, 16, INSNS(0x41, 0x0e, 16));
	put_elf(b, &(struct elf_spec){ .eh_frame = eh });
#define BUILD(...)               \
	unwind_table_from_bytes( \
		b->b, b->n, &(struct unwind_opts){ .code = UNWIND_CODE_NONE, __VA_ARGS__ }, &t)
	cr_expect_eq(BUILD(.max_rows = 199), -EFBIG);
	cr_expect_eq(BUILD(.max_rows = 99), -EFBIG);
	cr_expect_eq(BUILD(.max_bytes = 256), -EFBIG);
	cr_expect_eq(BUILD(.max_section_bytes = 1000), -EFBIG);
	cr_expect_eq(BUILD(.max_rows = 200), 0);
	cr_expect_eq(t->stats.rows, 200);
}

Test(cfisource, maps_runtime_addresses)
{
	struct unwind_table t = {
		.base = 0x400000,
		.segments = { { .vaddr = 0x401000, .off = 0x1000, .filesz = 0x5000 },
			      { .vaddr = 0x40a234, .off = 0x8234, .filesz = 0x100 } },
		.n_segments = 2,
	};
	uint64_t bias;

	cr_expect_eq(unwind_table_bias(&t, 0x7f0000001000, 0x1000, &bias), 0);
	cr_expect_eq(0x7f0000001010 - bias, 0x1010);
	cr_expect_eq(unwind_table_bias(&t, 0x7f0000002000, 0x2000, &bias), 0); /* mapped in part */
	cr_expect_eq(0x7f0000002010 - bias, 0x2010);
	cr_expect_eq(unwind_table_bias(&t, 0x555500000000, 0x8000, &bias), 0);
	cr_expect_eq(0x555500000240 - bias, 0xa240);
	cr_expect_eq(unwind_table_bias(&t, 0x7f0000001000, 0, &bias), -ENOENT);
	cr_expect_eq(unwind_table_bias(&t, 0x7f0000001000, 0x6000, &bias), -ENOENT);
}
