/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our tables against libdw, over real objects. UNWIND_AGREE=FOLDER:FOLDER… in the environment adds
 * every ELF file below these folders, at fewer pcs each.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agree.h"
#include "cleanup.h"

#define LIBS "/usr/lib/x86_64-linux-gnu/"

static void report(const char *name, const struct agree_counts *c)
{
	cr_log_info("%s: %" PRIu64 " agree (%" PRIu64 " roots), %" PRIu64 " without rows, %" PRIu64
		    " padding, %" PRIu64 " by the code alone, %" PRIu64 " unsupported, %" PRIu64
		    " refused by libdw, %" PRIu64 " differ",
		    name, c->compared, c->roots, c->none, c->padding, c->ours, c->unsupported,
		    c->refused, c->differing);
	cr_expect_eq(c->differing, 0, "%s: %" PRIu64 " differ, first %s", name, c->differing,
		     c->first);
}

struct object {
	char path[96];
};

ParameterizedTestParameters(agree, with_libdw)
{
	static struct object objects[] = {
		{ LIBS "libc.so.6" },	    { LIBS "ld-linux-x86-64.so.2" },
		{ LIBS "libcrypto.so.3" },  { LIBS "libgcrypt.so.20" },
		{ LIBS "libstdc++.so.6" },  { LIBS "libLLVM-14.so.1" },
		{ LIBS "libpthread.so.0" }, { "/usr/bin/python3.11" },
		{ "/usr/bin/git" },	    { "/usr/bin/node" },
		{ "/usr/local/bin/node" },  { "/usr/lib/llvm-14/bin/clang" },
		{ "/usr/bin/busybox" },	    { "/lib/ld-musl-x86_64.so.1" },
		{ "/proc/self/exe" },
	};

	return cr_make_param_array(struct object, objects, sizeof(objects) / sizeof(*objects));
}

ParameterizedTest(struct object *o, agree, with_libdw)
{
	_cleanup_close_ int fd = open(o->path, O_RDONLY | O_CLOEXEC);
	struct agree_counts counts;
	int r;

	if (fd < 0)
		cr_skip("%s is not installed", o->path);
	r = agree_object(fd, NULL, 0, 20000, &counts);
	cr_assert_eq(r, 0, "%s: %s", o->path, strerror(-r));
	report(o->path, &counts);
	cr_expect_gt(counts.compared, 0); /* not many in musl, which is built without */
}

/* What compilers say of code, against what the code says. Where a call does not return and another
 * function follows it, nothing tells so, if no way leads there that could be held against it. */
ParameterizedTestParameters(agree, of_code_alone)
{
	static struct object objects[] = { { "/bin/bash" },
					   { "/usr/bin/git" },
					   { LIBS "libc.so.6" },
					   { LIBS "libm.so.6" } };

	return cr_make_param_array(struct object, objects, sizeof(objects) / sizeof(*objects));
}

ParameterizedTest(struct object *o, agree, of_code_alone)
{
	_cleanup_close_ int fd = open(o->path, O_RDONLY | O_CLOEXEC);
	struct agree_counts c;
	int r;

	if (fd < 0)
		cr_skip("%s is not installed", o->path);
	r = agree_code(fd, 20000, &c);
	cr_assert_eq(r, 0, "%s: %s", o->path, strerror(-r));
	fprintf(stderr, "  %s: %" PRIu64 " agree, %" PRIu64 " missing, %" PRIu64 " differ, %s\n",
		o->path, c.compared, c.missing, c.differing, c.first);
	cr_expect_gt(c.compared, 4 * c.missing);
	cr_expect_lt(c.differing, c.compared / 200, "%s", c.first);
}

/* Copies the vDSO; its end is where the mapping's does. */
static size_t read_vdso(void **ret)
{
	unsigned long start = getauxval(AT_SYSINFO_EHDR), lo, hi;
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &lo, &hi) != 2 || lo != start)
			continue;
		*ret = malloc(hi - lo);
		memcpy(*ret, (void *)start, hi - lo);
		return hi - lo;
	}
	return 0;
}

Test(agree, with_libdw_on_the_vdso)
{
	_cleanup_free_ void *data = NULL;
	size_t n = read_vdso(&data);
	struct agree_counts counts;
	int r;

	if (n == 0)
		cr_skip("no vDSO");
	r = agree_object(-1, data, n, 20000, &counts);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	report("vDSO", &counts);
	cr_expect_gt(counts.compared, 1000);
}

/* nftw() has no context for its callback. */
static struct agree_counts sum;
static uint64_t n_objects, n_unread;

static int add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_cleanup_close_ int fd = -1;
	struct agree_counts c;
	int r;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : agree_object(fd, NULL, 0, 500, &c);
	if (r == -EIO)
		n_unread++;
	if (r < 0)
		return 0;
	n_objects++;
	cr_expect_eq(c.differing, 0, "%s: %" PRIu64 " differ, first %s", path, c.differing,
		     c.first);
	sum.compared += c.compared;
	sum.roots += c.roots;
	sum.none += c.none;
	sum.padding += c.padding;
	sum.unsupported += c.unsupported;
	sum.refused += c.refused;
	sum.differing += c.differing;
	return 0;
}

Test(agree, with_libdw_on_whole_folders)
{
	char *folders = getenv("UNWIND_AGREE"), *folder, *rest;

	if (!folders)
		cr_skip("UNWIND_AGREE is not set");
	folders = strdup(folders);
	for (folder = strtok_r(folders, ":", &rest); folder; folder = strtok_r(NULL, ":", &rest))
		nftw(folder, add_file, 64, FTW_PHYS);
	free(folders);
	cr_log_info("%" PRIu64 " objects, %" PRIu64 " that libdw cannot read", n_objects, n_unread);
	report("all", &sum);
}
