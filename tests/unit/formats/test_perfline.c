/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "array.h"
#include "perfline.h"

static bool is(struct perf_text t, const char *want)
{
	return t.n == strlen(want) && (!t.n || memcmp(t.s, want, t.n) == 0);
}

static const struct {
	const char *line, *comm;
	int64_t pid, tid;
	uint64_t time_ns;
	int64_t period; /* -1 = none */
	const char *event, *rest;
} headers[] = {
	{ "sh  7035  1257.936080:    1001001 cpu-clock:pppH: ", "sh", -1, 7035, 1257936080000,
	  1001001, "cpu-clock", "" },
	{ "inl prog 12798  1314.691985:    2004008 cpu-clock:pppH: ", "inl prog", -1, 12798,
	  1314691985000, 2004008, "cpu-clock", "" },
	{ "a b/2 12/13 [003] 1.000000005:  7 cycles: ", "a b/2", 12, 13, 1000000005, 7, "cycles",
	  "" },
	{ "foo 12 34 [000] 5.5: cycles:u:", "foo 12", -1, 34, 5500000000, -1, "cycles", "" },
	{ "            gzip  7220  1260.546098:          1 page-faults:  ffff elf+0x2 ([k])",
	  "gzip", -1, 7220, 1260546098000, 1, "page-faults", "ffff elf+0x2 ([k])" },
	{ "perf 13052 [000]  1317.363782: sched:sched_switch: prev_comm=perf ==> next_prio=0",
	  "perf", -1, 13052, 1317363782000, -1, "sched:sched_switch",
	  "prev_comm=perf ==> next_prio=0" },
	{ ":-1    -1 1315.5:   7 page-faults:u: ", ":-1", -1, -1, 1315500000000, 7, "page-faults",
	  "" },
	{ "x -1/-1 1.0: 2 e: ", "x", -1, -1, 1000000000, 2, "e", "" },
	{ " 7035 ", "", -1, 7035, 0, -1, "", "" },
	{ "sh  7035 ", "sh", -1, 7035, 0, -1, "", "" },
	{ "sh  7035  cycles: ", "sh", -1, 7035, 0, -1, "cycles", "" },
	{ "a 1 2.0: cpu/event=0x3c,umask=0/u: ", "a", -1, 1, 2000000000, -1,
	  "cpu/event=0x3c,umask=0/u", "" },
	/* Names that end in a number. */
	{ "Worker 7 31005  812.250001:     250000 cpu-clock:pppH: ", "Worker 7", -1, 31005,
	  812250001000, 250000, "cpu-clock", "" },
	{ "Bun Pool 0 31005 [002]   812.250001:  7 cycles: ", "Bun Pool 0", -1, 31005, 812250001000,
	  7, "cycles", "" },
	{ "Worker 7 29340/29382 812.250001:  7 cycles: ", "Worker 7", 29340, 29382, 812250001000, 7,
	  "cycles", "" },
	{ "Worker 7  31005     250000 cycles: ", "Worker 7", -1, 31005, 0, 250000, "cycles", "" },
	{ "Worker 7  31005 cycles: ", "Worker 7", -1, 31005, 0, -1, "cycles", "" },
	{ "Worker 7  31005 ", "Worker 7", -1, 31005, 0, -1, "", "" },
	{ "  31005     250000 cycles: ", "", -1, 31005, 0, 250000, "cycles", "" },
	{ "  31005  812.250001:     250000 cycles: ", "", -1, 31005, 812250001000, 250000, "cycles",
	  "" },
	/* -F +misc */
	{ "sh 31005 K      812.250001:          1 page-faults: ", "sh", -1, 31005, 812250001000, 1,
	  "page-faults", "" },
	{ "sh 12/13      [003] KUH    812.250001: cycles: ", "sh", 12, 13, 812250001000, -1,
	  "cycles", "" },
	{ "Worker 7 K  31005 cycles: ", "Worker 7 K", -1, 31005, 0, -1, "cycles", "" },
	/* Without the event. */
	{ "sh  31005     250000 ", "sh", -1, 31005, 0, 250000, "", "" },
	{ "sh  31005  812.250001:     250000 ", "sh", -1, 31005, 812250001000, 250000, "", "" },
	{ "sh  31005  812.250001: ", "sh", -1, 31005, 812250001000, -1, "", "" },
	{ "   Worker 7  31005            401136 work+0x16 (/bin/a)", "Worker 7", -1, 31005, 0, -1,
	  "", "401136 work+0x16 (/bin/a)" },
	{ "sh  31005     250000  ffffffff81000010 read ([k])", "sh", -1, 31005, 0, 250000, "",
	  "ffffffff81000010 read ([k])" },
	{ "sh  31005  812.250001:            401136 ", "sh", -1, 31005, 812250001000, -1, "",
	  "401136" },
};

