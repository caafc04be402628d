/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "made_text.h"
#include "perfscript.h"

#define text(id) strtab_get(&p->strings, (id))

static const char chains[] = "# header\n"
			     "sh 12/13 [000] 1.000100: 250 cpu-clock:u: \n"
			     "\t  401000 leaf+0x1 (/bin/sh)\n"
			     "\t  401100 main+0x2 (/bin/sh)\n"
			     "\n"
			     "sh 12/13 [000] 1.000200: 250 cpu-clock:u: \n"
			     "\t  401008 leaf+0x9 (/bin/sh)\n"
			     "\t  401100 main+0x2 (/bin/sh)\n"
			     "\n"
			     "sh 12/13 [000] 1.000300: 250 cpu-clock:k: \n"
			     "\tffffffff81000010 read+0x1 ([kernel.kallsyms])\n"
			     "\t  401100 main+0x2 (/bin/sh)\n"
			     "\n";

Test(perfscript, stacks_become_what_wick_records)
{
	struct profile *p = must_read(perf_script_read, chains);

	must_fold(p, "sh;main;leaf 2\nsh;main;read_[k] 1\n");
	cr_assert_eq(p->sample_types.n, 2);
	cr_expect_str_eq(text(p->sample_types.items[0].type), "samples");
	cr_expect_str_eq(text(p->sample_types.items[1].type), "cpu");
	cr_expect_str_eq(text(p->sample_types.items[1].unit), "nanoseconds");
	cr_expect_str_eq(text(p->period_type.type), "cpu");
	cr_expect_eq(p->period, 250);
	cr_expect_eq(profile_value(p, 0, 1), 500);
	cr_expect_eq(p->duration_ns, 200000);
	cr_expect_eq(p->labels.n, 8, "comm, pid, tid, time of two samples");
	profile_free(p);
}

Test(perfscript, lines_without_chains)
{
	struct profile *p = must_read(
		perf_script_read,
		"              dd  7220  1260.546098:   1 page-faults:  ffffffff8177539a elf+0x28a ([ext4])\n"
		"              dd  7220  1260.546099:  44 page-faults:      7f8c21b175a8 dl_main+0x6e8 (/lib/ld.so)\n"
		"            a b1  7220  1260.546100:  1 page-faults: beef\n");

	must_fold(p, "a_b1;[unknown] 1\ndd;dl_main 1\ndd;elf_[k] 1\n");
	cr_expect_str_eq(text(p->sample_types.items[1].type), "page_faults");
	cr_expect_eq(p->period, 0, "it was not the same");
	profile_free(p);
}

/* perf prints the address of the data where a frame would be without a chain. */
Test(perfscript, addresses_of_data_are_no_frames)
{
	static const char fault[] = "x 1 1.0:  1 page-faults:     7f4f83bd8d20 buf+0x20 (/bin/x)\n",
			  load[] = "x 1 1.0: 30 cpu/mem-loads,ldlat=30/P:     7f4f83bd8d20        "
				   " 68100142 |OP LOAD|LVL L1 hit|SNP None|BLK  N/A    7   0",
			  chain[] =
				  "\t    401136 work+0x16 (/bin/x)\n\t    401180 main (/bin/x)\n\n";
	char text[1000];
	struct profile *p;

	snprintf(text, sizeof(text), "%s%s%s\n%s", fault, chain, load, chain);
	p = must_read(perf_script_read, text);
	must_fold(p, "x;main;work 2\n");
	profile_free(p);
	snprintf(text, sizeof(text), "%s       401136 work+0x16 (/bin/x)\n", load);
	p = must_read(perf_script_read, text);
	must_fold(p, "x;work 1\n");
	profile_free(p);
}

