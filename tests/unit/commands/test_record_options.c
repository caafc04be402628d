/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "allocfail.h"
#include "err.h"
#include "output.h"
#include "record_options.h"

static struct record_options o;
static struct err e;
static char line[512];
static char *args[64];

/* Parses "record LINE", cut at spaces. */
static int parse(const char *text)
{
	char *save = NULL;
	int n = 0;

	e = (struct err){ 0 };
	args[n++] = (char *)(uintptr_t) "record";
	snprintf(line, sizeof(line), "%s", text);
	for (char *w = strtok_r(line, " ", &save); w && n < 63; w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	args[n] = NULL;
	return record_options_parse(n, args, &o, &e);
}

static void done(void)
{
	record_options_done(&o);
}

TestSuite(record_options, .fini = done);

static void good(const char *text)
{
	record_options_done(&o);
	cr_assert_eq(parse(text), 0, "'%s': %s", text, e.text);
}

Test(record_options, defaults)
{
	good("");
	cr_expect_eq(o.freq_hz, RECORD_DEFAULT_HZ);
	cr_expect(!o.has_period && !o.events.n && !o.tgids.n && !o.tids.n && !o.cgroups.n);
	cr_expect(!o.has_cpus && !o.all && !o.kernel_only && !o.user_only);
	cr_expect_not(o.no_inlines);
	cr_expect(!o.max_stack && !o.duration_ns && !o.command && !o.verbose && !o.help);
	cr_expect_eq(o.format, FORMAT_AUTO);
}

Test(record_options, flags_in_both_spellings)
{
	good("-a -v");
	cr_expect(o.all && o.verbose);
	good("--no-inline");
	cr_expect(o.no_inlines && !o.debuginfod);
	good("--debuginfod");
	cr_expect(o.debuginfod);
	good("--no-inlines");
	cr_expect(o.no_inlines);
	good("--all-cpus --verbose");
	cr_expect(o.all && o.verbose);
	good("-U");
	cr_expect(o.user_only && !o.kernel_only);
	good("--user-stacks-only");
	cr_expect(o.user_only && !o.kernel_only);
	good("-K");
	cr_expect(!o.user_only && o.kernel_only);
	good("--kernel-stacks-only");
	cr_expect(!o.user_only && o.kernel_only);
	good("-aUv");
	cr_expect(o.all && o.user_only && o.verbose);
	good("-h -U -K");
	cr_expect(o.help, "help is given whatever else is wrong");
}

Test(record_options, numbers)
{
	good("-F 49 --max-stack 12 --duration 1.5s -C 0-1,5");
	cr_expect_eq(o.freq_hz, 49);
	cr_expect_eq(o.max_stack, 12);
	cr_expect_eq(o.duration_ns, 1500000000);
	cr_expect(o.has_cpus);
	cr_expect_eq(cpuset_count(&o.cpus), 3);
	good("-F1");
	cr_expect_eq(o.freq_hz, 1);
	good("--freq=7 --cpu=3");
	cr_expect_eq(o.freq_hz, 7);
	cr_expect(cpuset_has(&o.cpus, 3));
	good("-c 1000000");
	cr_expect(o.has_period);
	cr_expect_eq(o.period, 1000000);
	cr_expect_eq(o.freq_hz, 0, "a count takes the rate's place");
	good("--count 4611686018427387904");
	cr_expect_eq(o.period, 1ull << 62);
}

Test(record_options, how_user_stacks_are_taken)
{
	good("");
	cr_expect(!o.by_pointer && !o.by_snapshot);
	good("--call-graph fp");
	cr_expect(o.by_pointer && !o.by_snapshot);
	good("--call-graph dwarf");
	cr_expect(!o.by_pointer && o.by_snapshot);
	good("--call-graph fp --call-graph auto");
	cr_expect(!o.by_pointer && !o.by_snapshot, "the last one counts");
}

Test(record_options, outputs_formats_and_cgroups_may_be_given_again)
{
	good("-o a.pb.gz --output b.folded -o - --format folded --cgroup x --cgroup=/y");
	cr_assert_eq(o.outputs.n, 3);
	cr_expect_str_eq(o.outputs.items[1], "b.folded");
	cr_expect_eq(o.format, FORMAT_FOLDED);
	cr_assert_eq(o.cgroups.n, 2);
	cr_expect_str_eq(o.cgroups.items[1], "/y");
}

Test(record_options, an_output_that_nobody_names_is_called_after_its_format)
{
	static const char *const names[][2] = {
		{ "", "wick.pb.gz" },
		{ "--format pprof", "wick.pb.gz" },
		{ "--format pprof-raw", "wick.pb" },
		{ "--format pprof-zst", "wick.pb.zst" },
		{ "--format folded", "wick.folded" },
		{ "--format speedscope", "wick.speedscope.json" },
		{ "--format firefox", "wick.firefox.json" },
		{ "--format callgrind", "wick.callgrind" },
		{ "--format svg", "wick.svg" },
		{ "--format html", "wick.html" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		good(names[i][0]);
		cr_assert_eq(o.outputs.n, 1);
		cr_expect(o.is_default_output);
		cr_expect_str_eq(o.outputs.items[0], names[i][1]);
		if (o.format != FORMAT_AUTO)
			cr_expect_eq(output_by_path(o.outputs.items[0], &e), o.format,
				     "the name says another format than %s", names[i][0]);
	}
	good("-o x.pb.gz");
	cr_expect_not(o.is_default_output);
}

Test(record_options, pages_alone_are_timed)
{
	static const struct {
		const char *line;
		bool timed;
	} t[] = {
		{ "", false },
		{ "-o x.html", true },
		{ "-o x.html -o y.htm", true },
		{ "--format html", true },
		{ "-o - --format html", true },
		{ "-o x.html -o x.pb.gz", false },
		{ "-o x.svg", false },
		{ "-o x.html --by process", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		good(t[i].line);
		cr_expect_eq(o.timed, t[i].timed, "%s", t[i].line);
	}
}

Test(record_options, processes_that_are_described)
{
	good("--comm ^nginx$ --comm worker -u root,7 --uid 8 --container 0123 --container web");
	cr_expect_eq(o.targets.asked, WIRE_JUDGED);
	cr_expect_eq(o.targets.comms.n, 2);
	cr_assert_eq(o.targets.users.n, 3);
	cr_expect_eq(o.targets.users.items[0], 0);
	cr_expect_eq(o.targets.users.items[2], 8);
	cr_assert_eq(o.targets.containers.n, 2);
	cr_expect_str_eq(o.targets.containers.items[1], "web");
	cr_expect(o.targets.inherit);
	record_options_done(&o);
	good("--comm x -i");
	cr_expect(o.no_inherit);
	cr_expect_not(o.targets.inherit);
	record_options_done(&o);
	good("--no-inherit --comm x --inherit");
	cr_expect_not(o.no_inherit, "the last one counts");
	record_options_done(&o);
	good("-a");
	cr_expect_eq(o.targets.asked, 0);
}

Test(record_options, command_keeps_its_own_options)
{
	good("-F 49 sh -c exit -F x");
	cr_assert_not_null(o.command);
	cr_expect_str_eq(o.command[0], "sh");
	cr_expect_str_eq(o.command[3], "-F");
	cr_expect_null(o.command[5]);
	cr_expect_eq(o.freq_hz, 49);
	good("-- -odd name");
	cr_expect_str_eq(o.command[0], "-odd");
	good("--");
	cr_expect_null(o.command);
}

Test(record_options, processes_and_threads_that_exist)
{
	char text[64];

	snprintf(text, sizeof(text), "-p %d,%d -t %d", getpid(), getppid(), gettid());
	good(text);
	cr_assert_eq(o.tgids.n, 2);
	cr_expect_eq(o.tgids.items[0], (uint32_t)getpid());
	cr_expect_eq(o.tgids.items[1], (uint32_t)getppid());
	cr_assert_eq(o.tids.n, 1);
	cr_expect_eq(o.tids.items[0], (uint32_t)gettid());
}

static void *thread_id(void *ctx)
{
	pthread_barrier_t *b = ctx;
	char text[64];

	snprintf(text, sizeof(text), "-p %d", gettid());
	cr_expect_eq(parse(text), -EINVAL);
	cr_expect_not_null(strstr(e.text, "is a thread of process"), "%s", e.text);
	record_options_done(&o);
	snprintf(text, sizeof(text), "-t %d", gettid());
	cr_expect_eq(parse(text), 0, "%s", e.text);
	pthread_barrier_wait(b);
	return NULL;
}

Test(record_options, thread_is_no_process)
{
	pthread_barrier_t b;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 1);
	cr_assert_eq(pthread_create(&t, NULL, thread_id, &b), 0);
	pthread_join(t, NULL);
	pthread_barrier_destroy(&b);
}

Test(record_options, refuses_what_makes_no_sense_and_says_why)
{
	static const struct {
		const char *text;
		int r;
		const char *says;
	} t[] = {
		{ "-F 0", -EINVAL, "'0' is not a frequency" },
		{ "-F x", -EINVAL, "'x' is not a frequency" },
		{ "-F -5", -EINVAL, "'-5' is not a frequency" },
		{ "-F 99hz", -EINVAL, "is not a frequency" },
		{ "-F 4000000000", -EINVAL, "more than this kernel allows" },
		{ "-F 99999999999", -EINVAL, "is not a frequency" },
		{ "-c 0", -EINVAL, "'0' is not a count" },
		{ "-c 99999999999999999999", -EINVAL, "is not a count" },
		{ "--max-stack 0", -EINVAL, "from 1 to 512" },
		{ "--max-stack 513", -EINVAL, "from 1 to 512" },
		{ "--duration 0", -EINVAL, "'0' is not a duration" },
		{ "--duration soon", -EINVAL, "'soon' is not a duration" },
		{ "--format png", -EINVAL, "there is no format 'png'; there are html, svg," },
		{ "-o x.png", -EINVAL, "x.png" },
		{ "-C 3-1", -EINVAL, "'3-1' is not a list of CPUs" },
		{ "-e bogus", -EINVAL, "there is no event 'bogus'" },
		{ "-p x", -EINVAL, "'x' is not a process id" },
		{ "-t 0", -EINVAL, "'0' is not a thread id" },
		{ "-p ,", -EINVAL, "-p wants ids" },
		{ "-t ,,", -EINVAL, "-t wants ids" },
		{ "-p 2147483647", -ESRCH, "there is no process 2147483647" },
		{ "-t 2147483647", -ESRCH, "there is no thread 2147483647" },
		{ "-p 2147483648", -EINVAL, "is not a process id" },
		{ "-F 9 -c 9", -EINVAL, "-F and -c exclude each other" },
		{ "-U -K", -EINVAL, "-U and -K exclude each other" },
		{ "-a -p 1", -EINVAL, "-a records everything" },
		{ "-t 1 sleep 1", -EINVAL, "a command exclude each other" },
		{ "--comm", -EINVAL, "--comm" },
		{ "--comm=(", -EINVAL, "'(' is not a regular expression" },
		{ "--comm=", -EINVAL, "--comm wants" },
		{ "--uid nobody-of-that-name", -ENOENT, "no user 'nobody-of-that-name'" },
		{ "--uid 12x", -EINVAL, "no user '12x'" },
		{ "--uid 4294967295", -EINVAL, "no user '4294967295'" },
		{ "-u ,", -EINVAL, "--uid wants users" },
		{ "-u 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", -ENOSPC, "at most 16 users" },
		{ "--container=", -EINVAL, "is not the id of a container" },
		{ "--container /sys/fs/cgroup", -EINVAL, "is not the id of a container" },
		{ "--cgroup 1 --cgroup 2 --cgroup 3 --cgroup 4 --cgroup 5 --cgroup 6 --cgroup 7 "
		  "--cgroup 8 --cgroup 9 --cgroup 10 --cgroup 11 --cgroup 12 --cgroup 13 "
		  "--cgroup 14 --cgroup 15 --cgroup 16 --cgroup 17",
		  -EINVAL, "at most 16 cgroups" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		cr_expect_eq(parse(t[i].text), t[i].r, "'%s'", t[i].text);
		cr_expect_not_null(strstr(e.text, t[i].says), "'%s': %s", t[i].text, e.text);
		record_options_done(&o);
	}
}

Test(record_options, names_the_option_that_is_wrong)
{
	static const struct {
		const char *text, *says;
	} t[] = {
		{ "-x", "there is no option '-x'" },
		{ "-a -x", "there is no option '-x'" },
		{ "-xa", "there is no option '-xa'" },
		{ "-a -vxU", "there is no option '-vxU'" },
		{ "-F 9 --bogus", "there is no option '--bogus'" },
		{ "--bogus=3 -a", "there is no option '--bogus=3'" },
		{ "--all-cpus=3", "there is no option '--all-cpus=3'" },
		{ "-F", "option '-F' wants a value" },
		{ "-a -aF", "option '-aF' wants a value" },
		{ "-v --freq", "option '--freq' wants a value" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		cr_expect_eq(parse(t[i].text), -EINVAL, "'%s'", t[i].text);
		cr_expect_not_null(strstr(e.text, t[i].says), "'%s': %s", t[i].text, e.text);
		record_options_done(&o);
	}
}

Test(duration, in_every_unit)
{
	static const struct {
		const char *text;
		uint64_t ns; /* 0 = refused */
	} t[] = {
		{ "10", 10000000000 },
		{ "1.5s", 1500000000 },
		{ "500ms", 500000000 },
		{ "2m", 120000000000 },
		{ "3min", 180000000000 },
		{ "1h", 3600000000000 },
		{ ".5", 500000000 },
		{ "1ms", 1000000 },
		{ "0.1ms", 0 },
		{ "0", 0 },
		{ "", 0 },
		{ "s", 0 },
		{ ".", 0 },
		{ "-1", 0 },
		{ "+1", 0 },
		{ " 1", 0 },
		{ "1 s", 0 },
		{ "1S", 0 },
		{ "1d", 0 },
		{ "1e99", 0 },
		{ "inf", 0 },
		{ "nan", 0 },
		{ "1s2", 0 },
		{ "1e18h", 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		uint64_t ns = 42;

		cr_expect_eq(parse_duration(t[i].text, &ns), t[i].ns ? 0 : -EINVAL, "'%s'",
			     t[i].text);
		cr_expect_eq(ns, t[i].ns ? t[i].ns : 42, "'%s'", t[i].text);
	}
}

static int parse_all(void)
{
	char text[128];
	int r;

	snprintf(text, sizeof(text), "-p %d -o a.pb -o b.pb --cgroup x --duration 5", getpid());
	r = parse(text);
	record_options_done(&o);
	/* What /proc says cannot be read without memory: then there is no such process. */
	return r == -ESRCH ? -ENOMEM : r;
}

Test(record_options, survives_every_failed_allocation)
{
	allocfail_each(parse_all);
}
