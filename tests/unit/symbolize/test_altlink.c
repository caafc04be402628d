/* SPDX-License-Identifier: Apache-2.0 */
/* debugfile_find_alt(): the common file of debug information that dwz makes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "buildid.h"
#include "debug_fixture.h"
#include "debugfile.h"
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

TestSuite(altlink, .init = enter, .fini = leave, .timeout = 60);

/* Two programs with DWARF in common, moved to root/FILE, which they call @link. */
static void make_dwz(const char *file, const char *link)
{
	if (system("command -v dwz >/dev/null") != 0)
		cr_skip("there is no dwz");
	sh("mkdir -p root/usr/bin \"$(dirname root/%s)\"", file);
	sh("cp %s root/usr/bin/prog", fixture_path("names-debug"));
	sh("cp %s root/usr/bin/twin", fixture_path("names-debug"));
	sh("dwz -m root/%s -M '%s' root/usr/bin/prog root/usr/bin/twin", file, link);
}

static const char *find_alt_in_root(const struct asking *a, const char *path, const char *expected)
{
	const struct debugfile_search s = { .root_fd = a->root };
	int fd = -7, r = debugfile_find_alt(&a->f, path, &s, &fd);

	return name_found(r, fd, (const char *const[]){ expected, NULL });
}

Test(altlink, finds_what_dwz_made)
{
	static const struct {
		const char *file, *link, *path;
	} t[] = {
		{ "usr/bin/common", "common", "/usr/bin/prog" },
		{ "usr/bin/common", "common", "" },
		{ "usr/lib/debug/.dwz/common", "../lib/debug/.dwz/common", "/usr/bin/prog" },
		{ "usr/lib/debug/.dwz/common", "/usr/lib/debug/.dwz/common", "" },
		{ "usr/lib/debug/.dwz/x86/common", "/elsewhere/.dwz/x86/common", "/usr/bin/prog" },
		{ "usr/lib/debug/.dwz/common", "../../../common", "/usr/bin/prog" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct asking a;
		char at[128];

		make_dwz(t[i].file, t[i].link);
		snprintf(at, sizeof(at), "root/%s", t[i].file);
		asking_open(&a, "root/usr/bin/prog");
		cr_expect_str_eq(find_alt_in_root(&a, t[i].path, at), at, "%s", t[i].link);
		asking_close(&a);
		sh("rm -r root");
	}
}

Test(altlink, finds_what_dwz_made_by_build_id)
{
	struct asking a;
	struct elf_file f;
	char id[BUILD_ID_HEX_MAX];
	const char *at;
	int fd;

	make_dwz("common", "gone");
	fd = open("root/common", O_RDONLY);
	cr_assert_eq(elf_file_open_dwo(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(buildid_of_file(&f, id), 0);
	elf_file_close(&f);
	close(fd);
	asking_open(&a, "root/usr/bin/prog");
	cr_expect_str_eq(find_alt_in_root(&a, "/usr/bin/prog", ""), ENOENT_TEXT);
	at = put_by_id("root/common", "root/usr/lib/debug", id);
	cr_expect_str_eq(find_alt_in_root(&a, "/usr/bin/prog", at), at);
	/* The same name and another build id. */
	make_other_id("root/common", at);
	sh("cp %s root/usr/bin/gone", at);
	cr_expect_str_eq(find_alt_in_root(&a, "/usr/bin/prog", at), ENOENT_TEXT);
	asking_close(&a);
}

/* Every byte of main() as "name file:line" and its callers, in @ret. */
static void describe_main(struct symbolizer *s, const char *path, int root, char *ret, size_t n)
{
	uint64_t offs[32], vaddr = fixture_nm("", fixture_path("names-debug"), "main");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sym_request req = {
		.kind = SYM_ELF,
		.fd = fd,
		.build_id = "",
		.path = "/usr/bin/prog",
		.root_fd_plus1 = root + 1,
		.offs = offs,
		.n = ARRAY_LEN(offs),
	};
	struct sym_batch b;
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(offs); i++)
		offs[i] = fixture_offset(fd, vaddr + i);
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	for (size_t i = 0; i < req.n; i++)
		for (uint32_t k = 0; k < b.answers[i].frame_n; k++) {
			const struct sym_frame *f = &b.frames[b.answers[i].frame_first + k];

			at += (size_t)snprintf(ret + at, n - at, "%s %s:%u\n", b.strings + f->name,
					       b.strings + f->file, f->line);
			cr_assert_lt(at, n);
		}
	sym_batch_done(&b);
	close(fd);
}

/* Not only found, but read: without its symbol table the names are in the common file. */
Test(altlink, names_stay_the_same_after_dwz)
{
	static char before[65536], after[65536], without[65536];
	struct symbolizer *s;
	int root;

	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	describe_main(s, fixture_path("names-debug"), -1, before, sizeof(before));
	make_dwz("usr/lib/debug/.dwz/common", "/usr/lib/debug/.dwz/common");
	sh("objcopy -w --strip-all --keep-section '.debug*' --keep-section .gnu_debugaltlink "
	   "root/usr/bin/prog");
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	describe_main(s, "root/usr/bin/prog", root, after, sizeof(after));
	symbolizer_free(s);
	cr_expect(strstr(before, "main "), "%s", before);
	cr_expect_str_eq(before, after);
	/* And without it they are not there. */
	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	sh("rm root/usr/lib/debug/.dwz/common");
	describe_main(s, "root/usr/bin/prog", root, without, sizeof(without));
	cr_expect_str_neq(without, after);
	symbolizer_free(s);
	close(root);
}

Test(altlink, survives_odd_altlinks)
{
	static const char *const sections[] = {
		"common",
		"common\\0",
		"\\0aaaaaaaaaaaaaaaaaaaa",
		"/\\0aaaaaaaaaaaaaaaaaaaa",
		"/dev/zero\\0aaaaaaaaaaaaaaaaaaaa",
		"../../../../../../../../etc/passwd\\0a",
		"/.dwz/\\0aaaaaaaaaaaaaaaaaaaa",
		"c\\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct asking a;

	sh("mkdir -p root/usr/bin && objcopy -S %s plain", fixture_path("names-debug"));
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		sh("printf '%s' >section", sections[i]);
		sh("objcopy --add-section .gnu_debugaltlink=section plain root/usr/bin/prog");
		asking_open(&a, "root/usr/bin/prog");
		cr_expect_str_eq(find_alt_in_root(&a, "/usr/bin/prog", ""), ENOENT_TEXT, "%s",
				 sections[i]);
		asking_close(&a);
	}
	asking_open(&a, "plain");
	cr_expect_str_eq(find_alt_in_root(&a, "", ""), ENOENT_TEXT);
	asking_close(&a);
}
