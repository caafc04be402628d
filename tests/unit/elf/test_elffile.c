/* SPDX-License-Identifier: Apache-2.0 */
/* The outer shape of ELF files, this program's own and what is made of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "allocfail.h"
#include "elffile.h"

struct whole {
	uint8_t *p;
	size_t n;
};

/* All bytes of this program. */
static struct whole read_self(void)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	off_t n = lseek(fd, 0, SEEK_END);
	struct whole w = { malloc((size_t)n), (size_t)n };

	cr_assert_gt(n, 0);
	cr_assert_eq(pread(fd, w.p, w.n, 0), (ssize_t)w.n);
	return w;
}

static int open_patched(const struct whole *w, size_t off, uint16_t value)
{
	struct elf_file f;
	uint16_t was;
	int r;

	memcpy(&was, w->p + off, 2);
	memcpy(w->p + off, &value, 2);
	r = elf_file_open_mem(&f, w->p, w->n);
	elf_file_close(&f);
	memcpy(w->p + off, &was, 2);
	return r;
}

Test(elffile, reads_a_file_as_it_reads_its_bytes)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct whole w = read_self();
	struct elf_file a, b;

	cr_assert_eq(elf_file_open_fd(&a, fd, UINT64_MAX), 0);
	cr_assert_eq(elf_file_open_mem(&b, w.p, w.n), 0);
	cr_assert_eq(elf_file_read_sections(&a), 0);
	cr_assert_eq(elf_file_read_sections(&b), 0);
	cr_assert_eq(a.n_sections, b.n_sections);
	cr_assert_gt(a.n_sections, 10);
	for (size_t i = 0; i < a.n_sections; i++) {
		const Elf64_Shdr *sh = &a.sections[i];
		void *pa = NULL, *pb = NULL;
		size_t na = 0, nb = 0;
		int r = elf_file_read_section(&a, sh, SIZE_MAX, &pa, &na);

		cr_assert_eq(elf_file_read_section(&b, &b.sections[i], SIZE_MAX, &pb, &nb), r);
		cr_expect(na == nb && (na == 0 || memcmp(pa, pb, na) == 0), "section %zu", i);
		free(pa);
		free(pb);
	}
	elf_file_close(&a);
	elf_file_close(&b);
	free(w.p);
}

Test(elffile, finds_sections)
{
	struct whole w = read_self();
	const Elf64_Shdr *text, *symtab;
	struct elf_file f;

	cr_assert_eq(elf_file_open_mem(&f, w.p, w.n), 0);
	cr_expect_null(elf_file_section_named(&f, ".text"), "before they were read");
	cr_assert_eq(elf_file_read_sections(&f), 0);
	text = elf_file_section_named(&f, ".text");
	symtab = elf_file_section_of_type(&f, SHT_DYNSYM);
	cr_assert(text && symtab);
	cr_expect(text->sh_flags & SHF_EXECINSTR);
	cr_expect_eq(symtab->sh_entsize, sizeof(Elf64_Sym));
	cr_expect_null(elf_file_section_named(&f, ".bss"), "it has no bytes");
	cr_expect_null(elf_file_section_named(&f, ".tex"));
	elf_file_close(&f);
	free(w.p);
}

Test(elffile, says_what_is_wrong)
{
	_cleanup_close_ int dev = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct whole w = read_self();
	struct elf_file f;
	void *p;

	cr_expect_eq(open_patched(&w, 0, 0x4142), -EBADMSG);
	cr_expect_eq(open_patched(&w, EI_CLASS, ELFCLASS32 | ELFDATA2LSB << 8), -ENOTSUP);
	cr_expect_eq(open_patched(&w, EI_CLASS, ELFCLASS64 | ELFDATA2MSB << 8), -ENOTSUP);
	cr_expect_eq(open_patched(&w, offsetof(Elf64_Ehdr, e_type), ET_CORE), -ENOTSUP);
	cr_expect_eq(open_patched(&w, offsetof(Elf64_Ehdr, e_type), ET_REL), -ENOTSUP);
	for (size_t n = 0; n < sizeof(Elf64_Ehdr); n++)
		cr_expect_eq(elf_file_open_mem(&f, w.p, n), -EBADMSG);
	cr_expect_eq(elf_file_open_fd(&f, dev, UINT64_MAX), -EBADMSG);
	cr_expect_eq(elf_file_open_fd(&f, fd, w.n - 1), -EFBIG);
	cr_assert_eq(elf_file_open_fd(&f, fd, w.n), 0);
	cr_expect_eq(elf_file_read_new(&f, w.n, 1, SIZE_MAX, &p), -EBADMSG);
	cr_expect_eq(elf_file_read_new(&f, UINT64_MAX, 2, SIZE_MAX, &p), -EBADMSG);
	cr_expect_eq(elf_file_read_new(&f, 0, 65, 64, &p), -EFBIG);
	elf_file_close(&f);
	free(w.p);
}

/* The owner of a file may make it shorter while it is read. */
Test(elffile, notices_that_a_file_became_shorter)
{
	_cleanup_close_ int fd = memfd_create("made", MFD_CLOEXEC);
	struct whole w = read_self();
	struct elf_file f;

	cr_assert_eq(write(fd, w.p, w.n), (ssize_t)w.n);
	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(ftruncate(fd, 100), 0);
	cr_expect_eq(elf_file_read_sections(&f), -EBADMSG);
	elf_file_close(&f);
	free(w.p);
}

static int read_all(void)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_(elf_file_closep) struct elf_file f;
	Elf64_Phdr *phs;
	size_t n;
	int r = elf_file_open_fd(&f, fd, UINT64_MAX);

	if (r == 0)
		r = elf_file_read_sections(&f);
	if (r == 0)
		r = elf_file_read_segments(&f, &phs, &n);
	if (r == 0)
		free(phs);
	return r;
}

Test(elffile, survives_every_failed_allocation)
{
	allocfail_each(read_all);
	allocfail_expect_no_leaks();
}
