/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fdutil.h"
#include "kallsyms.h"

#define GOLDEN "tests/golden/kallsyms/"

static const char *name_at(const struct kallsyms *k, uint64_t addr)
{
	static char text[1024];
	const struct kallsym *s = kallsyms_find(k, addr);

	if (!s)
		return "(none)";
	snprintf(text, sizeof(text), "%s%s%s", kallsyms_name(k, s), s->module ? " " : "",
		 kallsyms_module(k, s));
	return text;
}

Test(kallsyms, names_kernel_modules_and_bpf_programs)
{
	static const struct {
		uint64_t addr;
		const char *name;
	} want[] = {
		{ 0, "(none)" },
		{ 0xffffffff80ffffff, "(none)" },
		{ 0xffffffff81000000, "srso_alias_untrain_ret" },
		{ 0xffffffff8100003f, "srso_alias_untrain_ret" },
		{ 0xffffffff81000040, "__global_name" },
		{ 0xffffffff81000090, "reused" },
		{ 0xffffffff8100013f, "weak_lower" },
		{ 0xffffffff81000140, "(none)" },
		{ 0xffffffff8100017f, "(none)" },
		{ 0xffffffff81000180, "after_data" },
		{ 0xffffffff810002ff, "last_function" },
		{ 0xffffffff81000300, "(none)" },
		{ 0xffffffff81000500, "(none)" },
		{ 0xffffffff81800100, "init_function" },
		{ 0xffffffff81800200, "(none)" },
		{ 0xffffffffc0201010, "ftrace_trampoline __builtin__ftrace" },
		{ 0xffffffffc0210fff, "ftrace_trampoline __builtin__ftrace" },
		{ 0xffffffffc0211000, "(none)" },
		{ 0xffffffffc030017f, "nft_do_chain nf_tables" },
		{ 0xffffffffc0300180, "(none)" },
		{ 0xffffffffc0302000, "reused ext4" },
		{ 0xffffffffc0310001, "bpf_prog_6deef7357e7b4530_sd_devices bpf" },
		{ 0xffffffffc0310100, "bpf_prog_0000000000000001_other bpf" },
		{ 0xffffffffc0900000, "bpf_prog_far_away bpf" },
		{ 0xffffffffc0910000, "(none)" },
		{ UINT64_MAX, "(none)" },
	};
	struct kallsyms k = { 0 };

	cr_assert_eq(kallsyms_load(&k, GOLDEN "small"), 0);
	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		cr_expect_str_eq(name_at(&k, want[i].addr), want[i].name, "%#lx: %s", want[i].addr,
				 name_at(&k, want[i].addr));
	cr_expect_not(k.hidden);
	cr_expect_eq(k.start, 0xffffffff81000000);
	cr_expect_eq(k.end, 0xffffffff81000300);
	kallsyms_done(&k);
}

Test(kallsyms, knows_hidden_addresses)
{
	struct kallsyms k = { 0 };

	cr_assert_eq(kallsyms_load(&k, GOLDEN "hidden"), 0);
	cr_expect(k.hidden);
	cr_expect_str_eq(name_at(&k, 0), "(none)");
	cr_expect_str_eq(name_at(&k, 0xffffffff81000000), "(none)");
	kallsyms_done(&k);
}

Test(kallsyms, skips_broken_lines)
{
	struct kallsyms k = { 0 };

	cr_assert_eq(kallsyms_load(&k, GOLDEN "broken"), 0);
	cr_expect_str_eq(name_at(&k, 0xffffffff81000010), "good");
	cr_expect_str_eq(name_at(&k, 0xffffffff81000020), "good_in_odd_module mod]");
	cr_expect_str_eq(name_at(&k, 0xffffffff81000030), "good_in_empty_module");
	cr_expect_str_eq(name_at(&k, 0xffffffff81000045), "(none)");
	cr_expect_str_eq(name_at(&k, 0xffffffff81000000), "(none)");
	cr_expect_eq(k.start, 0xffffffff81000010);
	kallsyms_done(&k);
}

Test(kallsyms, does_not_care_how_the_text_is_cut)
{
	struct kallsyms whole = { 0 }, pieces;
	char *text;
	size_t n;

	cr_assert_eq(read_whole_file(GOLDEN "small", 1 << 20, &text, &n), 0);
	cr_assert_eq(kallsyms_load(&whole, GOLDEN "small"), 0);
	for (size_t step = 1; step < 100; step++) {
		cr_assert_eq(kallsyms_start(&pieces), 0);
		for (size_t at = 0; at < n; at += step)
			cr_assert_eq(
				kallsyms_feed(&pieces, text + at, n - at < step ? n - at : step),
				0);
		cr_assert_eq(kallsyms_finish(&pieces), 0);
		cr_assert_eq(pieces.syms.n, whole.syms.n);
		for (size_t i = 0; i < whole.syms.n; i++) {
			cr_assert_eq(pieces.syms.items[i].addr, whole.syms.items[i].addr);
			cr_assert_eq(pieces.syms.items[i].name, whole.syms.items[i].name);
		}
		kallsyms_done(&pieces);
	}
	kallsyms_done(&whole);
	free(text);
}

Test(kallsyms, does_not_collect_endless_lines)
{
	static char text[1 << 20];
	struct kallsyms k;

	memset(text, 'a', sizeof(text));
	cr_assert_eq(kallsyms_start(&k), 0);
	for (int i = 0; i < 10; i++)
		cr_assert_eq(kallsyms_feed(&k, text, sizeof(text)), 0);
	cr_expect_leq(k.line.cap, 8192);
	cr_assert_eq(kallsyms_feed(&k, "\nffffffff81000010 T good\n", 25), 0);
	cr_assert_eq(kallsyms_finish(&k), 0);
	cr_expect_str_eq(name_at(&k, 0xffffffff81000010), "good");
	kallsyms_done(&k);
}

Test(kallsyms, keeps_what_it_had_when_reading_fails)
{
	struct kallsyms k = { 0 };

	cr_assert_eq(kallsyms_load(&k, GOLDEN "small"), 0);
	cr_expect_eq(kallsyms_load(&k, GOLDEN "missing"), -ENOENT);
	cr_expect_eq(kallsyms_load(&k, GOLDEN), -EISDIR);
	cr_expect_str_eq(name_at(&k, 0xffffffff81000090), "reused");
	kallsyms_done(&k);
}

Test(kallsyms, reads_the_running_kernel)
{
	struct kallsyms k = { 0 };
	int r = kallsyms_load(&k, "/proc/kallsyms");

	if (r == -ENOENT)
		cr_skip("this kernel has no kallsyms");
	cr_assert_eq(r, 0);
	if (k.hidden) {
		kallsyms_done(&k);
		cr_skip("this kernel hides its addresses");
	}
	cr_expect_gt(k.syms.n, 10000);
	cr_expect_gt(k.end, k.start);
	cr_expect(kallsyms_find(&k, k.start));
	kallsyms_done(&k);
}
