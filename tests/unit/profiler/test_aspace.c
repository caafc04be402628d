/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "allocfail.h"
#include "aspace.h"
#include "clock.h"

/* What /proc/PID/maps has looked like in the wild. */
static const char maps[] =
	"555555554000-555555556000 r--p 00000000 fd:01 131 /usr/bin/cat\n"
	"555555556000-55555555b000 r-xp 00002000 fd:01 131                        /usr/bin/cat\n"
	"55555555b000-55555555c000 rw-p 00007000 fd:01 131 /usr/bin/cat\n"
	"7f0000000000-7f0000001000 r-xp 00000000 fd:01 132 /tmp/a b/c  d (deleted)\n"
	"7f0000001000-7f0000002000 r-xp 00001000 fd:01 133 /tmp/new\\012line (deleted) (deleted)\n"
	"7f0000002000-7f0000003000 rwxp 00000000 00:00 0 \n"
	"7f0000003000-7f0000004000 --xs 00000000 00:01 134 /dev/zero (deleted)\n"
	"7f0000004000-7f0000005000 r-xp 00000000 00:00 0 [anon:jit code]\n"
	"7f0000005000-7f0000006000 r-xp 00000000 00:2d 4294967297 /memfd:x (deleted)\n"
	"7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static struct aspace *parse(const char *text, size_t max)
{
	struct aspace *as;
	char *copy = strdup(text);

	cr_assert_eq(aspace_parse(copy, max, &as), 0);
	free(copy);
	return as;
}

Test(aspace, keeps_executable_areas_with_their_names)
{
	static const char *const names[] = {
		"/usr/bin/cat",
		"/tmp/a b/c  d",
		"/tmp/new\\012line (deleted)",
		"",
		"/dev/zero",
		"[anon:jit code]",
		"/memfd:x",
		"[vdso]",
		"[vsyscall]",
	};
	struct aspace *as = parse(maps, SIZE_MAX);

	cr_assert_eq(as->areas.n, sizeof(names) / sizeof(*names));
	for (size_t i = 0; i < as->areas.n; i++)
		cr_expect_str_eq(aspace_name(as, &as->areas.items[i]), names[i]);
	cr_expect_eq(as->areas.items[0].start, 0x555555556000);
	cr_expect_eq(as->areas.items[0].end, 0x55555555b000);
	cr_expect_eq(as->areas.items[0].file_off, 0x2000);
	cr_expect_eq(as->areas.items[0].dev, makedev(0xfd, 1));
	cr_expect_eq(as->areas.items[0].ino, 131);
	cr_expect_eq(as->areas.items[6].ino, 4294967297);
	aspace_unref(as);
}

Test(aspace, skips_lines_that_make_no_sense)
{
	struct aspace *as = parse("\n"
				  "garbage\n"
				  "1000-2000\n"
				  "1000-2000 r-xp\n"
				  "1000-2000 r-xp 0 fd:01\n"
				  "2000-1000 r-xp 0 fd:01 1 /backwards\n"
				  "1000-1000 r-xp 0 fd:01 1 /empty\n"
				  "zzzz-yyyy r-xp 0 fd:01 1 /not hexadecimal\n"
				  "3000-4000 r-xp 0 fd:01 1 /good\n"
				  "2000-3000 r-xp 0 fd:01 1 /out of order\n"
				  "3800-5000 r-xp 0 fd:01 1 /overlapping\n"
				  "5000-6000 r-xp 0 fd:01 1 /last, without a newline",
				  SIZE_MAX);

	cr_assert_eq(as->areas.n, 2);
	cr_expect_str_eq(aspace_name(as, &as->areas.items[0]), "/good");
	cr_expect_str_eq(aspace_name(as, &as->areas.items[1]), "/last, without a newline");
	aspace_unref(as);
}

