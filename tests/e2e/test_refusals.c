/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be done is said in one sentence, at once, and nothing is left behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "readback.h"

E2E(refusals);

#define OUT in_dir("out.pb.gz")

/* The last line on standard error is the sentence; with @alone it is the only one. */
static void refused(const struct run *r, int status, const char *part, bool alone)
{
	const char *last = r->err + r->err_n;

	cr_expect_eq(r->status, status, "status %d instead of %d:\n%s", r->status, status, r->err);
	cr_expect_str_empty(r->out);
	cr_assert(r->err_n > 0 && last[-1] == '\n', "no line on standard error: '%s'", r->err);
	for (last--; last > r->err && last[-1] != '\n';)
		last--;
	cr_expect(!alone || last == r->err, "more than one line:\n%s", r->err);
	cr_expect_eq(strncmp(last, "wick: ", 6), 0, "%s", last);
	cr_expect_not_null(strstr(last, part), "'%s' is not in: %s", part, last);
	cr_expect_eq(files_left("out"), 0, "%zu files are left behind", files_left("out"));
}

/* @...: the words behind "wick record -o out.pb.gz". */
#define record_refused(status, part, ...)                                  \
	do {                                                               \
		struct run r_ = wick("record", "-o", OUT, __VA_ARGS__);    \
		refused(&r_, status, part, true);                          \
		cr_expect_lt(r_.seconds, 1, "it took %.2f s", r_.seconds); \
	} while (0)

enum { CANNOT = 1, WRONG_USAGE = 2 };

Test(refusals, frequency)
{
	record_refused(WRONG_USAGE, "'0' is not a frequency", "-F", "0");
	record_refused(WRONG_USAGE, "'-5' is not a frequency", "-F", "-5");
	record_refused(WRONG_USAGE, "'abc' is not a frequency", "-F", "abc");
	record_refused(WRONG_USAGE, "'99x' is not a frequency", "-F", "99x");
	record_refused(WRONG_USAGE, "perf_event_max_sample_rate", "-F", "10000000");
	record_refused(WRONG_USAGE, "'99999999999999999999'", "-F", "99999999999999999999");
}

Test(refusals, options_that_exclude_each_other)
{
	const char *self = text("%d", getpid());

	record_refused(WRONG_USAGE, "-F and -c", "-F", "99", "-c", "1000");
	record_refused(WRONG_USAGE, "-U and -K", "-U", "-K");
	record_refused(WRONG_USAGE, "-a", "-a", "-p", self);
	record_refused(WRONG_USAGE, "command", "-p", self, "--", "true");
}

Test(refusals, values_that_are_none)
{
	record_refused(WRONG_USAGE, "no event 'nonsense'", "-e", "nonsense");
	record_refused(WRONG_USAGE, "given twice", "-e", "cpu-clock,cpu-clock");
	record_refused(WRONG_USAGE, "'-c'", "-e", "cpu-clock", "-c");
	record_refused(WRONG_USAGE, "-c", "-c", "0");
	record_refused(WRONG_USAGE, "'soon' is not a duration", "--duration", "soon");
	record_refused(WRONG_USAGE, "'0' is not a duration", "--duration", "0");
	record_refused(WRONG_USAGE, "--max-stack", "--max-stack", "0");
	record_refused(WRONG_USAGE, "--max-stack", "--max-stack", "100000");
	record_refused(WRONG_USAGE, "'x' is not a list of CPUs", "-C", "x");
	record_refused(WRONG_USAGE, "no format 'nonsense'", "--format", "nonsense");
	record_refused(WRONG_USAGE, "is not a process id", "-p", "me");
	record_refused(WRONG_USAGE, "is not a thread id", "-t", "1,,x");
}

Test(refusals, options_that_do_not_exist)
{
	record_refused(WRONG_USAGE, "'--nonsense'", "--nonsense");
	record_refused(WRONG_USAGE, "'-y'", "-y");
	record_refused(WRONG_USAGE, "'-F' wants a value", "-F");
}

Test(refusals, commands_that_do_not_exist)
{
	struct run r = wick("nonsense");

	refused(&r, WRONG_USAGE, "no command 'nonsense'", true);
}

