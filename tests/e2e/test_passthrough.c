/* SPDX-License-Identifier: Apache-2.0 */
/* A command under wick does what it does without: status, output, input, signals. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "readback.h"

E2E(passthrough);

static struct run under_wick(const char *file, const char *script, const char *input)
{
	return run_argv((const char *const[]){ wick_program(), "record", "-o", file, "--", "sh",
					       "-c", script, NULL },
			input);
}

static void keeps_status(const char *script, int status)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = under_wick(file, script, NULL);

	must_end(&r, status);
	recorded(file, NULL);
}

Test(passthrough, exit_status_0)
{
	keeps_status("exit 0", 0);
}

Test(passthrough, exit_status_7)
{
	keeps_status("exit 7", 7);
}

Test(passthrough, exit_status_255)
{
	keeps_status("exit 255", 255);
}

Test(passthrough, killed_by_sigterm)
{
	keeps_status("kill -TERM $$", 143);
}

Test(passthrough, killed_by_sigsegv)
{
	keeps_status("kill -SEGV $$", 139);
}

/* All 256 bytes, several times, so that it is more than a pipe or a buffer holds. */
Test(passthrough, output_byte_for_byte)
{
	const char *all = in_dir("bytes"), *file = in_dir("p.pb.gz");
	struct run r = run_words("sh", "-c", text("head -c 300000 /dev/urandom > %s", all)), plain;

	must_end(&r, 0);
	plain = run_words("cat", all);
	r = under_wick(file, text("cat %s; echo to-stderr >&2", all), NULL);
	must_end(&r, 0);
	cr_expect_eq(r.out_n, plain.out_n, "%zu bytes instead of %zu", r.out_n, plain.out_n);
	cr_expect(r.out_n == plain.out_n && memcmp(r.out, plain.out, plain.out_n) == 0,
		  "the output was changed");
	cr_expect_not_null(strstr(r.err, "to-stderr\n"), "%s", r.err);
	recorded(file, NULL);
}

Test(passthrough, input)
{
	const char *input = in_dir("input"), *file = in_dir("p.pb.gz");
	struct run r;

	cr_assert_eq(put_file(input, "one\ntwo\n"), 0);
	r = under_wick(file, "cat; echo three", input);
	must_end(&r, 0);
	cr_expect_str_eq(r.out, "one\ntwo\nthree\n");
}

/* Options behind the command are the command's, with and without "--". */
Test(passthrough, options_of_the_command)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-o", file, "echo", "-n", "-F", "abc");

	must_end(&r, 0);
	cr_expect_str_eq(r.out, "-F abc");
}

static void one_sentence(const struct run *r, int status, const char *part)
{
	cr_expect_eq(r->status, status, "status %d instead of %d", r->status, status);
	cr_expect_str_empty(r->out);
	cr_expect_not_null(strstr(r->err, part), "%s", r->err);
	cr_expect(r->err_n > 0 && strchr(r->err, '\n') == r->err + r->err_n - 1,
		  "more or less than one line:\n%s", r->err);
	cr_expect_eq(strncmp(r->err, "wick: ", 6), 0, "%s", r->err);
	cr_expect_eq(files_left("p.pb.gz"), 0, "a file was left");
}

Test(passthrough, command_that_does_not_exist)
{
	struct run r = wick("record", "-o", in_dir("p.pb.gz"), "--", "no-such-command-anywhere");

	one_sentence(&r, 127, "no-such-command-anywhere");
}

Test(passthrough, command_that_is_not_executable)
{
	const char *script = in_dir("script");
	struct run r;

	cr_assert_eq(put_file(script, "#!/bin/sh\n"), 0);
	r = wick("record", "-o", in_dir("p.pb.gz"), "--", script);
	one_sentence(&r, 126, script);
}

Test(passthrough, command_that_is_a_directory)
{
	struct run r = wick("record", "-o", in_dir("p.pb.gz"), "--", "/usr");

	one_sentence(&r, 126, "/usr");
}

/* --- ending ---------------------------------------------------------------------------------- */

/* Seconds from the start to the end of a recording that is interrupted after 1.3: names are looked
 * up between the two. */
#ifdef __SANITIZE_ADDRESS__
#define ENDS_IN 30
#else
#define ENDS_IN 6
#endif

static void interrupt_ends(const char *what, const char *arg, int signal_nr)
{
	const char *file = in_dir("p.pb.gz");
	struct run spin = start_words(workload("split"), "2"), r;
	struct profile *p;

	r = start_wick("record", "-o", file, what, arg);
	sleep_ms(1300);
	cr_expect_eq(files_left("p.pb.gz"), 0, "a file is there before the end");
	send(&r, signal_nr);
	finish(&r);
	must_end(&r, 0);
	cr_expect_lt(r.seconds, ENDS_IN, "it took %.1f s to end", r.seconds);
	finish(&spin);
	p = recorded(file, NULL);
	cr_expect_gt(cumulative(p, (struct pick){ .pid = spin.pid }, "split_turn"), 10,
		     "the busy process is missing");
}

Test(passthrough, sigint_ends_a_recording_of_all)
{
	interrupt_ends("-a", "-F499", SIGINT);
}

Test(passthrough, sigint_ends_a_recording_without_command)
{
	interrupt_ends("-F", "499", SIGINT);
}

Test(passthrough, sigterm_ends_a_recording)
{
	interrupt_ends("-a", "-F499", SIGTERM);
}

/* The profile is there when the time is over; the command goes on, and its status counts. */
Test(passthrough, duration_with_a_command)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-o", file, "--duration", "500ms", "--", "sh", "-c",
			    text("sleep 1.5; test -e %s && exit 9; exit 3", file));
	struct profile *p;

	must_end(&r, 9);
	p = recorded(file, NULL);
	cr_expect_float_eq((double)p->duration_ns / 1e9, 0.5, 0.2, "recorded for %.2f s",
			   (double)p->duration_ns / 1e9);
}

Test(passthrough, duration_without_a_command)
{
	const char *file = in_dir("p.pb.gz");
	struct run r = wick("record", "-o", file, "--duration", "1");

	must_end(&r, 0);
	cr_expect_float_eq((double)recorded(file, NULL)->duration_ns / 1e9, 1, 0.2);
}

Test(passthrough, all_with_a_command)
{
	const char *file = in_dir("p.pb.gz");
	struct run spin = start_words(workload("split"), "1"), r;
	struct profile *p;

	r = wick("record", "-a", "-o", file, "--", "sh", "-c", "sleep 0.7; exit 5");
	must_end(&r, 5);
	finish(&spin);
	p = recorded(file, NULL);
	cr_expect_gt(cumulative(p, (struct pick){ .pid = spin.pid }, "split_turn"), 5,
		     "-a with a command records everything");
}

Test(passthrough, wick_pb_gz_without_output_option)
{
	struct run r = wick("record", "--", workload("split"), "0.5");

	must_end(&r, 0);
	recorded(in_dir("wick.pb.gz"), NULL);
	cr_expect_not_null(strstr(r.out, "split_sixty"), "no top functions on standard output:\n%s",
			   r.out);
}

Test(passthrough, a_format_without_output_option_names_its_file)
{
	struct run r = wick("record", "--format", "folded", "--", workload("split"), "0.5");

	must_end(&r, 0);
	cr_expect_not_null(strstr(r.out, "split_sixty"), "no top functions on standard output:\n%s",
			   r.out);
	r = wick("report", in_dir("wick.folded"));
	must_end(&r, 0);
	cr_expect_not_null(strstr(r.out, "split_sixty"), "%s", r.out);
}
