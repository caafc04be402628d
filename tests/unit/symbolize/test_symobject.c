/* SPDX-License-Identifier: Apache-2.0 */
/* One object with all that is known of it: what it is loaded from, and what is kept on disk. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_fixture.h"
#include "scratch.h"
#include "symobject.h"

static const char *const nowhere[] = { NULL };

static struct symobject_opts plain_opts(void)
{
	return (struct symobject_opts){ .max_file_bytes = UINT64_MAX,
					.max_bytes = 64 << 20,
					.max_inflated = 64 << 20,
					.threads = 2,
					.debug_dirs = nowhere,
					.path = "",
					.root_fd = -1,
					.build_id = "" };
}

/* The innermost and outermost names at the symbol @name of a fixture: "a<b"; "-" when it has none.
 */
static const char *names_at(struct symobject *o, const char *fixture, const char *name)
{
	static char text[1024];
	struct dwquery q = { .addr = fixture_nm("", fixture_path(fixture), name) };
	struct dwframes frames = { 0 };
	char inner[256], outer[256];

	cr_assert_eq(symobject_find(o, &q, 1, &frames), 0);
	strcpy(text, "-");
	if (q.n > 0) {
		const struct symunit_frame *f = frames.frames.items + q.first;

		snprintf(text, sizeof(text), "%s<%s",
			 symobject_string(o, f[0].name.name, sizeof(inner), inner),
			 symobject_string(o, f[q.n - 1].name.name, sizeof(outer), outer));
	}
	array_free(&frames.frames);
	return text;
}

static void load(const char *fixture, const struct symobject_opts *opts, struct symobject *ret)
{
	int fd = fixture_open(fixture);

	cr_assert_eq(symobject_load(fd, opts, ret), 0);
	cr_assert_eq(close(fd), 0, "it stays the caller's");
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Loads it, asks for main, and gives what its store folder holds then. */
static unsigned load_and_ask(const char *fixture, const struct symobject_opts *opts)
{
	struct symobject o;

	load(fixture, opts, &o);
	cr_assert_not_null(o.dwarf);
	cr_expect_str_eq(names_at(&o, fixture, "main"), "main<main", "%s", opts->build_id);
	if (symobject_wants_saving(&o))
		cr_expect_eq(symobject_save(&o), 0);
	cr_expect_str_eq(names_at(&o, fixture, "main"), "main<main", "%s", opts->build_id);
	symobject_done(&o);
	return opts->store_dir && is_folder(opts->store_dir) ? scratch_count(opts->store_dir) : 0;
}

Test(symobject, keeps_an_index_under_the_build_id)
{
	struct symobject_opts opts = plain_opts();
	struct scratch_dir dir;
	char id[200];

	scratch_enter(&dir);
	opts.store_dir = "index";
	cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 0, "it has no name to be kept under");
	opts.build_id = "0123abcd";
	cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 1);
	cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 1, "it is read from there");
	/* Another file has an index of its own, whatever its id. */
	cr_expect_eq(load_and_ask("debug-gcc-4", &opts), 2);
	opts.build_id = "../../escape";
	cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 2);
	cr_expect_neq(access("escape", F_OK), 0);
	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	opts.build_id = id;
	cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 2, "longer than any build id");
	scratch_leave(&dir);
}

Test(symobject, a_folder_that_cannot_be_used_costs_nothing_else)
{
	struct symobject_opts opts = plain_opts();
	struct scratch_dir dir;

	scratch_enter(&dir);
	scratch_write("file", "");
	opts.build_id = "0123abcd";
	opts.store_dir = "file";
	load_and_ask("debug-gcc-5", &opts);
	opts.store_dir = "file/none";
	load_and_ask("debug-gcc-5", &opts);
	opts.store_dir = "";
	load_and_ask("debug-gcc-5", &opts);
	scratch_leave(&dir);
}

Test(symobject, a_damaged_index_is_made_again)
{
	struct symobject_opts opts = plain_opts();
	struct scratch_dir dir;
	char command[64];

	scratch_enter(&dir);
	opts.build_id = "0123abcd";
	opts.store_dir = "index";
	cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 1);
	for (int bytes = 3000; bytes > 1; bytes /= 4) {
		snprintf(command, sizeof(command), "truncate -s %d index/*", bytes);
		cr_assert_eq(system(command), 0);
		cr_expect_eq(load_and_ask("debug-gcc-5", &opts), 1);
	}
	scratch_leave(&dir);
}

Test(symobject, files_of_every_kind_are_loaded_or_say_why_not)
{
	struct symobject_opts opts = plain_opts();
	struct symobject o;
	int fd;

	load("names-stripped", &opts, &o);
	cr_expect_null(o.dwarf);
	symobject_done(&o);
	load("names-pie", &opts, &o);
	cr_expect_eq(o.elf.reason, SYM_OK);
	cr_expect_null(o.dwarf);
	cr_expect_str_eq(names_at(&o, "names-pie", "main"), "-");
	cr_expect_str_eq(symobject_string(&o, strref(STRREF_OWN, 0), 10, (char[10]){ 0 }), "");
	symobject_done(&o);
	fd = fixture_memfd("no object", 9);
	cr_assert_eq(symobject_load(fd, &opts, &o), 0);
	cr_expect_eq(o.elf.reason, SYM_BAD_FILE);
	symobject_done(&o);
	close(fd);
	opts.max_file_bytes = 100;
	load("debug-gcc-5", &opts, &o);
	cr_expect_eq(o.elf.reason, SYM_LIMIT);
	symobject_done(&o);
}