Test(aspace, finds_the_area_of_an_address)
{
	static const struct {
		uint64_t addr;
		const char *name; /* NULL = in none */
	} t[] = {
		{ 0, NULL },
		{ 0x555555555fff, NULL },
		{ 0x555555556000, "/usr/bin/cat" },
		{ 0x55555555afff, "/usr/bin/cat" },
		{ 0x55555555b000, NULL },
		{ 0x7f0000000fff, "/tmp/a b/c  d" },
		{ 0x7f0000004000, "[anon:jit code]" },
		{ 0x7ffff7fc2000, "[vdso]" },
		{ 0x7ffff7fc3000, NULL },
		{ 0xffffffffff600000, "[vsyscall]" },
		{ 0xffffffffff601000, NULL },
		{ UINT64_MAX, NULL },
	};
	struct aspace *as = parse(maps, SIZE_MAX);

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		const struct vm_area *a = aspace_find(as, t[i].addr, 0);

		cr_assert_eq(a != NULL, t[i].name != NULL, "%jx", (uintmax_t)t[i].addr);
		if (a)
			cr_expect_str_eq(aspace_name(as, a), t[i].name);
	}
	aspace_unref(as);
}

Test(aspace, of_a_kernel_thread_is_empty)
{
	struct aspace *as = parse("", SIZE_MAX);

	cr_expect_eq(as->areas.n, 0);
	cr_expect_null(aspace_find(as, 0, 0));
	aspace_unref(as);
}

Test(aspace, keeps_no_more_areas_than_wanted)
{
	struct aspace *as = parse(maps, 2);

	cr_expect_eq(as->areas.n, 2);
	aspace_unref(as);
	as = parse(maps, 0);
	cr_expect_eq(as->areas.n, 0);
	aspace_unref(as);
}

static char *many_lines(size_t n)
{
	char *text = malloc(n * 80 + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%zx-%zx r-xp 00000000 fd:01 %zu /lib/l%zu.so\n",
				       (i + 1) * 0x2000, (i + 1) * 0x2000 + 0x1000, i + 1, i);
	return text;
}

Test(aspace, parses_a_hundred_thousand_lines_in_linear_time)
{
	char *text = many_lines(100000);
	uint64_t start = clock_mono_ns();
	struct aspace *as;

	cr_assert_eq(aspace_parse(text, SIZE_MAX, &as), 0);
	/* A tenth of a second is usual; scanning the rest at each line would take minutes. */
	cr_expect_lt(clock_mono_ns() - start, 5 * NSEC_PER_SEC);
	cr_assert_eq(as->areas.n, 100000);
	for (size_t i = 0; i < 100000; i += 999)
		cr_expect_eq(aspace_find(as, (i + 1) * 0x2000 + 0xfff, 0), &as->areas.items[i]);
	aspace_unref(as);
	free(text);
}

static int parse_some(void)
{
	static char text[sizeof(maps)];
	struct aspace *as = NULL;
	int r;

	memcpy(text, maps, sizeof(maps));
	r = aspace_parse(text, SIZE_MAX, &as);
	aspace_unref(as);
	return r;
}

Test(aspace, survives_every_failed_allocation)
{
	allocfail_each(parse_some);
}

/* --- many areas --------------------------------------------------------------------------------
 */

/* A page of code every second page, of which every @file_every-th is of a file. */
static char *pages_with_holes(size_t n, size_t file_every)
{
	char *text = malloc(n * 80 + 1), *at = text;

	cr_assert_not_null(text);
	for (size_t i = 0; i < n; i++) {
		uint64_t start = 0x10000000 + i * 0x2000;

		at += sprintf(at, "%" PRIx64 "-%" PRIx64 " r-xp 0 00:00 0 %s\n", start,
			      start + 0x1000, "");
		if (file_every && i % file_every == 0)
			at += sprintf(at, "%" PRIx64 "-%" PRIx64 " r-xp 0 fd:01 %zu /lib/%zu\n",
				      start + 0x1000, start + 0x2000, i + 1, i);
	}
	return text;
}

