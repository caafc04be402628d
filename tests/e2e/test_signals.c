/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT, SIGTERM and SIGHUP end a recording, not its profile, and reach the command. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "readback.h"

E2E(signals);

#define OUT in_dir("p.pb.gz")

/* Bash tells its jobs when a terminal goes, and the kernel does: milliseconds apart. */
static void comes_twice(int signal_nr)
{
	struct run r = start_wick("record", "-a", "-o", OUT);

	wait_for_line(&r, "wick: sampling");
	sleep_ms(300);
	send(&r, signal_nr);
	sleep_ms(5);
	kill(r.pid, signal_nr);
	finish(&r);
	must_end(&r, 0);
	recorded(OUT, NULL);
}

Test(signals, hangup_that_comes_twice)
{
	comes_twice(SIGHUP);
}

Test(signals, termination_that_comes_twice)
{
	comes_twice(SIGTERM);
}

Test(signals, hangup_that_nohup_ignores)
{
	struct run r = start_words("nohup", wick_program(), "record", "-o", OUT, "--duration", "1");
	struct profile *p;

	wait_for_line(&r, "wick: sampling");
	send(&r, SIGHUP);
	sleep_ms(300);
	send(&r, SIGHUP);
	finish(&r);
	must_end(&r, 0);
	p = recorded(OUT, NULL);
	cr_expect_geq(p->duration_ns, 1000000000ull, "it ended after %.2f s",
		      (double)p->duration_ns / 1e9);
}

/* wick and a command that would go on: both end at once, with the status of the command. */
static void ends_with_its_command(const char *when, int signal_nr)
{
	const char *limit = when[6] == 'w' ? "300ms" : "30"; /* "wick: waiting" */
	struct run r = start_wick("record", "-o", OUT, "--duration", limit, "--", "sh", "-c",
				  "echo pid $$; exec sleep 20");

	wait_for_line(&r, when);
	wait_for_line(&r, "pid ");
	sleep_ms(100);
	send(&r, signal_nr);
	finish(&r);
	must_end(&r, 128 + signal_nr);
	cr_expect_lt(r.seconds, 10, "it waited for the command: %.1f s", r.seconds);
	cr_expect(kill((pid_t)said(&r, "pid"), 0) < 0 && errno == ESRCH, "the command goes on");
	recorded(OUT, NULL);
}

Test(signals, termination_while_recording_ends_the_command)
{
	ends_with_its_command("wick: sampling", SIGTERM);
}

Test(signals, interrupt_from_a_process_ends_the_command)
{
	ends_with_its_command("wick: sampling", SIGINT);
}

Test(signals, termination_after_the_recording_ends_the_command)
{
	ends_with_its_command("wick: waiting", SIGTERM);
}

Test(signals, hangup_after_the_recording_ends_the_command)
{
	ends_with_its_command("wick: waiting", SIGHUP);
}

Test(signals, interrupt_after_the_recording_ends_the_command)
{
	ends_with_its_command("wick: waiting", SIGINT);
}

/* A shell without job control starts `… &` with SIGINT ignored, and commands inherit that. */
Test(signals, interrupt_of_a_job_in_the_background_ends_its_command)
{
	struct run r = run_words("sh", "-c",
				 text("%s record -o %s -- sleep 20 & sleep 1.5; kill -INT $!; "
				      "wait $!",
				      wick_program(), OUT));

	must_end(&r, 128 + SIGTERM);
	cr_expect_lt(r.seconds, 10, "it waited for the command: %.1f s", r.seconds);
	recorded(OUT, NULL);
}
