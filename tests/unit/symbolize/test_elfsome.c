/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of a few addresses is what all symbols say. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dwobject.h"
#include "elf_fixture.h"
#include "elffile.h"
#include "elfsym.h"
#include "symasked.h"

enum { AT_ONCE = 12 };

static const char *name_in(const struct symtab *t, uint64_t addr)
{
	const struct symtab_range *r = symtab_find(t, addr);

	return r ? t->strings + r->name : "(none)";
}

static int by_number(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Asks @f about @n addresses; whether the answer is clear. If so it has to be that of @whole. */
static bool ask(const struct elf_file *f, const struct elf_object *whole, uint64_t *addrs, size_t n)
{
	struct dwquery queries[AT_ONCE] = { 0 };
	struct symasked asked = { 0 };
	struct elf_object o;
	int r;

	qsort(addrs, n, sizeof(*addrs), by_number);
	for (size_t i = 0; i < n; i++)
		queries[i].addr = addrs[i];
	cr_assert_eq(elf_object_load_code(f, 0, &o), 0);
	cr_assert_eq(symasked_note(&asked, queries, n), 0);
	r = elf_object_load_some(&o, f, NULL, 0, &asked);
	cr_assert_geq(r, 0);
	for (size_t i = 0; r == 1 && i < asked.n; i++)
		cr_assert_str_eq(name_in(&asked.syms, asked.addrs[i]),
				 name_in(&whole->syms, asked.addrs[i]), "%#lx", asked.addrs[i]);
	if (r == 1)
		cr_expect_eq(o.on_miss, whole->on_miss);
	symasked_done(&asked);
	elf_object_done(&o);
	return r == 1;
}

struct clear {
	size_t n, of;
};

static void count(struct clear *c, bool is_clear)
{
	c->n += is_clear;
	c->of++;
}

/* Begins and ends of symbols, one at a time; then any addresses, several at a time. */
static struct clear check_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t addrs[AT_ONCE], seed = 1;
	struct elf_object whole;
	struct elf_file f;
	struct clear c = { 0 };
	size_t step;

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(elf_file_read_sections(&f), 0);
	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &whole), 0);
	step = whole.syms.n / 200 + 1;
	for (size_t i = 0; i < whole.syms.n; i += step)
		for (int d = -1; d <= 1; d++)
			count(&c, ask(&f, &whole,
				      (uint64_t[]){ whole.syms.ranges[i].start + (uint64_t)d }, 1));
	for (int round = 0; round < 200 && whole.n_code > 0; round++) {
		for (size_t i = 0; i < AT_ONCE; i++) {
			const struct elf_code *code = &whole.code[round % whole.n_code];

			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			addrs[i] = code->vaddr + (seed >> 16) % code->size;
		}
		ask(&f, &whole, addrs, AT_ONCE);
	}
	elf_object_done(&whole);
	elf_file_close(&f);
	close(fd);
	return c;
}

Test(elfsome, answers_are_those_of_all_symbols)
{
	static const char *const fixtures[] = { "names-pie",   "names-nopie",	"names-dynsym",
						"names-now",   "names-ibt",	"names-stripped",
						"names-debug", "debugxx-gcc-5", "odd" };

	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++)
		check_file(fixture_path(fixtures[i]));
}

static int check_loaded(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	if (info->dlpi_name[0] == '/')
		check_file(info->dlpi_name);
	return 0;
}

Test(elfsome, answers_are_those_of_all_symbols_of_libraries)
{
	struct clear c = check_file("/proc/self/exe");

	/* Of a program that was compiled from C nearly all are. */
	cr_expect_gt(c.n * 10, c.of * 8, "%zu of %zu", c.n, c.of);
	dl_iterate_phdr(check_loaded, NULL);
}

/* --- tables that are made here ---------------------------------------------------------------- */

enum { TEXT = 0x1000, TEXT_SIZE = 0x1000, AT = 0x1100, SYMS = 64, LONG = 5000 };

struct image {
	Elf64_Ehdr h;
	Elf64_Shdr sections[4];
	Elf64_Sym syms[SYMS];
	char strings[2 * LONG];
};

struct made {
	struct image image;
	size_t n, n_strings;
};

static void begin(struct made *m)
{
	struct image *im = &m->image;

	*m = (struct made){ .n_strings = 1 };
	memcpy(im->h.e_ident, ELFMAG, SELFMAG);
	im->h.e_ident[EI_CLASS] = ELFCLASS64;
	im->h.e_ident[EI_DATA] = ELFDATA2LSB;
	im->h.e_ident[EI_VERSION] = EV_CURRENT;
	im->h.e_type = ET_DYN;
	im->h.e_machine = EM_X86_64;
	im->h.e_shoff = offsetof(struct image, sections);
	im->h.e_shentsize = sizeof(Elf64_Shdr);
	im->h.e_shnum = 4;
	im->sections[1] = (Elf64_Shdr){ .sh_type = SHT_NOBITS,
					.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					.sh_addr = TEXT,
					.sh_size = TEXT_SIZE };
	im->sections[2] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
					.sh_offset = offsetof(struct image, syms),
					.sh_size = sizeof(im->syms),
					.sh_entsize = sizeof(Elf64_Sym),
					.sh_link = 3 };
	im->sections[3] =
		(Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct image, strings) };
}

static uint32_t add_name(struct made *m, const char *name)
{
	size_t at = m->n_strings;

	strcpy(m->image.strings + at, name);
	m->n_strings += strlen(name) + 1;
	return (uint32_t)at;
}

