/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>

#include "follow.h"

/* /sys/kernel/tracing/events/task/task_newtask/format of Linux 6.1. */
static const char format[] =
	"name: task_newtask\n"
	"ID: 110\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
	"\n"
	"\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:0;\n"
	"\tfield:unsigned long clone_flags;\toffset:32;\tsize:8;\tsigned:0;\n"
	"\tfield:short oom_score_adj;\toffset:40;\tsize:2;\tsigned:1;\n"
	"\n"
	"print fmt: \"pid=%d comm=%s\", REC->pid, REC->comm\n";

Test(follow, finds_fields_by_their_whole_name)
{
	static const struct {
		const char *name;
		int r;
		uint32_t off;
	} t[] = {
		{ "pid", 0, 8 },
		{ "clone_flags", 0, 32 },
		{ "common_pid", 0, 4 },
		{ "oom_score_adj", 0, 40 },
		{ "flags", -EBADMSG, 0 },
		{ "comm", -EBADMSG, 0 },
		{ "pid_t", -EBADMSG, 0 },
		{ "", -EBADMSG, 0 },
		{ "missing", -EBADMSG, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		uint32_t off = 99;

		cr_expect_eq(follow_field_offset(format, t[i].name, &off), t[i].r, "%s", t[i].name);
		cr_expect_eq(off, t[i].r ? 99 : t[i].off, "%s", t[i].name);
	}
}

Test(follow, field_without_an_offset_is_an_error)
{
	uint32_t off = 99;

	cr_expect_eq(follow_field_offset("\tfield:pid_t pid;\tsize:4;\n", "pid", &off), -EBADMSG);
	cr_expect_eq(follow_field_offset("\tfield:pid_t pid;\tsize:4;\n\tfield:int x;\toffset:8;\n",
					 "pid", &off),
		     -EBADMSG, "another field's offset is not its own");
	cr_expect_eq(follow_field_offset("", "pid", &off), -EBADMSG);
	cr_expect_eq(off, 99);
}