Test(perfline, headers_of_every_kind)
{
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		const char *s = headers[i].line;
		struct perf_header h;

		cr_assert(perf_header_parse(s, strlen(s), &h), "%s", s);
		cr_expect(is(h.comm, headers[i].comm), "%s: %.*s", s, (int)h.comm.n, h.comm.s);
		cr_expect_eq(h.pid, headers[i].pid, "%s: pid %" PRId64, s, h.pid);
		cr_expect_eq(h.tid, headers[i].tid, "%s: tid %" PRId64, s, h.tid);
		cr_expect_eq(h.has_time, headers[i].time_ns != 0);
		cr_expect(!h.has_time || h.time_ns == headers[i].time_ns, "%s: %" PRIu64, s,
			  h.time_ns);
		cr_expect_eq(h.has_period, headers[i].period >= 0);
		cr_expect(!h.has_period || h.period == headers[i].period, "%s", s);
		cr_expect(is(h.event, headers[i].event), "%s: %.*s", s, (int)h.event.n, h.event.s);
		cr_expect(is(h.rest, headers[i].rest), "%s: %.*s", s, (int)h.rest.n, h.rest.s);
	}
}

Test(perfline, what_is_no_header)
{
	static const char *const lines[] = { "",
					     " ",
					     "main;f",
					     "abc def",
					     "a 1 x",
					     "a 1 [0",
					     "\t7f12 main (/bin/a)",
					     "a 99999999999999999999 1.5: e:",
					     "a 1 X 2.5: 7 cycles: ",
					     "a 1 X 2.5: 7 ",
					     "a 2.5: cycles: 7 ",
					     "a 1 2.5: 3.5: " };

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct perf_header h;

		cr_expect_not(perf_header_parse(lines[i], strlen(lines[i]), &h), "%s", lines[i]);
	}
}

Test(perfline, a_time_is_what_only_headers_have)
{
	static const char known[] = "a 1 X 2.5: 7 cycles: ", other[] = "\t 7f12 f (/bin/a 2.5)";

	cr_expect(perf_line_has_time(known, strlen(known)));
	cr_expect_not(perf_line_has_time(other, strlen(other)));
	cr_expect_not(perf_line_has_time("", 0));
}