Test(refusals, ending_that_means_no_format)
{
	struct run r = wick("record", "-o", in_dir("out.png"), "--duration", "1");

	refused(&r, WRONG_USAGE, "out.png", true);
	cr_expect_lt(r.seconds, 1);
}

Test(refusals, processes_and_threads_that_are_gone)
{
	struct run gone = run_words("true");

	record_refused(CANNOT, "there is no process", "-p", text("%d", gone.pid));
	record_refused(CANNOT, "there is no thread", "-t", text("%d", gone.pid));
	record_refused(CANNOT, "there is no process", "-p", text("%d,%d", getpid(), gone.pid));
}

/* A thread's number is no process: said with the process's, not taken for it. */
Test(refusals, thread_where_a_process_is_wanted)
{
	struct run r = waiting(workload("threads"), "0.1", "1");

	record_refused(WRONG_USAGE, text("-p %d for the process", r.pid), "-p",
		       text("%d", thread_of(&r, 1)));
	go(&r);
	finish(&r);
}

Test(refusals, cpus_that_are_not_there)
{
	record_refused(CANNOT, "online", "-C", "1000");
}

Test(refusals, hardware_events_where_there_are_none)
{
	struct run r = wick("record", "-e", "cycles", "-o", OUT, "--duration", "100ms");

	if (r.status == 0)
		cr_skip_test("needs a machine without hardware events");
	refused(&r, CANNOT, "cpu-clock", true); /* what it has instead */
}

Test(refusals, cgroups)
{
	struct run v1 = run_words("sh", "-c",
				  "awk '$0 ~ / - cgroup / {print $5; exit}' "
				  "/proc/self/mountinfo");

	record_refused(CANNOT, "no-such-group", "--cgroup", "no-such-group");
	record_refused(CANNOT, "/usr", "--cgroup", "/usr");
	if (v1.out_n == 0)
		cr_skip_test("needs a mounted cgroup v1 for one more case");
	*strchr(v1.out, '\n') = '\0';
	record_refused(CANNOT, "version 1", "--cgroup", v1.out);
}

/* --- outputs --------------------------------------------------------------------------------- */

Test(refusals, directory_that_is_missing)
{
	struct run r = wick("record", "-o", in_dir("no/such/out.pb.gz"), "--duration", "5");

	refused(&r, CANNOT, "no/such/out.pb.gz", true);
	cr_expect_lt(r.seconds, 1, "it recorded before it looked: %.1f s", r.seconds);
}

Test(refusals, directory_instead_of_a_file)
{
	struct run r;

	cr_assert_eq(mkdir(in_dir("there.pb.gz"), 0755), 0);
	r = wick("record", "-o", in_dir("there.pb.gz"), "--duration", "5");
	refused(&r, CANNOT, "is a directory", true);
	cr_expect_lt(r.seconds, 1, "it recorded before it looked: %.1f s", r.seconds);
}

/* A disk that fills up is found out at the end only: its sentence is the last line. */
Test(refusals, disk_that_is_full)
{
	const char *disk = in_dir("disk");
	struct run r;

	r = run_words("unshare", "-m", "true"); /* refused in a chroot, too */
	if (r.status != 0)
		cr_skip_test("needs a mount namespace of its own");
	cr_assert_eq(mkdir(disk, 0755), 0);
	r = run_words("unshare", "-m", "sh", "-c",
		      text("mount -t tmpfs -o size=64k none %s || exit 77\n"
			   "dd if=/dev/zero of=%s/fill bs=1k 2>/dev/null\n"
			   "%s record -o %s/out.pb.gz --duration 300ms; rc=$?\n"
			   "[ \"$(ls -A %s)\" = fill ] || echo left: $(ls -A %s)\n"
			   "exit $rc",
			   disk, disk, wick_program(), disk, disk, disk));
	if (r.status == 77)
		cr_skip_test("needs a mount namespace of its own");
	refused(&r, CANNOT, "No space left", false);
}

Test(refusals, device_that_is_full)
{
	struct run r =
		wick("record", "-o", "/dev/full", "--format", "pprof", "--duration", "300ms");

	refused(&r, CANNOT, "'/dev/full': No space left", false);
}

