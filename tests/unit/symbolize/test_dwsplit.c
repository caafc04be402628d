/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split DWARF. A program is built twice, once with everything inside: both have the same code, so
 * they have to answer the same at every address.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "debug_fixture.h"
#include "elf_fixture.h"
#include "scratch.h"
#include "symobject.h"

enum { TEXT = 1 << 20 };

static struct scratch_dir dir;
static char whole[TEXT], text[TEXT];

static void enter(void)
{
	scratch_enter(&dir);
	sh("mkdir src && cp %s/* src", fixture_path("split"));
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(dwsplit, .init = enter, .fini = leave, .timeout = 120);

static bool has_tool(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
	return system(command) == 0;
}

/* Makes PROG.dwp in place of the .dwo files of @dir/prog. False: the tool is not there, or fails.
 */
static bool make_dwp(const char *tool, const char *at)
{
	char command[256];

	if (!tool || !has_tool(tool))
		return false;
	/* That of binutils crashes on DWARF 5, that of LLVM 14 hangs on some files of gcc. */
	snprintf(command, sizeof(command), "cd %s && timeout 5 %s -e prog -o prog.dwp >log 2>&1",
		 at, tool);
	if (system(command) != 0)
		return false;
	sh("rm %s/*.dwo", at);
	return true;
}

static void build(const char *cc, const char *flags, const char *at)
{
	sh("mkdir -p %s && cd %s && for f in first other third; do "
	   "%s -O2 -fPIE %s -ffunction-sections -c ../src/$f.c -o $f.o || exit 1; done && "
	   "%s -pie -Wl,--gc-sections -Wl,--build-id=sha1 *.o -o prog && rm *.o",
	   at, at, cc, flags, cc);
}

/* What is between the first and the last function. */
static void code_of(const char *path, uint64_t *lo, uint64_t *hi)
{
	*lo = fixture_nm("", path, "main");
	*hi = *lo;
	for (const char *const *f = (const char *const[]){ "in_other", "in_third", "twice", NULL };
	     *f; f++) {
		uint64_t at = fixture_nm("", path, *f);

		*lo = at < *lo ? at : *lo;
		*hi = at > *hi ? at : *hi;
	}
	*hi += 16;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

struct asked {
	const char *path; /* of the program */
	const char *as;	  /* what it is called in its root; NULL = nothing */
	int root;	  /* its root; -1 = none */
	const char *store;
};

/* All that @s says of every address of the program, in @ret. */
static void describe_by(struct symbolizer *s, const struct asked *a, char *ret)
{
	char id[BUILD_ID_HEX_MAX];
	uint64_t lo, hi;
	struct sym_request req = { .kind = SYM_VADDR,
				   .build_id = id,
				   .root_fd_plus1 = a->root + 1 };
	uint64_t *addrs;
	struct sym_batch b;
	size_t at = 0;

	code_of(a->path, &lo, &hi);
	addrs = calloc(hi - lo, sizeof(*addrs));
	for (uint64_t i = 0; i < hi - lo; i++)
		addrs[i] = lo + i;
	req.fd = open(a->path, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(elf_build_id(req.fd, id), 0);
	req.path = a->as;
	req.offs = addrs;
	req.n = hi - lo;
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	for (size_t i = 0; i < req.n; i++) {
		at += (size_t)snprintf(ret + at, TEXT - at, "%#lx", (unsigned long)addrs[i]);
		for (uint32_t k = 0; k < b.answers[i].frame_n; k++) {
			const struct sym_frame *f = &b.frames[b.answers[i].frame_first + k];

			at += (size_t)snprintf(ret + at, TEXT - at, " %s(%u) %s:%u",
					       b.strings + f->name, f->start_line,
					       base(b.strings + f->file), f->line);
			cr_assert_lt(at, TEXT - 1000);
		}
		at += (size_t)snprintf(ret + at, TEXT - at, "\n");
	}
	sym_batch_done(&b);
	close(req.fd);
	free(addrs);
}

static struct symbolizer_stats describe(const struct asked *a, char *ret)
{
	struct symbolizer *s;
	struct symbolizer_stats stats;

	cr_assert_eq(symbolizer_new(&s, &(struct symbolizer_opts){ .store_dir = a->store }), 0);
	describe_by(s, a, ret);
	stats = symbolizer_stats(s);
	cr_expect_eq(symbolizer_save(s), 0);
	symbolizer_free(s);
	return stats;
}

/* Builds both; a compiler that makes other code of it cannot be compared. */
static void build_both(const char *cc, const char *flags, const char *split_flags)
{
	char all[512];

	sh("rm -rf whole split");
	build(cc, flags, "whole");
	snprintf(all, sizeof(all), "%s -gsplit-dwarf %s", flags, split_flags);
	build(cc, all, "split");
	sh("for p in whole split; do objcopy -O binary -j .text $p/prog $p/text; done");
	sh("cmp whole/text split/text");
	describe(&(struct asked){ .path = "whole/prog", .root = -1 }, whole);
	cr_assert(strstr(whole, " innermost(") && strstr(whole, " between("), "%s", whole);
}

static void expect_same(const struct asked *a, const char *what)
{
	struct symbolizer_stats stats = describe(a, text);

	cr_expect_str_eq(text, whole, "%s", what);
	cr_expect_eq(stats.no_split, 0, "%s", what);
}

static const struct asked split = { .path = "split/prog", .root = -1 };

static const struct {
	const char *cc, *flags, *split_flags, *dwp;
} kinds[] = {
	{ "gcc", "-gdwarf-4", "", "dwp" },
	{ "gcc", "-gdwarf-5", "", "llvm-dwp" },
	{ "gcc", "-gdwarf-5", "-fdebug-types-section", NULL },
	{ "clang", "-gdwarf-4", "", "llvm-dwp" },
	{ "clang", "-gdwarf-5", "", "llvm-dwp" },
	{ "clang", "-gdwarf-5", "-fsplit-dwarf-inlining", "llvm-dwp" },
	{ "gcc", "-gdwarf-4", "-gz=zlib", NULL },
	{ "gcc", "-gdwarf-5", "-gz=zlib", NULL },
	{ "clang", "-gdwarf-5", "-gz=zlib", NULL },
};

Test(dwsplit, answers_as_with_everything_inside)
{
	unsigned dwps = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char what[256];

		snprintf(what, sizeof(what), "%s %s %s", kinds[i].cc, kinds[i].flags,
			 kinds[i].split_flags);
		build_both(kinds[i].cc, kinds[i].flags, kinds[i].split_flags);
		expect_same(&split, what);
		if (!make_dwp(kinds[i].dwp, "split"))
			continue;
		dwps++;
		strcat(what, " in a .dwp");
		expect_same(&split, what);
	}
	if (has_tool("dwp") && has_tool("llvm-dwp"))
		cr_expect_geq(dwps, 4);
}

/* One unit of the other two is all there is: what is not of it is named by its symbols. */
Test(dwsplit, leaves_lines_and_symbols_where_a_dwo_is_missing)
{
	struct symbolizer_stats stats;
	char *other;

	build_both("gcc", "-gdwarf-5", "");
	sh("rm split/other.dwo");
	stats = describe(&split, text);
	cr_expect_eq(stats.no_split, 1);
	cr_expect_str_neq(text, whole);
	other = strstr(text, " twice(0) other.c:");
	cr_expect(other, "a symbol and a line\n%s", text);
	cr_expect(strstr(text, " in_third("), "another unit");
	cr_expect(strstr(text, " innermost("), "another unit");
}

/* The skeleton's own id is of other content: that of another compilation is as good as none. */
Test(dwsplit, takes_no_dwo_with_another_id)
{
	static const char *const versions[] = { "-gdwarf-4", "-gdwarf-5" };

	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct symbolizer_stats stats;

		build_both("gcc", versions[i], "");
		sh("cp split/third.dwo split/other.dwo");
		stats = describe(&split, text);
		cr_expect_eq(stats.no_split, 1, "%s", versions[i]);
		cr_expect(strstr(text, " twice(0) other.c:"), "%s", text);
	}
}

Test(dwsplit, looks_in_the_folders_of_the_object)
{
	struct asked a = { .path = "moved/prog", .root = -1 };

	build_both("gcc", "-gdwarf-5", "");
	/* The folder of the compilation is gone; the names are "obj/first.dwo". */
	sh("cd split && rm * && mkdir obj && for f in first other third; do gcc -O2 -fPIE -gdwarf-5 "
	   "-gsplit-dwarf -ffunction-sections -c ../src/$f.c -o obj/$f.o || exit 1; done && "
	   "gcc -pie -Wl,--gc-sections -Wl,--build-id=sha1 obj/*.o -o prog");
	sh("mv split moved");
	expect_same(&a, "by its name");
	sh("mv moved/obj/*.dwo moved");
	expect_same(&a, "beside it");
	sh("mkdir elsewhere && mv moved/*.dwo elsewhere");
	cr_expect_eq(describe(&a, text).no_split, 3);
}

/* Below a root the paths are those of the root; so is what symbolic links in there mean. */
Test(dwsplit, looks_below_the_root)
{
	struct asked a = { .path = "root/bin/prog", .as = "/bin/prog" };

	build_both("gcc", "-gdwarf-4", "");
	sh("mkdir -p root/bin \"root$PWD\" && cp split/prog root/bin && mv split \"root$PWD/split\"");
	a.root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	expect_same(&a, "the folder of the compilation");
	sh("mv root$PWD/split/*.dwo root/bin && rm -r root$PWD/split");
	expect_same(&a, "beside the object");
	if (make_dwp("dwp", "root/bin")) {
		/* A link that leads out of the root leads nowhere. */
		expect_same(&a, "a .dwp");
		sh("mv root/bin/prog.dwp . && ln -s $PWD/prog.dwp root/bin/prog.dwp");
		cr_expect_eq(describe(&a, text).no_split, 3);
	}
	close(a.root);
}

Test(dwsplit, is_found_beside_the_debug_file)
{
	struct asked a = { .path = "root/bin/prog", .as = "/bin/prog" };
	char id[BUILD_ID_HEX_MAX];
	int fd;

	build_both("clang", "-gdwarf-5", "");
	if (!make_dwp("llvm-dwp", "split"))
		cr_skip("there is no llvm-dwp");
	fd = open("split/prog", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(elf_build_id(fd, id), 0);
	close(fd);
	sh("mkdir -p root/bin && objcopy --strip-debug split/prog root/bin/prog");
	put_by_id("split/prog", "root/usr/lib/debug", id);
	a.root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	sh("cp split/prog.dwp root/usr/lib/debug/.build-id/%.2s/%s.dwp", id, id + 2);
	expect_same(&a, "ID.dwp");
	sh("mv root/usr/lib/debug/.build-id/%.2s/%s.dwp root/bin/prog.dwp", id, id + 2);
	expect_same(&a, "prog.dwp");
	close(a.root);
}

/* What is stored needs the other files no more; what is not whole is not stored. */
Test(dwsplit, is_stored_when_it_is_whole)
{
	struct asked a = { .path = "split/prog", .root = -1, .store = "store" };

	build_both("gcc", "-gdwarf-5", "");
	sh("mkdir away && mv split/other.dwo away");
	cr_expect_eq(describe(&a, text).no_split, 1);
	sh("! ls store/*.wickidx 2>/dev/null");
	sh("mv away/other.dwo split");
	expect_same(&a, "before it is stored");
	sh("ls store/*.wickidx >list && rm split/*.dwo");
	expect_same(&a, "from the index");
}

Test(dwsplit, reads_a_dwo_that_is_cut_off)
{
	build_both("gcc", "-gdwarf-5", "");
	sh("cp split/other.dwo whole.dwo");
	for (int percent = 0; percent < 100; percent += 5) {
		sh("head -c $(($(stat -c %%s whole.dwo) * %d / 100)) whole.dwo >split/other.dwo",
		   percent);
		(void)describe(&split, text);
		cr_expect(strstr(text, " innermost("));
	}
}

/* The .dwo and the .dwp appear while the object is in the cache. */
Test(dwsplit, is_found_when_it_appears)
{
	const struct symbolizer_opts now = { .debug_refresh_ns = 1 }, later = { 0 };
	struct symbolizer *s, *patient;

	build_both("clang", "-gdwarf-5", "");
	sh("mkdir away && mv split/*.dwo away");
	cr_assert_eq(symbolizer_new(&s, &now), 0);
	cr_assert_eq(symbolizer_new(&patient, &later), 0);
	describe_by(s, &split, text);
	describe_by(patient, &split, text);
	describe_by(s, &split, text);
	cr_expect_eq(symbolizer_stats(s).no_split, 3);
	cr_expect_eq(symbolizer_stats(s).loads, 1, "nothing appeared");
	sh("mv away/*.dwo split");
	describe_by(patient, &split, text);
	cr_expect_eq(symbolizer_stats(patient).loads, 1, "not within a minute");
	describe_by(s, &split, text);
	cr_expect_str_eq(text, whole);
	cr_expect_eq(symbolizer_stats(s).no_split, 0);
	cr_expect_eq(symbolizer_stats(s).loads, 2);
	symbolizer_free(s);
	symbolizer_free(patient);
	if (!make_dwp("llvm-dwp", "split"))
		return;
	sh("mv split/prog.dwp away");
	cr_assert_eq(symbolizer_new(&s, &now), 0);
	describe_by(s, &split, text);
	sh("mv away/prog.dwp split");
	describe_by(s, &split, text);
	cr_expect_str_eq(text, whole);
	symbolizer_free(s);
}

/* Makes the n-th allocation fail for every n, until nothing is left to fail. */
Test(dwsplit, survives_every_failing_allocation)
{
	long rounds = 0;
	uint64_t addr;

	build_both("clang", "-gdwarf-5", "");
	(void)make_dwp("llvm-dwp", "split");
	addr = fixture_nm("", "split/prog", "main");
	for (int r = -1; r != 0; rounds++) {
		int fd = open("split/prog", O_RDONLY | O_CLOEXEC);
		struct sym_request req = { .kind = SYM_VADDR, .fd = fd, .offs = &addr, .n = 1 };
		struct symbolizer *s = NULL;
		struct sym_batch b = { 0 };

		alloc_fail_at(rounds);
		r = symbolizer_new(&s, &(struct symbolizer_opts){ .threads = 1 });
		if (r == 0)
			r = symbolizer_run(s, &req, &b);
		if (r < 0)
			cr_expect_eq(r, -ENOMEM, "allocation %ld: %d", rounds, r);
		sym_batch_done(&b);
		symbolizer_free(s);
		cr_expect_eq(alloc_live(), 0, "allocation %ld: %ld not freed", rounds,
			     alloc_live());
		alloc_fail_at(-1);
		close(fd);
	}
	cr_expect_gt(rounds, 50);
}