Test(perfscript, columns_that_are_missing_or_not_known)
{
	struct profile *p =
		must_read(perf_script_read, "Worker 7  31005     250000 \n\t 1 f (/x)\n\n"
					    "Worker 7  31005     250000 \n\t 1 f (/x)\n\n");

	must_fold(p, "Worker_7;f 2\n");
	cr_expect_str_eq(text(p->sample_types.items[1].type), "events");
	cr_expect_eq(profile_value(p, 0, 1), 500000);
	profile_free(p);
	p = must_read(perf_script_read,
		      "              dd  7220            401136 work (/bin/dd)\n"
		      "              dd  7220  ffffffff81000010 read ([kernel.kallsyms])\n");
	must_fold(p, "dd;read_[k] 1\ndd;work 1\n");
	profile_free(p);
	p = must_read(perf_script_read,
		      "x 1 K      1.0:          1 page-faults: \n\t 1 f (/x)\n\n");
	must_fold(p, "x;f 1\n");
	profile_free(p);
	must_refuse(perf_script_read, "x 1 1.0: cycles:\n\n   x 1 FOO 1.0: cycles:\n", "line 3 is");
	must_refuse(perf_script_read, "x 1 1.0: cycles:\n   x 1 FOO 1.0: 7 cycles:\n", "line 2 is");
}

Test(perfscript, what_perf_says_of_the_recording_is_passed_over)
{
	static const char header[] = "# ========\n"
				     "# captured on    : Mon Jan  1 00:00:00 2024\n"
				     "# cmdline : /usr/bin/perf record -g -- sh -c for i in 1 2\n"
				     "do x 7 1.5: 3\n"
				     "\tdone (/x)\n"
				     "\n"
				     "# ========\n"
				     "#\n";
	char text[1000];
	struct profile *p;

	snprintf(text, sizeof(text), "%sx 1 1.0: cycles:\n\t1 f (/x)\n\n%sx 1 1.0: cycles:\n\n",
		 header, header);
	p = must_read(perf_script_read, text);
	must_fold(p, "x 1\nx;f 1\n");
	profile_free(p);
	must_refuse(perf_script_read, "# ========\n# captured on    : x\nx 1 1.0: cycles:\n",
		    "line 2 begins");
}

Test(perfscript, inlined_frames_are_lines_of_a_location)
{
	struct profile *p = must_read(perf_script_read, "x 1 1.0: cycles:\n"
							"\t 55d0 innermost+0xf (inlined)\n"
							"\t 55d0 middle (inlined)\n"
							"  mid.c:12\n"
							"\t 55d0 outer+0xf (/bin/x)\n"
							"  out.c:14\n"
							"\t 1000 main (/bin/x)\n"
							"  ??:0\n"
							"\n"
							"x 1 1.0: cycles:\n"
							"\t 55d0 alone (inlined)\n");
	const struct profile_location *l = &p->locations.items[p->stacks.items[0]];
	const struct profile_line *line = &p->lines.items[l->line_first];

	must_fold(p, "x;alone 1\nx;main;outer;middle_[i];innermost_[i] 1\n");
	cr_assert_eq(l->line_n, 3);
	cr_expect_eq(line[0].line, 0);
	cr_expect_eq(line[1].line, 12);
	cr_expect_str_eq(text(p->functions.items[line[1].function].file), "mid.c");
	cr_expect_eq(line[2].line, 14);
	cr_expect_eq(p->sample_types.n, 1, "no periods: samples alone");
	profile_free(p);
}

Test(perfscript, kinds_of_code_and_names_that_are_not_known)
{
	struct profile *p = must_read(perf_script_read, "x 1 1.0: 1 cycles:\n"
							"\tffff read+0x1 (/proc/kcore)\n"
							"\t 1 Lazy (/tmp/perf-12.map)\n"
							"\t 2 [unknown] (/usr/lib/libc.so.6)\n"
							"\t 3 [unknown] (/usr/lib/libc.so.6+0x3)\n"
							"\t 4 [unknown] ([vdso])\n"
							"\t 5 [unknown] ([unknown])\n\n");

	must_fold(p, "x;[unknown];[vdso];[libc.so.6+0x3];[libc.so.6];Lazy_[j];read_[k] 1\n");
	profile_free(p);
}

Test(perfscript, several_events_are_several_values)
{
	struct profile *p = must_read(perf_script_read, "x 1 1.0: 10 cycles:u:\n\t1 f (/x)\n\n"
							"x 1 1.0: 3 cache-misses:u:\n\t1 f (/x)\n\n"
							"x 1 1.0: 20 cycles:u:\n\t1 f (/x)\n\n");

	cr_assert_eq(p->sample_types.n, 3);
	cr_expect_str_eq(text(p->sample_types.items[2].type), "cache_misses");
	cr_assert_eq(p->samples.n, 1);
	cr_expect_eq(profile_value(p, 0, 0), 3);
	cr_expect_eq(profile_value(p, 0, 1), 30);
	cr_expect_eq(profile_value(p, 0, 2), 3);
	cr_expect_eq(p->samples.items[0].label_n, 3, "no trace of the event is left in the labels");
	profile_free(p);
}

