/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "elf_fixture.h"
#include "elffile.h"
#include "elfsym.h"

static const char *name_at(const struct elf_object *o, uint64_t off)
{
	const struct symtab_range *r = elf_object_find(o, off);

	return r ? o->syms.strings + r->name : "(none)";
}

static void load(const char *fixture, struct elf_object *ret)
{
	int fd = fixture_open(fixture);

	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, ret), 0);
	close(fd);
}

__attribute__((noinline)) static int known_static_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x;
}

Test(elfsym, names_functions_of_the_running_program)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct elf_object o;
	uint64_t off = 0;
	char *end;
	char line[1024];
	FILE *maps = fopen("/proc/self/maps", "r");
	uint64_t addr = (uint64_t)(uintptr_t)known_static_function;

	while (fgets(line, sizeof(line), maps)) {
		uint64_t from = strtoull(line, &end, 16), to = strtoull(end + 1, &end, 16);

		if (addr >= from && addr < to)
			off = addr - from + strtoull(end + 6, NULL, 16);
	}
	fclose(maps);
	cr_assert(off);
	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &o), 0);
	cr_expect_str_eq(name_at(&o, off), "known_static_function");
	cr_expect_eq(known_static_function(1), 1);
	elf_object_done(&o);
	close(fd);
}

/* Every step of odd.S, see there. */
Test(elfsym, decides_the_odd_cases)
{
	static const struct {
		uint64_t vaddr;
		const char *name;
	} want[] = {
		{ 0x401000, "sized" },		{ 0x40101f, "sized" },
		{ 0x401020, "(none)" },		{ 0x40102f, "(none)" },
		{ 0x401030, "alias_best" },	{ 0x401040, "unsized" },
		{ 0x401050, "unsized" },	{ 0x40105f, "unsized" },
		{ 0x401060, "after" },		{ 0x401070, "label" },
		{ 0x40107f, "label" },		{ 0x401080, "sized_label" },
		{ 0x401087, "sized_label" },	{ 0x401088, "(none)" },
		{ 0x401090, "(none)" },		{ 0x4010a0, "outer" },
		{ 0x4010b0, "inner" },		{ 0x4010bf, "inner" },
		{ 0x4010c0, "outer" },		{ 0x4010cf, "outer" },
		{ 0x4010d0, "long_one" },	{ 0x4010e0, "long_one" },
		{ 0x4010f0, "last" },		{ 0x4010ff, "last" },
		{ 0x402000, "second_first" },	{ 0x40201f, "second_first" },
		{ 0x402020, "second_unsized" }, { 0x40202f, "second_unsized" },
		{ 0x402030, "exported" },	{ 0x40203f, "exported" },
		{ 0x402040, "exported" },	{ 0x402050, "second_sized" },
		{ 0x402060, "second_sized" },	{ 0x40206f, "second_sized" },
	};
	int fd = fixture_open("odd");
	struct elf_object o;

	load("odd", &o);
	cr_expect_eq(o.reason, SYM_OK);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		uint64_t off = fixture_offset(fd, want[i].vaddr);

		cr_expect_str_eq(name_at(&o, off), want[i].name, "%#lx: %s", want[i].vaddr,
				 name_at(&o, off));
	}
	cr_expect_str_eq(name_at(&o, 0), "(none)");
	cr_expect_str_eq(name_at(&o, UINT64_MAX), "(none)");
	elf_object_done(&o);
	close(fd);
}

static void check_names(const char *fixture, const char *nm_options)
{
	static const char *const names[] = { "main", "plain_function", "_ZN5outer5innerEi",
					     "_ZN7mycrate6module4work17h0123456789abcdefE" };
	int fd = fixture_open(fixture);
	struct elf_object o;

	load(fixture, &o);
	cr_expect_eq(o.on_miss, SYM_NO_MATCH);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint64_t vaddr = fixture_nm(nm_options, fixture_path(fixture), names[i]);

		cr_expect_str_eq(name_at(&o, fixture_offset(fd, vaddr)), names[i]);
		cr_expect_str_eq(name_at(&o, fixture_offset(fd, vaddr) + 1), names[i]);
	}
	elf_object_done(&o);
	close(fd);
}

Test(elfsym, reads_symtab_of_pie_and_fixed_programs)
{
	check_names("names-pie", "");
	check_names("names-nopie", "");
}

Test(elfsym, reads_dynsym_alone)
{
	check_names("names-dynsym", "-D");
}

Test(elfsym, ranks_aliases)
{
	int fd = fixture_open("names-pie");
	uint64_t vaddr = fixture_nm("", fixture_path("names-pie"), "aliased_longer");
	struct elf_object o;

	load("names-pie", &o);
	cr_expect_str_eq(name_at(&o, fixture_offset(fd, vaddr)), "aliased");
	elf_object_done(&o);
	close(fd);
}

Test(elfsym, says_that_a_program_is_stripped)
{
	uint64_t main_vaddr = fixture_nm("", fixture_path("names-pie"), "main");
	int fd = fixture_open("names-stripped");
	struct elf_object o;

	load("names-stripped", &o);
	cr_expect_eq(o.reason, SYM_OK);
	cr_expect_eq(o.on_miss, SYM_NO_SYMBOLS);
	cr_expect_str_eq(name_at(&o, fixture_offset(fd, main_vaddr)), "(none)");
	elf_object_done(&o);
	close(fd);
}

static enum sym_reason reason_of(const void *p, size_t n)
{
	struct elf_object o;
	enum sym_reason reason;