/* Where .debug_info, which is compressed, begins in the file of @n bytes at @p. */
static Elf64_Chdr *packed_info(uint8_t *p, size_t n)
{
	const Elf64_Ehdr *eh = (const void *)p;
	const Elf64_Shdr *sh = (const void *)(p + eh->e_shoff);
	const char *names = (const char *)p + sh[eh->e_shstrndx].sh_offset;

	for (size_t i = 0; i < eh->e_shnum; i++)
		if (strcmp(names + sh[i].sh_name, ".debug_info") == 0 &&
		    (sh[i].sh_flags & SHF_COMPRESSED) && sh[i].sh_offset < n)
			return (void *)(p + sh[i].sh_offset);
	cr_assert(false, "there is none");
	return NULL;
}

static struct symobject_flaws flaws_of(const uint8_t *p, size_t n,
				       const struct symobject_opts *opts)
{
	int fd = fixture_memfd(p, n);
	struct symobject_flaws flaws;
	struct symobject o;

	cr_assert_eq(symobject_load(fd, opts, &o), 0);
	cr_expect_null(o.dwarf);
	flaws = symobject_flaws(&o);
	symobject_done(&o);
	close(fd);
	return flaws;
}

Test(symobject, debug_information_that_cannot_be_opened_is_told)
{
	int fd = fixture_open("debug-gcc-z");
	struct symobject_opts opts = plain_opts();
	struct symobject_flaws flaws;
	size_t n;
	uint8_t *p = fixture_read(fd, &n);
	Elf64_Chdr *info = packed_info(p, n);

	/* More than may lie in memory, by far, is read in pieces. */
	opts.max_inflated = 100;
	cr_expect_eq(load_and_ask("debug-gcc-z", &opts), 0);
	/* What would be a hundred times larger than the file is not. */
	info->ch_size *= 300;
	flaws = flaws_of(p, n, &opts);
	cr_expect(flaws.limited == 1 && flaws.broken == 0);
	info->ch_type = 99;
	flaws = flaws_of(p, n, &opts);
	cr_expect(flaws.limited == 0 && flaws.broken == 1);
	free(p);
	close(fd);
}

/* The name of the symbol at @addr, after a question about it and @more of the addresses behind it. */
static const char *symbol_at(struct symobject *o, uint64_t addr, size_t more)
{
	struct dwquery queries[2000] = { 0 };
	struct dwframes frames = { 0 };
	struct symobject_symbol s;

	for (size_t i = 0; i <= more; i++)
		queries[i].addr = addr + i;
	cr_assert_eq(symobject_find(o, queries, more + 1, &frames), 0);
	array_free(&frames.frames);
	cr_assert_eq(symobject_symbol(o, addr, &s), 0);
	return s.text ? s.text : "-";
}

Test(symobject, a_few_symbols_are_read_alone_and_once)
{
	struct symobject_opts opts = plain_opts();
	uint64_t at = fixture_nm("", fixture_path("names-pie"), "plain_function");
	struct symobject_symbol s;
	struct symobject o;

	load("names-pie", &opts, &o);
	cr_expect_str_eq(symbol_at(&o, at, 0), "plain_function");
	cr_expect_not_null(o.sources, "all symbols were read");
	cr_assert_eq(symobject_symbol(&o, at, &s), 0);
	cr_expect_eq(s.end, at + 1);
	cr_expect_gt(symobject_bytes(&o), sizeof(o.elf));
	cr_expect_str_eq(symbol_at(&o, at + 2, 0), "plain_function");
	cr_expect_null(o.sources, "who asks again gets all");
	cr_expect_str_eq(symbol_at(&o, at, 0), "plain_function");
	symobject_done(&o);
	load("names-pie", &opts, &o);
	cr_expect_str_eq(symbol_at(&o, at, 1999), "plain_function");
	cr_expect_null(o.sources, "many were asked for");
	symobject_done(&o);
	load("names-pie", &opts, &o);
	cr_expect_str_eq(symbol_at(&o, 1, 0), "-");
	cr_expect_eq(o.elf.reason, SYM_OK);
	cr_expect_eq(o.elf.on_miss, SYM_NO_MATCH);
	symobject_done(&o);
}

Test(symobject, no_descriptor_is_lost)
{
	static const char *const fixtures[] = { "debug-gcc-5", "debug-gcc-z", "names-stripped",
						"odd" };
	struct symobject_opts opts = plain_opts();
	struct scratch_dir dir;
	struct symobject o;
	unsigned before;

	scratch_enter(&dir);
	opts.store_dir = "index";
	opts.build_id = "0123";
	before = scratch_count("/proc/self/fd");
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
			load(fixtures[i], &opts, &o);
			names_at(&o, "debug-gcc-5", "main");
			symobject_done(&o);
			cr_expect_eq(scratch_count("/proc/self/fd"), before, "%s", fixtures[i]);
		}
	scratch_leave(&dir);
}