Test(aspace, anonymous_neighbours_are_one_when_they_are_many)
{
	char *text = pages_with_holes(1000, 100);
	struct aspace *as = parse(text, 400);
	size_t files = 0;

	free(text);
	array_each(&as->areas, a)
		files += a->ino != 0;
	cr_expect_eq(files, 10, "files are told apart: %zu", files);
	cr_expect_leq(as->areas.n, 100 + 2 * 10 + 1, "%zu", as->areas.n);
	for (size_t i = 0; i < 1000; i++)
		cr_expect_not_null(aspace_find(as, 0x10000000 + i * 0x2000 + 8, clock_mono_ns()),
				   "%zu", i);
	aspace_unref(as);
}

Test(aspace, few_areas_are_told_apart)
{
	char *text = pages_with_holes(90, 0);
	struct aspace *as = parse(text, 400);

	free(text);
	cr_expect_eq(as->areas.n, 90);
	cr_expect_null(aspace_find(as, 0x10001008, clock_mono_ns()), "the hole behind the first");
	aspace_unref(as);
}

/* --- files -------------------------------------------------------------------------------------
 */

Test(aspace, reads_a_long_file_by_blocks)
{
	char *text = pages_with_holes(5000, 0);
	char path[] = "/tmp/wick-maps-XXXXXX";
	int fd = mkstemp(path);
	struct aspace *whole = parse(text, SIZE_MAX), *as;
	const atomic_bool stop = true;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	free(text);
	cr_assert_eq(aspace_read(path, SIZE_MAX, UINT64_MAX, NULL, &as), 0);
	cr_assert_eq(as->areas.n, 5000);
	cr_expect_eq(memcmp(as->areas.items, whole->areas.items, 5000 * sizeof(*as->areas.items)),
		     0);
	aspace_unref(as);
	cr_expect_eq(aspace_read(path, SIZE_MAX, 0, NULL, &as), -ETIME);
	cr_expect_eq(aspace_read(path, SIZE_MAX, UINT64_MAX, &stop, &as), -ECANCELED);
	unlink(path);
	cr_expect_eq(aspace_read(path, SIZE_MAX, UINT64_MAX, NULL, &as), -ENOENT);
	aspace_unref(whole);
}

Test(aspace, paths_are_those_of_the_process)
{
	char dir[] = "/tmp/wick-root-XXXXXX", path[64], root[64];
	struct aspace *as = NULL;
	FILE *f;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/maps", dir);
	snprintf(root, sizeof(root), "%s/root", dir);
	cr_assert_eq(symlink("/some/where", root), 0);
	f = fopen(path, "we");
	cr_assert_not_null(f);
	fputs("1000-2000 r-xp 00000000 08:01 11   /some/where/bin/prog\n"
	      "3000-4000 r-xp 00000000 08:01 12   /some/where\n"
	      "5000-6000 r-xp 00000000 08:01 13   /some/wherever/lib\n",
	      f);
	fclose(f);
	cr_assert_eq(aspace_read(path, SIZE_MAX, UINT64_MAX, NULL, &as), 0);
	cr_assert_eq(as->areas.n, 3);
	cr_expect_str_eq(aspace_name(as, &as->areas.items[0]), "/bin/prog");
	cr_expect_str_eq(aspace_name(as, &as->areas.items[1]), "/some/where");
	cr_expect_str_eq(aspace_name(as, &as->areas.items[2]), "/some/wherever/lib");
	aspace_unref(as);
	unlink(path);
	unlink(root);
	rmdir(dir);
}

Test(aspace, a_line_that_does_not_end_is_no_line)
{
	char path[] = "/tmp/wick-maps-XXXXXX", block[4096];
	int fd = mkstemp(path);
	struct aspace *as = NULL;

	cr_assert_geq(fd, 0);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 20; i++)
		cr_assert_eq(write(fd, block, sizeof(block)), (ssize_t)sizeof(block));
	close(fd);
	cr_expect_eq(aspace_read(path, SIZE_MAX, UINT64_MAX, NULL, &as), -EBADMSG);
	unlink(path);
}