static void add(struct made *m, uint32_t name, unsigned char type, uint64_t value, uint64_t size)
{
	m->image.syms[m->n++] = (Elf64_Sym){ .st_name = name,
					     .st_info = ELF64_ST_INFO(STB_GLOBAL, type),
					     .st_shndx = 1,
					     .st_value = value,
					     .st_size = size };
}

static void add_function(struct made *m, const char *name, uint64_t value, uint64_t size)
{
	add(m, add_name(m, name), STT_FUNC, value, size);
}

/* Whether it is clear who is at AT, who has to be @want. */
static bool check_made(struct made *m, const char *want)
{
	struct elf_object whole;
	struct elf_file f;
	bool is_clear;

	m->image.sections[3].sh_size = m->n_strings;
	cr_assert_eq(elf_file_open_mem(&f, &m->image, sizeof(m->image)), 0);
	cr_assert_eq(elf_file_read_sections(&f), 0);
	cr_assert_eq(elf_object_load_mem(&m->image, sizeof(m->image), &whole), 0);
	cr_expect_str_eq(name_in(&whole.syms, AT), want);
	is_clear = ask(&f, &whole, (uint64_t[]){ AT }, 1);
	elf_object_done(&whole);
	elf_file_close(&f);
	return is_clear;
}

Test(elfsome, a_function_with_a_size_is_enough)
{
	static struct made m;

	begin(&m);
	add_function(&m, "unsized", AT, 0);
	add_function(&m, "outer", TEXT, 0x800);
	add_function(&m, "inner", AT - 4, UINT64_MAX); /* up to the end of the section */
	add_function(&m, "before", AT - 2, 2);
	add(&m, add_name(&m, "label"), STT_NOTYPE, AT, 0);
	add(&m, add_name(&m, "object"), STT_OBJECT, AT, 8);
	add_function(&m, "elsewhere", UINT64_MAX - 8, 32); /* around zero */
	cr_expect(check_made(&m, "inner"));
}

Test(elfsome, of_equal_names_the_first_in_the_strings_is_taken)
{
	static struct made m;
	char name[300] = { 0 };
	uint32_t first;

	begin(&m);
	memset(name, 'a', sizeof(name) - 2);
	name[sizeof(name) - 2] = '1';
	first = add_name(&m, name);
	name[sizeof(name) - 2] = '2';
	add_function(&m, name, AT, 8);
	add(&m, first, STT_FUNC, AT, 8);
	name[sizeof(name) - 2] = '1';
	cr_expect(check_made(&m, name));
}

Test(elfsome, what_ends_before_leaves_nobody)
{
	static struct made m;

	begin(&m);
	add_function(&m, "long_before", TEXT, 0);
	add_function(&m, "before", AT - 8, 8);
	add_function(&m, "behind", AT + 2, 8);
	add(&m, add_name(&m, "label"), STT_NOTYPE, AT - 9, 0);
	cr_expect(check_made(&m, "(none)"));
}

Test(elfsome, what_takes_all_symbols_to_know_is_not_said)
{
	static struct made m;

	begin(&m);
	add_function(&m, "unsized", AT - 8, 0);
	cr_expect_not(check_made(&m, "unsized"));
	add(&m, add_name(&m, ""), STT_FUNC, AT - 4, 2); /* without a name it is nobody */
	cr_expect_not(check_made(&m, "unsized"));
	add_function(&m, "at_the_same", AT - 8, 2);
	cr_expect_not(check_made(&m, "(none)"));
	begin(&m);
	add_function(&m, "before", AT - 8, 4);
	add(&m, add_name(&m, "label"), STT_NOTYPE, AT - 4, 0);
	cr_expect_not(check_made(&m, "label"));
	begin(&m);
	add(&m, add_name(&m, "sized_label"), STT_NOTYPE, AT - 8, 16);
	add_function(&m, "before", AT - 4, 2);
	cr_expect_not(check_made(&m, "sized_label"));
	begin(&m);
	add_function(&m, "behind", AT + 2, 8);
	cr_expect_not(check_made(&m, "(none)"));
}

Test(elfsome, names_may_be_odd)
{
	static struct made m;
	static char name[LONG + 1];

	begin(&m);
	add_function(&m, "outer", TEXT, 0x800);
	add(&m, 0, STT_FUNC, AT, 8);
	add(&m, SYMS * LONG, STT_FUNC, AT, 8);
	cr_expect(check_made(&m, "outer"));
	m.n_strings--; /* without a NUL */
	cr_expect(check_made(&m, "outer"));
	m.n_strings++;
	memset(name, 'n', LONG);
	add_function(&m, name, AT, 8);
	cr_expect_not(check_made(&m, name));
}

Test(elfsome, as_many_names_as_nobody_gives_a_function_are_not_kept)
{
	static struct made m;
	char name[] = "a";

	begin(&m);
	for (; name[0] < 'a' + 20; name[0]++)
		add_function(&m, name, AT, 8);
	cr_expect_not(check_made(&m, "a"));
}

Test(elfsome, memory_may_run_out)
{
	int fd = fixture_open("names-pie");
	uint64_t at = fixture_nm("", fixture_path("names-pie"), "main");
	struct dwquery q = { .addr = at };
	struct elf_file f;
	int r = -ENOMEM;

	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(elf_file_read_sections(&f), 0);
	for (long n = 0; r == -ENOMEM; n++) {
		struct symasked asked = { 0 };
		struct elf_object o = { 0 };

		alloc_fail_at(n);
		r = symasked_note(&asked, &q, 1);
		if (r == 0)
			r = elf_object_load_some(&o, &f, NULL, 0, &asked);
		alloc_fail_at(-1);
		cr_assert(r == 1 || r == -ENOMEM, "%d", r);
		symasked_done(&asked);
		elf_object_done(&o);
	}
	elf_file_close(&f);
	close(fd);
}