Test(perfline, frames_of_every_kind)
{
	static const struct {
		const char *line, *symbol, *dso, *off;
		bool inlined;
	} cases[] = {
		{ "\t           f786a __GI_x+0xa (/usr/lib/libc.so.6)", "__GI_x",
		  "/usr/lib/libc.so.6", "", false },
		{ "\t f [unknown] ([unknown])", "", "", "", false },
		{ "\t 7f [unknown] (/usr/lib/libc.so.6+0x2724a)", "", "/usr/lib/libc.so.6",
		  "0x2724a", false },
		{ "\t 55d0 std::foo(int, char) const+0x1 (/tmp/inl prog (deleted))",
		  "std::foo(int, char) const", "/tmp/inl prog (deleted)", "", false },
		{ "\t 55d0 operator()<(lambda at a.c:1)> (inlined)",
		  "operator()<(lambda at a.c:1)>", "", "", true },
		{ "\tffffffff8177539a elf_load", "elf_load", "", "", false },
		{ "\tmain (/bin/a)", "main", "/bin/a", "", false },
		{ "\tadd (/bin/a)", "add", "/bin/a", "", false },
		{ "\t0x1234 f+0x0 ([ext4])", "f", "[ext4]", "", false },
		{ "\t12 f) ([k])", "f)", "[k]", "", false },
		{ "\t12 a+0x (x)", "a+0x", "x", "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *s = cases[i].line;
		struct perf_frame f;

		cr_assert(perf_frame_parse(s, strlen(s), false, &f), "%s", s);
		cr_expect(is(f.symbol, cases[i].symbol), "%s: %.*s", s, (int)f.symbol.n,
			  f.symbol.s);
		cr_expect(is(f.dso, cases[i].dso), "%s: %.*s", s, (int)f.dso.n, f.dso.s);
		cr_expect(is(f.dso_off, cases[i].off), "%s", s);
		cr_expect_eq(f.inlined, cases[i].inlined, "%s", s);
	}
}

Test(perfline, frames_behind_events)
{
	static const struct {
		const char *rest, *symbol, *dso; /* NULL: none */
	} cases[] = {
		{ "ffffffff81000010 read+0x1 ([k])", "read", "[k]" },
		{ "beef", "", "" },
		{ "7f4f83bd8d20           401136 void work<int>(char)+0x16 (/bin/a b)",
		  "void work<int>(char)", "/bin/a b" },
		{ "7f4f83bd8d20 buf+0x20 (/bin/a)  ffffffff81000010 read+0x1 ([k])", "read",
		  "[k]" },
		{ "7f4f83bd8d20         68100142 |OP LOAD|LVL L1 hit|LCK No|BLK  N/A    7   0       401136 "
		  "work+0x16 (/bin/a)",
		  "work", "/bin/a" },
		{ "           401136 work (/bin/a)         12345000", "work", "/bin/a" },
		{ "7f4f83bd8d20           401136", "", "" },
		{ "68100142 |OP LOAD|LVL L1 hit|", NULL, NULL },
		{ "401136 face (/bin/a)", "face", "/bin/a" },
		{ "comm=a pid=12 ff (x)", NULL, NULL },
		{ "8,0 W 0 () 1234 + 8 [a]", NULL, NULL },
		{ "", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct perf_text rest = { cases[i].rest, strlen(cases[i].rest) };
		struct perf_frame f;

		if (!cases[i].symbol) {
			cr_expect_not(perf_frame_find(rest, &f), "%s", rest.s);
			continue;
		}
		cr_assert(perf_frame_find(rest, &f), "%s", rest.s);
		cr_expect(is(f.symbol, cases[i].symbol), "%s: %.*s", rest.s, (int)f.symbol.n,
			  f.symbol.s);
		cr_expect(is(f.dso, cases[i].dso), "%s: %.*s", rest.s, (int)f.dso.n, f.dso.s);
	}
}

Test(perfline, source_lines)
{
	struct perf_text file;
	int64_t line;

	cr_assert(perf_srcline_parse("  a b.c:12", 10, &file, &line));
	cr_assert(is(file, "a b.c"));
	cr_assert_eq(line, 12);
	cr_assert_not(perf_srcline_parse("  [k][ff]", 9, &file, &line));
	cr_assert_not(perf_srcline_parse("  a.c:x", 7, &file, &line));
	cr_assert_not(perf_srcline_parse("", 0, &file, &line));
}

Test(perfline, it_is_told_from_folded_stacks)
{
	static const struct {
		const char *text;
		bool perf;
	} cases[] = {
		{ "sh  7035  1257.936080:    1001001 cpu-clock:pppH: \n\tf a (b)\n", true },
		{ "# comment\n\nsh  7035 \n\t   f786a __GI\n", true },
		{ "sh 7035\n\t   f786a __GI 12\n", false },
		{ "main;f 12\nmain;g 3\n", false },
		{ "sh 12\nls 4\n", false },
		{ "a 1 PERF_RECORD_COMM: a:1/1\n", true },
		{ "java 12 cycles: x\n", true },
		{ "", false },
		{ "a 1 [000] 2.5: block:rq: 8,0 W 120\n", true },
		{ "sh 7035\n\t   f786a __GI 1.5\n", false },
		{ "sh  7035            401136 work (/bin/a)\n", true },
		{ "sh  7035            401136 work 12\n", false },
		{ "sh 7035 X 2.5: 7 cycles:\n", true }, /* to be told what is wrong with it */
		{ "# ========\n# captured on    : today\n# cmdline : perf record sh -c a\nb 1\n"
		  "# ========\n#\nsh 7035 2.5: cycles: \n",
		  true },
		{ "# ========\n# captured on    : today\n# event : name = a, id = { 1, 2", true },
		{ "# ========\na;b 1\n", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_eq(perf_script_sniff(cases[i].text, strlen(cases[i].text)), cases[i].perf,
			     "%s", cases[i].text);
}