/* The command has run, so its status counts more than the file that could not be written. */
Test(refusals, full_device_after_a_command)
{
	struct run r =
		wick("record", "-o", "/dev/full", "--format", "pprof", "--", "sh", "-c", "exit 3");

	refused(&r, 3, "No space left", false);
	r = wick("record", "-o", "/dev/full", "--format", "pprof", "--", "true");
	refused(&r, CANNOT, "No space left", false);
}

/* --- privilege ------------------------------------------------------------------------------- */

/* `wick COMMAND …` as a user who may do nothing, from a place that such a user can read. */
static struct run nobody_runs(const char *command, const char *option, const char *value,
			      const char *output)
{
	const char *copy = in_dir("wick");
	struct run r = run_words("cp", "-L", wick_program(), copy);

	must_end(&r, 0);
	if (!have_program("setpriv"))
		cr_skip_test("needs setpriv");
	return run_words("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
			 "--inh-caps=-all", "--bounding-set=-all", copy, command,
			 output ? "-o" : option, output ? output : value, output ? option : NULL,
			 value);
}

static struct run as_nobody(const char *output, const char *option, const char *value)
{
	return nobody_runs("record", option, value, output);
}

Test(refusals, no_privilege)
{
	struct run r;

	cr_assert_eq(mkdir(in_dir("open"), 0777), 0);
	chmod(in_dir("open"), 0777);
	r = as_nobody(in_dir("open/out.pb.gz"), "--duration", "5");
	refused(&r, CANNOT, "run as root", true);
	cr_expect_lt(r.seconds, 1, "it took %.1f s", r.seconds);
	cr_expect_eq(rmdir(in_dir("open")), 0, "a file was left behind: %s", strerror(errno));
}

/* With a command too: it is not run, for nobody would see it. */
Test(refusals, no_privilege_with_a_command)
{
	struct run r;

	cr_assert_eq(mkdir(in_dir("open"), 0777), 0);
	chmod(in_dir("open"), 0777);
	r = as_nobody(in_dir("open/out.pb.gz"), "touch", in_dir("open/ran"));
	refused(&r, CANNOT, "root", true);
	cr_expect_eq(rmdir(in_dir("open")), 0, "a file was left behind: %s", strerror(errno));
}

Test(refusals, no_privilege_to_verify_unwinding)
{
	struct run r = nobody_runs("doctor", "--verify-unwind", "5", NULL);

	refused(&r, CANNOT, "run as root", true);
	cr_expect_lt(r.seconds, 1, "it took %.1f s", r.seconds);
}

Test(refusals, directory_that_may_not_be_written)
{
	struct run r;

	cr_assert_eq(mkdir(in_dir("closed"), 0755), 0);
	r = as_nobody(in_dir("closed/out.pb.gz"), "--duration", "5");
	refused(&r, CANNOT, "Permission denied", true);
	cr_expect_lt(r.seconds, 1, "it took %.1f s", r.seconds);
}

/* --- the other commands ---------------------------------------------------------------------- */

Test(refusals, report_and_convert)
{
	struct run r = wick("report", in_dir("nothing.pb.gz"));

	refused(&r, CANNOT, "nothing.pb.gz", true);
	cr_assert_eq(put_file(in_dir("junk.pb.gz"), "this is no profile\n\001\002\003"), 0);
	r = wick("report", in_dir("junk.pb.gz"));
	refused(&r, CANNOT, "junk.pb.gz", true);
	r = wick("convert", in_dir("junk.pb.gz"), "-o", OUT);
	refused(&r, CANNOT, "junk.pb.gz", true);
	r = wick("convert", in_dir("nothing.pb.gz"), "-o", OUT);
	refused(&r, CANNOT, "nothing.pb.gz", true);
	r = wick("convert", in_dir("junk.pb.gz"));
	refused(&r, WRONG_USAGE, "-o", true);
	r = wick("convert", "-o", OUT);
	refused(&r, WRONG_USAGE, "file", true);
	r = wick("convert", "--nonsense", "x", "-o", OUT);
	refused(&r, WRONG_USAGE, "--nonsense", true);
	r = wick("report", "--rows", "many", in_dir("junk.pb.gz"));
	refused(&r, WRONG_USAGE, "'many'", true);
}