	cr_assert_eq(elf_object_load_mem(p, n, &o), 0);
	reason = o.reason;
	elf_object_done(&o);
	return reason;
}

Test(elfsym, refuses_other_files_with_a_reason)
{
	int fd = fixture_open("names-pie");
	struct elf_object o;
	size_t n;
	uint8_t *p = fixture_read(fd, &n);

	cr_expect_eq(reason_of("", 0), SYM_BAD_FILE);
	cr_expect_eq(reason_of("#!/bin/sh\necho hello, world", 27), SYM_BAD_FILE);
	p[EI_CLASS] = ELFCLASS32;
	cr_expect_eq(reason_of(p, n), SYM_UNSUPPORTED);
	p[EI_CLASS] = ELFCLASS64;
	p[EI_DATA] = ELFDATA2MSB;
	cr_expect_eq(reason_of(p, n), SYM_UNSUPPORTED);
	p[EI_DATA] = ELFDATA2LSB;
	((Elf64_Ehdr *)p)->e_type = ET_REL;
	cr_expect_eq(reason_of(p, n), SYM_UNSUPPORTED);
	free(p);
	cr_assert_eq(elf_object_load_fd(fd, 1000, &o), 0);
	cr_expect_eq(o.reason, SYM_LIMIT);
	elf_object_done(&o);
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &o), 0);
	cr_expect_eq(o.reason, SYM_BAD_FILE);
	elf_object_done(&o);
	close(fd);
}

Test(elfsym, names_functions_of_the_vdso)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	uint64_t from, to, off = 0;
	char line[1024];
	size_t n = 0;
	struct elf_object o;
	FILE *maps = fopen("/proc/self/maps", "r");
	int fd;

	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			n = to - from;
	fclose(maps);
	if (!image || !n)
		cr_skip("this process has no vDSO");
	fd = fixture_memfd(image, n);
	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &o), 0);
	cr_expect_eq(o.reason, SYM_OK);
	for (size_t i = 0; i < o.syms.n; i++)
		if (o.syms.ranges[i].name != SYMTAB_HOLE &&
		    strstr(o.syms.strings + o.syms.ranges[i].name, "clock_gettime"))
			off = o.syms.ranges[i].start - o.code[0].vaddr + o.code[0].off;
	cr_assert(off);
	cr_expect_str_eq(name_at(&o, off), "__vdso_clock_gettime");
	elf_object_done(&o);
	close(fd);
}

/* Loads exactly @n bytes, so that ASan sees one byte too many, and asks for some offsets. */
static void exercise(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct elf_object o;

	memcpy(copy, p, n);
	cr_assert_eq(elf_object_load_mem(copy, n, &o), 0);
	for (uint64_t off = 0; off < n + 64; off += 61)
		(void)name_at(&o, off);
	elf_object_done(&o);
	free(copy);
}

Test(elfsym, survives_truncation_at_every_length)
{
	int fd = fixture_open("odd"), fd2 = fixture_open("names-ibt");
	size_t n;
	uint8_t *p = fixture_read(fd, &n);

	for (size_t i = 0; i <= n; i++)
		exercise(p, i);
	free(p);
	p = fixture_read(fd2, &n);
	for (size_t i = 0; i <= n; i += 7)
		exercise(p, i);
	free(p);
	close(fd);
	close(fd2);
}

Test(elfsym, survives_flipped_bytes)
{
	static const char *const fixtures[] = { "odd", "names-ibt", "names-dynsym" };
	unsigned seed = 1;

	for (size_t f = 0; f < ARRAY_LEN(fixtures); f++) {
		int fd = fixture_open(fixtures[f]);
		size_t n;
		uint8_t *p = fixture_read(fd, &n), *q = malloc(n);

		for (int round = 0; round < 3000; round++) {
			memcpy(q, p, n);
			for (int flips = 1 + rand_r(&seed) % 8; flips > 0; flips--) {
				size_t where = (size_t)rand_r(&seed) % n;

				/* Half of them where it matters: headers at both ends. */
				if (flips % 2)
					where = where % 2 ? where % 1024 : n - 1 - where % 2048;
				q[where] = (uint8_t)rand_r(&seed);
			}
			exercise(q, n);
		}
		free(p);
		free(q);
		close(fd);
	}
}

Test(elfsym, survives_a_file_that_shrinks)
{
	int src = fixture_open("odd"), fd;
	size_t n;
	uint8_t *p = fixture_read(src, &n);
	struct elf_file f;
	Elf64_Shdr sh;

	fd = fixture_memfd(p, n);
	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(ftruncate(fd, 4096), 0);
	cr_expect_eq(elf_file_read(&f, n - sizeof(sh), &sh, sizeof(sh)), -EBADMSG);
	cr_expect_eq(elf_file_read_sections(&f), -EBADMSG);
	elf_file_close(&f);
	close(fd);
	free(p);
	close(src);
}

/* A header may promise more than there is, but costs no more memory than the file has. */
Test(elfsym, does_not_allocate_what_the_file_cannot_hold)
{
	int src = fixture_open("odd");
	size_t n;
	uint8_t *p = fixture_read(src, &n);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)p;
	Elf64_Shdr *sh = (Elf64_Shdr *)(p + eh->e_shoff);

	for (int i = 0; i < eh->e_shnum; i++)
		sh[i].sh_size = 1ull << 40;
	cr_expect_eq(reason_of(p, n), SYM_BAD_FILE);
	eh->e_shnum = 0;
	sh[0].sh_size = UINT64_MAX / sizeof(*sh);
	cr_expect_eq(reason_of(p, n), SYM_LIMIT);
	free(p);
	close(src);
}
