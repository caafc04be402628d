/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_fixture.h"
#include "elffile.h"
#include "elfsym.h"

#ifdef __x86_64__

/* The name of the stub at the beginning of section @name. */
static char *first_stub(const char *fixture, const char *section)
{
	int fd = fixture_open(fixture);
	const struct symtab_range *r;
	const Elf64_Shdr *sh;
	struct elf_object o;
	struct elf_file f;
	char *name;

	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &o), 0);
	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(elf_file_read_sections(&f), 0);
	sh = elf_file_section_named(&f, section);
	cr_assert(sh, "%s has no %s", fixture, section);
	r = elf_object_find(&o, sh->sh_offset + 6);
	name = strdup(r ? o.syms.strings + r->name : "");
	elf_file_close(&f);
	elf_object_done(&o);
	close(fd);
	return name;
}

/* How many stubs of section @name have a name that ends in @plt, and whether @want is one. */
static unsigned stubs_with(const char *fixture, const char *section, const char *want,
			   bool *ret_has)
{
	int fd = fixture_open(fixture);
	const Elf64_Shdr *sh;
	struct elf_object o;
	struct elf_file f;
	uint64_t step;
	unsigned n = 0;

	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &o), 0);
	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(elf_file_read_sections(&f), 0);
	sh = elf_file_section_named(&f, section);
	cr_assert(sh, "%s has no %s", fixture, section);
	*ret_has = false;
	step = sh->sh_entsize ? sh->sh_entsize : 8; /* of a static program it is not said */
	for (uint64_t at = 0; at < sh->sh_size; at += step) {
		const struct symtab_range *r = elf_object_find(&o, sh->sh_offset + at);
		const char *name = r ? o.syms.strings + r->name : "";

		n += strlen(name) > 4 && strcmp(name + strlen(name) - 4, "@plt") == 0;
		*ret_has |= strcmp(name, want) == 0;
		/* The whole stub, and not more, has the name. */
		cr_expect_eq(r, elf_object_find(&o, sh->sh_offset + at + step - 1));
	}
	elf_file_close(&f);
	elf_object_done(&o);
	close(fd);
	return n;
}

static unsigned named_stubs(const char *fixture, const char *section, bool *ret_puts)
{
	return stubs_with(fixture, section, "puts@plt", ret_puts);
}

Test(elfplt, names_stubs_of_plt)
{
	bool has_puts;

	cr_expect_geq(named_stubs("names-pie", ".plt", &has_puts), 3);
	cr_expect(has_puts);
	cr_expect_geq(named_stubs("names-nopie", ".plt", &has_puts), 3);
	cr_expect(has_puts);
	cr_expect_geq(named_stubs("names-now", ".plt", &has_puts), 3);
	cr_expect(has_puts);
}

Test(elfplt, names_the_one_that_binds_the_others)
{
	static const char *const fixtures[] = { "names-pie", "names-ibt", "names-stripped" };

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++) {
		char *name = first_stub(fixtures[i], ".plt");

		cr_expect_str_eq(name, "_dl_runtime_resolve@plt", "%s: '%s'", fixtures[i], name);
		free(name);
	}
}

Test(elfplt, names_stubs_of_plt_sec_and_their_lazy_halves)
{
	bool has_puts;

	cr_expect_geq(named_stubs("names-ibt", ".plt.sec", &has_puts), 3);
	cr_expect(has_puts);
	cr_expect_geq(named_stubs("names-ibt", ".plt", &has_puts), 3);
	cr_expect(has_puts);
}

Test(elfplt, names_stubs_of_plt_got)
{
	bool has_puts;

	cr_expect_eq(named_stubs("names-pie", ".plt.got", &has_puts), 1);
	cr_expect_eq(named_stubs("names-ibt", ".plt.got", &has_puts), 1);
}

Test(elfplt, serves_a_stripped_program)
{
	bool has_puts;

	cr_expect_geq(named_stubs("names-stripped", ".plt", &has_puts), 3);
	cr_expect(has_puts);
}

/* Functions that are chosen when the program starts: their relocations have no symbol. */
Test(elfplt, names_stubs_of_chosen_functions)
{
	static const char *const fixtures[] = { "names-static", "names-staticpie" };
	bool has_strlen;

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++) {
		unsigned n = stubs_with(fixtures[i], ".plt", "strlen@plt", &has_strlen);

		cr_expect_geq(n, 20, "%s: %u", fixtures[i], n);
		cr_expect(has_strlen, "%s", fixtures[i]);
	}
}

#endif
