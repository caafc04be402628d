/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "allowed.h"

static const char chains[] = "# what most tests use\n"
			     "root main: _start;__libc*|[libc*+*]{1,2};main\n"
			     "chain: @main;outer;inner;mem*{0,1}\n"
			     "may: @main;outer;dive{3};bottom\n"
			     "outside: *{0,};finish;*{0,}\n"
			     "limit wrong: 1.5\n"
			     "\n"
			     "comm: other|prog*\n";

static int read_text(const char *text, struct allowed **ret)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	int r;

	cr_assert(in);
	r = allowed_read(in, "test", ret);
	fclose(in);
	return r;
}

static int judge_as(const char *text, const char *stack, bool no_root)
{
	struct allowed *a = NULL;
	char copy[512];
	int v;

	cr_assert_eq(read_text(text, &a), 0);
	snprintf(copy, sizeof(copy), "%s", stack);
	v = allowed_judge(a, copy, 1, no_root);
	allowed_free(a);
	return v;
}

static int judge(const char *stack)
{
	return judge_as(chains, stack, false);
}

#define ROOT "prog;_start;__libc_start_main;"

Test(allowed, takes_a_whole_chain_and_any_end_above_the_root)
{
	cr_expect_eq(judge(ROOT "main;outer;inner;memset"), VERDICT_EXACT);
	cr_expect_eq(judge(ROOT "main;outer;inner"), VERDICT_EXACT);
	cr_expect_eq(judge(ROOT "main"), VERDICT_EXACT);
	cr_expect_eq(judge("prog;_start;[libc.so.6+0x1];__libc_x;main"), VERDICT_EXACT);
}

Test(allowed, ignores_kernel_and_inlined_frames_and_marks)
{
	cr_expect_eq(judge(ROOT "main;outer;tiny_[i];inner;do_syscall_[k];read_[k]"),
		     VERDICT_EXACT);
	cr_expect_eq(judge(ROOT "main;outer.cold;inner_[j]"), VERDICT_EXACT);
}

Test(allowed, counts_recursion)
{
	cr_expect_eq(judge(ROOT "main;outer;dive;dive;dive;bottom"), VERDICT_EXACT);
	cr_expect_eq(judge(ROOT "main;outer;dive;dive"), VERDICT_EXACT);
	cr_expect_eq(judge(ROOT "main;outer;dive;bottom"), VERDICT_WRONG);
	cr_expect_eq(judge(ROOT "main;outer;dive;dive;dive;dive;bottom"), VERDICT_WRONG);
}

Test(allowed, tells_ways_to_be_wrong)
{
	cr_expect_eq(judge("prog;outer;inner"), VERDICT_SHORT);
	cr_expect_eq(judge("prog;inner"), VERDICT_SHORT);
	cr_expect_eq(judge(ROOT "main;inner"), VERDICT_SKIP);
	cr_expect_eq(judge(ROOT "main;inner;outer"), VERDICT_WRONG);
	cr_expect_eq(judge(ROOT "main;outer;stranger"), VERDICT_WRONG);
	cr_expect_eq(judge("prog;_start;main;outer;inner"), VERDICT_WRONG);
	cr_expect_eq(judge("prog;_start;a;__libc_b;main"), VERDICT_WRONG);
}

Test(allowed, takes_a_cut_stack_only_with_its_mark)
{
	cr_expect_eq(judge("prog;[truncated: no unwind info];outer;inner"), VERDICT_CUT);
	cr_expect_eq(judge("prog;[truncated: x];main;outer;inner;memcpy"), VERDICT_CUT);
	cr_expect_eq(judge("prog;[truncated: x]"), VERDICT_CUT);
	cr_expect_eq(judge("prog;[truncated: x];inner;outer"), VERDICT_WRONG);
	cr_expect_eq(judge(ROOT "main;outer;[truncated: x];inner"), VERDICT_WRONG);
}

Test(allowed, a_chain_can_say_where_it_is_cut)
{
	const char *text = "root main: [truncated*{0,1};_start{0,1};main\nchain: @main;work\n";

	cr_expect_eq(judge_as(text, "p;[truncated: no unwind info];main;work", false),
		     VERDICT_EXACT);
	cr_expect_eq(judge_as(text, "p;_start;main;work", false), VERDICT_EXACT);
	cr_expect_eq(judge_as(text, "p;[truncated: no unwind info];work", false), VERDICT_CUT);
}

Test(allowed, knows_what_is_outside)
{
	cr_expect_eq(judge("prog;_start;_dl_start;_dl_main"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("prog"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("prog;execve_[k]"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("prog;[truncated: x];[unknown];execve_[k]"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("wick;main;outer;inner"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("prog;[truncated: x];inner;finish"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("other;_start;__libc_x;main;outer;inner"), VERDICT_EXACT);
	cr_expect_eq(judge(ROOT "main;outer;finish;_exit"), VERDICT_OUTSIDE);
	cr_expect_eq(judge("prog;[unknown];outer"), VERDICT_WRONG);
}

Test(allowed, without_root_takes_anything_below_main)
{
	cr_expect_eq(judge_as(chains, "prog;junk;main;outer;inner", true), VERDICT_EXACT);
	cr_expect_eq(judge_as(chains, "prog;main;outer;inner", true), VERDICT_EXACT);
	cr_expect_eq(judge_as(chains, "prog;main;inner", true), VERDICT_SKIP);
	cr_expect_eq(judge_as(chains, "prog;junk;outer;inner", true), VERDICT_WRONG);
}

Test(allowed, a_repeated_pattern_takes_any_number)
{
	const char *text = "chain: a;[x*{1,};b\nchain: a;c{0,};d\n";

	cr_expect_eq(judge_as(text, "p;a;[x1];[x2];[x3];b", false), VERDICT_EXACT);
	cr_expect_eq(judge_as(text, "p;a;b", false), VERDICT_SKIP);
	cr_expect_eq(judge_as(text, "p;a;d", false), VERDICT_EXACT);
	cr_expect_eq(judge_as(text, "p;a;c;c;c;c;d", false), VERDICT_EXACT);
}

Test(allowed, names_chains_that_were_not_seen_whole)
{
	char half[] = ROOT "main;outer", whole[] = ROOT "main;outer;inner";
	struct allowed *a = NULL;

	cr_assert_eq(read_text(chains, &a), 0);
	cr_assert_eq(allowed_judge(a, half, 9, false), VERDICT_EXACT);
	cr_expect_str_eq(allowed_unseen(a, 0), "@main;outer;inner;mem*{0,1}");
	cr_expect_null(allowed_unseen(a, 1));
	cr_assert_eq(allowed_judge(a, whole, 1, false), VERDICT_EXACT);
	cr_expect_null(allowed_unseen(a, 0));
	cr_expect_float_eq(allowed_limit(a, VERDICT_WRONG), 1.5, 1e-9);
	cr_expect_float_eq(allowed_limit(a, VERDICT_OUTSIDE), 2, 1e-9);
	allowed_free(a);
}

Test(allowed, refuses_what_is_no_chain_file)
{
	static const char *const bad[] = {
		"",
		"may: a;b\n",
		"chain: @nowhere;a\n",
		"chian: a;b\n",
		"chain: a{2,1}\n",
		"chain: a{0}\n",
		"chain: a{99999}\n",
		"chain: a;;b\n",
		"chain: a\nlimit speed: 3\n",
		"chain: a\nlimit cut: much\n",
	};
	struct allowed *a = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_eq(read_text(bad[i][0] ? bad[i] : "\n", &a), -EBADMSG, "%s", bad[i]);
	cr_expect_null(a);
}
