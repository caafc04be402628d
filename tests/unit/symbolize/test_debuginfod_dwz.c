/* SPDX-License-Identifier: Apache-2.0 */
/* What dwz moved to a file that several debug files have in common: here, on a server (a folder), or nowhere. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buildid.h"
#include "debug_fixture.h"
#include "elf_fixture.h"
#include "scratch.h"

static struct scratch_dir dir;
static char id[BUILD_ID_HEX_MAX], common_id[BUILD_ID_HEX_MAX];
static char whole[65536]; /* what is said of main() before dwz */
static const char *const nowhere[] = { NULL };

static void describe_main(struct symbolizer *s, const char *path, char *ret, size_t size);

static void read_common_id(void)
{
	int fd = open("common", O_RDONLY | O_CLOEXEC);
	struct elf_file f;

	cr_assert_eq(elf_file_open_any(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(buildid_of_file(&f, common_id), 0);
	elf_file_close(&f);
	close(fd);
}

/* "stripped" has no debug information; "debug" has it, of which dwz moved a part to "common". */
static void enter(void)
{
	struct symbolizer *s;
	struct asking a;
	char text[256];

	scratch_enter(&dir);
	if (system("command -v dwz >/dev/null") != 0)
		cr_skip("there is no dwz");
	asking_open(&a, fixture_path("names-debug"));
	strcpy(id, a.id);
	asking_close(&a);
	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	describe_main(s, fixture_path("names-debug"), whole, sizeof(whole));
	symbolizer_free(s);
	sh("cp %s debug && cp debug twin && dwz -m common -M gone/common debug twin",
	   fixture_path("names-debug"));
	/* Names are in the common file alone. */
	sh("objcopy -w --strip-all --keep-section '.debug*' --keep-section .gnu_debugaltlink debug");
	sh("objcopy -S %s stripped", fixture_path("names-debug"));
	read_common_id();
	snprintf(text, sizeof(text), "file://%s/server", dir.path);
	setenv("DEBUGINFOD_URLS", text, 1);
	snprintf(text, sizeof(text), "%s/fetched", dir.path);
	setenv("DEBUGINFOD_CACHE_PATH", text, 1);
	unsetenv("DEBUGINFOD_PROGRESS");
	unsetenv("DEBUGINFOD_VERBOSE");
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(debuginfod_dwz, .init = enter, .fini = leave, .timeout = 60);

static void serve(const char *file, const char *build_id)
{
	sh("mkdir -p server/buildid/%s && cp %s server/buildid/%s/debuginfo", build_id, file,
	   build_id);
}

static struct symbolizer *start(const struct symbolizer_opts *opts)
{
	struct symbolizer *s = NULL;
	int r = symbolizer_new(&s, opts);

	if (r == -ENOSYS)
		cr_skip("there is no libdebuginfod");
	cr_assert_eq(r, 0, "%d", r);
	return s;
}

static struct symbolizer *start_asking(void)
{
	return start(&(struct symbolizer_opts){ .debug_dirs = nowhere, .debuginfod = true });
}

/* Asks until nothing more comes: how often that was. */
static unsigned fetch(struct symbolizer *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;
	struct sym_request req = { .kind = SYM_VADDR, .fd = fd, .build_id = id };
	unsigned rounds = 0;

	while ((r = symbolizer_prepare(s, &req)) == 1 && rounds++ < 10)
		cr_expect_eq(symbolizer_wait(s, 20000), 0);
	cr_expect_eq(r, 0);
	close(fd);
	return rounds;
}

/* Every byte of main() as "name file:line" and its callers, in @ret. */
static void describe_main(struct symbolizer *s, const char *path, char *ret, size_t size)
{
	uint64_t addrs[32], main = fixture_nm("", fixture_path("names-debug"), "main");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sym_request req = {
		.kind = SYM_VADDR, .fd = fd, .build_id = id, .offs = addrs, .n = 32
	};
	struct sym_batch b;
	size_t at = 0;

	for (size_t i = 0; i < req.n; i++)
		addrs[i] = main + i;
	ret[0] = '\0';
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	for (size_t i = 0; i < req.n; i++)
		for (uint32_t k = 0; k < b.answers[i].frame_n; k++) {
			const struct sym_frame *f = &b.frames[b.answers[i].frame_first + k];

			at += (size_t)snprintf(ret + at, size - at, "%s %s:%u\n",
					       b.strings + f->name, b.strings + f->file, f->line);
			cr_assert_lt(at, size);
		}
	sym_batch_done(&b);
	close(fd);
}

static void expect_whole(struct symbolizer *s, const char *path, bool is_whole)
{
	static char now[sizeof(whole)];

	describe_main(s, path, now, sizeof(now));
	cr_expect_eq(strcmp(whole, now) == 0, is_whole, "%s:\n%s\nnot\n%s", path, now, whole);
	cr_expect_eq(symbolizer_stats(s).no_alt, !is_whole);
}

Test(debuginfod_dwz, a_common_file_is_fetched_after_the_debug_file)
{
	struct symbolizer *s = start_asking();

	serve("debug", id);
	serve("common", common_id);
	cr_expect_eq(fetch(s, "stripped"), 2);
	expect_whole(s, "stripped", true);
	symbolizer_free(s);
	/* Also by who does not wait, when it has come. */
	s = start_asking();
	for (int i = 0; i < 3; i++) {
		static char text[sizeof(whole)];

		describe_main(s, "stripped", text, sizeof(text));
		cr_expect_eq(symbolizer_stats(s).no_alt, 0, "nothing is told while it may come");
		cr_expect_eq(symbolizer_wait(s, 20000), 0);
	}
	expect_whole(s, "stripped", true);
	symbolizer_free(s);
}

/* What came stays for an object that left the cache. */
Test(debuginfod_dwz, a_common_file_is_there_when_the_object_comes_back)
{
	struct symbolizer *s = start(&(struct symbolizer_opts){
		.debug_dirs = nowhere, .debuginfod = true, .max_cache_bytes = 1 });

	serve("debug", id);
	serve("common", common_id);
	fetch(s, "stripped");
	sh("rm -r server fetched");
	for (int i = 0; i < 3; i++)
		expect_whole(s, "stripped", true);
	symbolizer_free(s);
}

Test(debuginfod_dwz, a_common_file_is_fetched_for_a_debug_file_that_is_here)
{
	static const char *const dirs[] = { "debug-dir", NULL };
	struct symbolizer *s =
		start(&(struct symbolizer_opts){ .debug_dirs = dirs, .debuginfod = true });

	put_by_id("debug", "debug-dir", id);
	serve("common", common_id);
	cr_expect_eq(fetch(s, "stripped"), 1);
	expect_whole(s, "stripped", true);
	symbolizer_free(s);
	/* And for one without a debug file of its own. */
	s = start_asking();
	cr_expect_eq(fetch(s, "debug"), 1);
	expect_whole(s, "debug", true);
	symbolizer_free(s);
	/* Not where it is here, too. */
	put_by_id("common", "debug-dir", common_id);
	s = start(&(struct symbolizer_opts){ .debug_dirs = dirs, .debuginfod = true });
	cr_expect_eq(fetch(s, "stripped"), 0);
	expect_whole(s, "stripped", true);
	symbolizer_free(s);
}

Test(debuginfod_dwz, a_common_file_that_is_missing_is_told)
{
	static const char *const dirs[] = { "debug-dir", NULL };
	struct symbolizer *s =
		start(&(struct symbolizer_opts){ .debug_dirs = dirs, .debug_refresh_ns = 1 });

	put_by_id("debug", "debug-dir", id);
	cr_expect_eq(fetch(s, "stripped"), 0);
	cr_expect_eq(symbolizer_stats(s).no_alt, 0, "nobody has been answered without it");
	expect_whole(s, "stripped", false);
	expect_whole(s, "stripped", false);
	/* Until it is installed. */
	put_by_id("common", "debug-dir", common_id);
	expect_whole(s, "stripped", true);
	symbolizer_free(s);
	/* No server has it, or has another one. */
	sh("rm -r debug-dir");
	serve("debug", id);
	s = start_asking();
	cr_expect_eq(fetch(s, "stripped"), 2);
	expect_whole(s, "stripped", false);
	cr_expect_eq(fetch(s, "stripped"), 0, "that is believed for a while");
	cr_expect_eq(symbolizer_stats(s).fetching.failed, 0);
	symbolizer_free(s);
	sh("rm -r fetched");
	make_other_id("common", "other");
	serve("other", common_id);
	s = start_asking();
	cr_expect_eq(fetch(s, "stripped"), 2);
	expect_whole(s, "stripped", false);
	cr_expect_eq(symbolizer_stats(s).fetching.failed, 1);
	cr_expect_eq(symbolizer_stats(s).fetching.error, -EBADMSG);
	symbolizer_free(s);
}

/* Files of other kinds, which libdw reads. */
Test(debuginfod_dwz, a_common_file_that_is_missing_is_told_of_other_kinds_of_files)
{
	static const char *const dirs[] = { "debug-dir", NULL };
	struct symbolizer_opts opts = { .debug_dirs = dirs, .allow_libdw = true };
	struct symbolizer *s = start(&opts);

	sh("cp %s plain && objcopy -O elf32-x86-64 plain && objcopy -O elf32-x86-64 debug",
	   fixture_path("names-debug"));
	expect_whole(s, "plain", true);
	symbolizer_free(s);
	s = start(&opts);
	expect_whole(s, "debug", false);
	symbolizer_free(s);
	put_by_id("common", "debug-dir", common_id);
	s = start(&opts);
	expect_whole(s, "debug", true);
	symbolizer_free(s);
}
