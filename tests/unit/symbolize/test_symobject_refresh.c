/* SPDX-License-Identifier: Apache-2.0 */
/* Where an object gets what it answers from: its index on disk, and debug files that appear later.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "debug_fixture.h"
#include "elf_fixture.h"
#include "scratch.h"

static struct scratch_dir dir;

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(symobject, .init = enter, .fini = leave, .timeout = 60);

/* The frames of two functions as "name system_name file:line", in @ret; without @system the second
 * is not asked for, and left out. */
static void describe_with(bool system, char *ret, size_t size)
{
	uint64_t addrs[] = { fixture_nm("", fixture_path("names-debug"), "main"),
			     fixture_nm("", fixture_path("names-debug"), "_ZN5outer5innerEi") };
	int fd = fixture_open("names-debug");
	struct sym_request req = {
		.kind = SYM_VADDR, .fd = fd, .no_system_names = !system, .offs = addrs, .n = 2
	};
	char id[BUILD_ID_HEX_MAX];
	struct symbolizer *s;
	struct sym_batch b;
	size_t at = 0;

	cr_assert_eq(elf_build_id(fd, id), 0);
	req.build_id = id;
	cr_assert_eq(symbolizer_new(&s, &(struct symbolizer_opts){ .store_dir = "store" }), 0);
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	for (size_t i = 0; i < b.n_frames; i++)
		at += (size_t)snprintf(
			ret + at, size - at, "%s %s%s%s:%u\n", b.strings + b.frames[i].name,
			system ? b.strings + b.frames[i].system_name : "", system ? " " : "",
			b.strings + b.frames[i].file, b.frames[i].line);
	sym_batch_done(&b);
	cr_expect_eq(symbolizer_save(s), 0);
	symbolizer_free(s);
	close(fd);
}

static void describe(char *ret, size_t size)
{
	describe_with(true, ret, size);
}

Test(symobject, has_the_same_names_from_the_index_on_disk)
{
	char before[4096], after[4096];

	describe(before, sizeof(before));
	cr_expect(strstr(before, "main main "), "%s", before);
	cr_expect(strstr(before, "names.c:"), "%s", before);
	sh("ls store/*.wickidx >list");
	describe(after, sizeof(after));
	cr_expect_str_eq(before, after);
	describe_with(false, after, sizeof(after));
	sh("rm store/*");
	describe_with(false, before, sizeof(before));
	cr_expect_str_eq(before, after);
}

/* Whatever piece is broken: what it said is found elsewhere, and the index is made again. */
Test(symobject, a_broken_index_hides_nothing_and_is_made_again)
{
	char before[4096], after[4096], name[300] = "";
	struct stat whole, st;
	FILE *list;

	describe(before, sizeof(before));
	sh("ls store/*.wickidx >list");
	list = fopen("list", "r");
	cr_assert(fgets(name, sizeof(name), list));
	fclose(list);
	name[strcspn(name, "\n")] = '\0';
	cr_assert_eq(stat(name, &whole), 0);
	for (off_t at = 3; at < whole.st_size; at += 61) {
		int fd = open(name, O_RDWR | O_CLOEXEC);
		uint8_t was;

		cr_assert_eq(pread(fd, &was, 1, at), 1);
		was ^= 0x10;
		cr_assert_eq(pwrite(fd, &was, 1, at), 1);
		close(fd);
		describe(after, sizeof(after));
		cr_expect_str_eq(before, after, "%ld", (long)at);
		/* A piece that nobody asked for may be as it was. */
		cr_assert_eq(stat(name, &st), 0);
		cr_expect_eq(st.st_size, whole.st_size);
	}
}

/* The line of main() in "stripped", 0 when only its symbol is known. */
static unsigned line_of_main(struct symbolizer *s)
{
	uint64_t addr = fixture_nm("", fixture_path("names-debug"), "main");
	int fd = open("stripped", O_RDONLY | O_CLOEXEC);
	struct sym_request req = { .kind = SYM_VADDR,
				   .fd = fd,
				   .build_id = "",
				   .path = "stripped",
				   .offs = &addr,
				   .n = 1 };
	struct sym_batch b;
	unsigned line;

	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	cr_assert_eq(b.n_frames, 1);
	cr_expect_str_eq(b.strings + b.frames[0].name, "main");
	line = b.frames[0].line;
	sym_batch_done(&b);
	close(fd);
	return line;
}

/* A package with debug information is installed while the object is in the cache. */
Test(symobject, looks_for_a_debug_file_again)
{
	static const char *const dirs[] = { "debug", NULL };
	struct symbolizer_opts opts = { .debug_dirs = dirs, .debug_refresh_ns = 1 };
	struct symbolizer *s, *patient;
	struct asking a;

	sh("cp %s whole && objcopy --strip-debug whole stripped", fixture_path("names-debug"));
	asking_open(&a, "whole");
	cr_assert_eq(symbolizer_new(&s, &opts), 0);
	opts.debug_refresh_ns = 0;
	cr_assert_eq(symbolizer_new(&patient, &opts), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(line_of_main(s) + line_of_main(patient), 0);
	cr_expect_eq(symbolizer_stats(s).loads, 1);
	/* A file with symbols alone is loaded once, and is no reason to stop looking. */
	sh("objcopy --strip-debug whole symbols");
	put_by_id("symbols", "debug", a.id);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(line_of_main(s), 0);
	cr_expect_eq(symbolizer_stats(s).loads, 2);
	put_by_id("whole", "debug", a.id);
	for (int i = 0; i < 3; i++)
		cr_expect_gt(line_of_main(s), 0);
	cr_expect_eq(symbolizer_stats(s).loads, 3);
	cr_expect_eq(line_of_main(patient), 0, "not within a minute");
	cr_expect_eq(symbolizer_stats(patient).loads, 1);
	symbolizer_free(s);
	symbolizer_free(patient);
	asking_close(&a);
}