Test(perfscript, times_are_few_however_long_it_took)
{
	struct buffer buf = { 0 };
	struct profile *p;
	int64_t first = INT64_MAX, last = 0;

	for (int i = 0; i < 5000; i++) {
		char line[100];
		int n = snprintf(line, sizeof(line), "x 1 %d.5: 1 cycles:\n\t1 f (/x)\n\n",
				 100 + i * 3);

		buffer_add(&buf, line, (size_t)n);
	}
	p = must_read(perf_script_read, buffer_text(&buf));
	cr_assert_leq(p->samples.n, 257);
	cr_assert_gt(p->samples.n, 64);
	array_each(&p->labels, l)
		if (strcmp(text(l->key), "time") == 0) {
			first = l->num < first ? l->num : first;
			last = l->num > last ? l->num : last;
		}
	cr_expect_leq(first, 100500000000);
	cr_expect_gt(last, (int64_t)15000 * 1000000000);
	profile_free(p);
	array_free(&buf);
}

Test(perfscript, merges_with_what_wick_records)
{
	struct profile *p = must_read(perf_script_read, chains), *demo = demo_profile(), *sum;
	struct profile_builder *b;

	cr_assert(profile_new(&sum) == 0 && profile_builder_new(&b, sum) == 0);
	cr_expect_eq(profile_builder_merge(b, demo), 0);
	cr_expect_eq(profile_builder_merge(b, p), 0);
	cr_expect_eq(profile_check(sum), 0);
	profile_builder_free(b);
	profile_free(sum);
	profile_free(demo);
	profile_free(p);
}

Test(perfscript, lines_that_say_nothing_are_passed_over)
{
	struct profile *p = must_read(perf_script_read,
				      "a 1 1.0: PERF_RECORD_MMAP2 1/1: [0x1(0x2) @ 0 a]: r-xp /x\n"
				      "\n  \nx 1 1.0: cycles:\r\n\t1 f (/x)\r\n  [k][ff]\n\n"
				      "x 1 1.0: cycles: \n\n");

	must_fold(p, "x 1\nx;f 1\n");
	profile_free(p);
}

Test(perfscript, other_text_is_refused_by_its_line)
{
	must_refuse(perf_script_read, "x 1 1.0: cycles:\nwhat is this\n", "line 2 is neither");
	must_refuse(perf_script_read, "\tfade (x)\n", "line 1 is neither");
}

/* @n samples, each of another event. */
static struct profile *read_events(int n)
{
	struct buffer buf = { 0 };
	struct profile *p;

	for (int i = 0; i < n; i++) {
		char line[100];
		int len = snprintf(line, sizeof(line), "x 1 1.0: 1 event%d:\n\t1 f (/x)\n\n", i);

		buffer_add(&buf, line, (size_t)len);
	}
	p = must_read(perf_script_read, buffer_text(&buf));
	array_free(&buf);
	cr_assert_eq(p->sample_types.n, 1 + 32);
	cr_expect_str_eq(text(p->sample_types.items[31].type), "event30");
	cr_expect_eq(profile_value(p, 0, 0), n);
	cr_expect_eq(profile_value(p, 0, 31), 1);
	return p;
}

Test(perfscript, events_past_a_limit_are_counted_together)
{
	struct profile *p = read_events(32);

	cr_expect_str_eq(text(p->sample_types.items[32].type), "event31");
	cr_expect_eq(p->comments.n, 0);
	profile_free(p);
	p = read_events(40);
	cr_expect_str_eq(text(p->sample_types.items[32].type), "other");
	cr_expect_eq(profile_value(p, 0, 32), 9);
	cr_assert_eq(p->comments.n, 1);
	cr_expect_str_eq(text(p->comments.items[0]),
			 "wick: events: 9 of 40 are counted together, as 'other'");
	profile_free(p);
}
