/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allocfail.h"
#include "err.h"
#include "symbolize_options.h"

static struct symbolize_options o;
static struct err e;
static char line[512];
static char *args[64];

/* Parses "symbolize LINE", cut at spaces; '_' stands for an empty word. */
static int parse(const char *text)
{
	static char empty[] = "", name[] = "symbolize";
	char *save = NULL;
	int n = 0;

	e = (struct err){ 0 };
	args[n++] = name;
	snprintf(line, sizeof(line), "%s", text);
	for (char *w = strtok_r(line, " ", &save); w && n < 63; w = strtok_r(NULL, " ", &save))
		args[n++] = strcmp(w, "_") == 0 ? empty : w;
	args[n] = NULL;
	return symbolize_options_parse(n, args, &o, &e);
}

static void done(void)
{
	symbolize_options_done(&o);
}

TestSuite(symbolize_options, .fini = done);

static void good(const char *text)
{
	symbolize_options_done(&o);
	cr_assert_eq(parse(text), 0, "'%s': %s", text, e.text);
}

static void bad(const char *text, const char *why)
{
	symbolize_options_done(&o);
	cr_expect_eq(parse(text), -EINVAL, "'%s' was accepted", text);
	cr_expect_not_null(strstr(e.text, why), "'%s' says '%s'", text, e.text);
}

Test(symbolize_options, defaults)
{
	good("a.out");
	cr_expect_str_eq(o.elf, "a.out");
	cr_expect_eq(o.form, SYMPRINT_TEXT);
	cr_expect(!o.no_inlines && !o.offsets && !o.debuginfod && !o.help && !o.no_cache);
	cr_expect(!o.threads && !o.cache && !o.debug_dirs.n && !o.addrs.n);
}

Test(symbolize_options, all_of_them)
{
	good("--json --no-inlines --offsets --threads 4 --cache /c --debuginfod a.out");
	cr_expect_eq(o.form, SYMPRINT_JSON);
	cr_expect(o.no_inlines && o.offsets && o.debuginfod);
	cr_expect_eq(o.threads, 4);
	cr_expect_str_eq(o.cache, "/c");
	good("--addr2line --no-inline --cache off a.out");
	cr_expect_eq(o.form, SYMPRINT_ADDR2LINE);
	cr_expect(o.no_inlines && o.no_cache && !o.cache);
	good("--cache off --cache /d a.out");
	cr_expect(!o.no_cache && strcmp(o.cache, "/d") == 0, "the last one counts");
	good("--help");
	cr_expect(o.help);
}

Test(symbolize_options, debug_folders_come_before_the_standard_one)
{
	good("--debug-dir /a --debug-dir /b a.out");
	cr_assert_eq(o.debug_dirs.n, 4);
	cr_expect_str_eq(o.debug_dirs.items[0], "/a");
	cr_expect_str_eq(o.debug_dirs.items[1], "/b");
	cr_expect_str_eq(o.debug_dirs.items[2], "/usr/lib/debug");
	cr_expect_null(o.debug_dirs.items[3]);
}

Test(symbolize_options, addresses_are_hexadecimal)
{
	good("a.out 10 0x10 0XfF ffffffffffffffff --json 0000000000000000000000001");
	cr_assert_eq(o.addrs.n, 5);
	cr_expect_eq(o.addrs.items[0], 16);
	cr_expect_eq(o.addrs.items[1], 16);
	cr_expect_eq(o.addrs.items[2], 255);
	cr_expect_eq(o.addrs.items[3], UINT64_MAX);
	cr_expect_eq(o.addrs.items[4], 1);
	good("--addr2line a.out 12zz zebra");
	cr_assert_eq(o.addrs.n, 2);
	cr_expect_eq(o.addrs.items[0], 0x12);
	cr_expect_eq(o.addrs.items[1], 0);
}

Test(symbolize_options, wrong_usage)
{
	bad("", "wants an ELF file");
	bad("--json", "wants an ELF file");
	bad("a.out zebra", "'zebra' is not an address");
	bad("a.out 10 _", "'' is not an address");
	bad("a.out 10000000000000000", "is not an address");
	bad("--json --addr2line a.out", "exclude each other");
	bad("--addr2line --json a.out", "exclude each other");
	bad("--threads 0 a.out", "--threads wants a number from 1 to 256");
	bad("--threads 257 a.out", "--threads");
	bad("--threads 2x a.out", "not '2x'");
	bad("--threads -1 a.out", "--threads");
	bad("--cache _ a.out", "--cache wants a folder");
	bad("--debug-dir _ a.out", "--debug-dir wants a folder");
	bad("--cache", "option '--cache' wants a value");
	bad("--nope a.out", "there is no option '--nope'");
}

static int attempt(void)
{
	int r = parse("--debug-dir /a a.out 1 2 3");

	symbolize_options_done(&o);
	return r;
}

Test(symbolize_options, survive_every_failed_allocation)
{
	allocfail_each(attempt);
}
