/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>

#include "child.h"
#include "err.h"
#include "interrupts.h"
#include "loop.h"
#include "outfile.h"
#include "scratch.h"

static struct scratch_dir dir;

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(interrupts, .init = enter, .fini = leave, .timeout = 20);

static const struct child none = { .pidfd = -1, .go_fd = -1, .exec_fd = -1 };

/* Runs @what in a process of its own that writes a file: how it ended, as a shell tells it. */
static int ended(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct outfile *f;

		for (int nr = 1; nr <= SIGTERM; nr++)
			signal(nr, SIG_DFL);
		if (outfile_open("out", &f, NULL) < 0)
			_exit(99);
		what();
		_exit(outfile_commit(f, NULL) < 0 ? 98 : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void in_a_burst(void)
{
	loop_block_signals();
	raise(SIGHUP);
	raise(SIGTERM);
	interrupts_begin(&none, true);
	raise(SIGHUP);
	raise(SIGINT);
}

Test(interrupts, that_come_together_are_one)
{
	cr_expect_eq(ended(in_a_burst), 0);
	cr_expect_str_eq(scratch_read("out"), "", "it is written");
}

static void first_after_the_end(void)
{
	loop_block_signals();
	interrupts_begin(&none, false);
	usleep(400000);
	raise(SIGTERM);
}

Test(interrupts, first_one_after_the_end_is_the_first)
{
	cr_expect_eq(ended(first_after_the_end), 0);
	cr_expect_str_eq(scratch_read("out"), "", "it is written");
}

static void later(int signal_nr)
{
	loop_block_signals();
	interrupts_begin(&none, true);
	usleep(400000);
	raise(signal_nr);
}

static void hangup_later(void)
{
	later(SIGHUP);
}

Test(interrupts, hangup_that_comes_later_aborts_nothing)
{
	cr_expect_eq(ended(hangup_later), 0);
	cr_expect_str_eq(scratch_read("out"), "", "it is written");
}

static void interrupt_later(void)
{
	later(SIGINT);
}

Test(interrupts, one_that_comes_later_gives_up_what_is_written)
{
	cr_expect_eq(ended(interrupt_later), 128 + SIGINT);
	cr_expect_eq(scratch_count("."), 0, "a temporary file is left");
}

static void while_waiting(void)
{
	interrupts_begin(&none, true);
	interrupts_only_pass_on();
	usleep(400000);
	raise(SIGTERM);
}

Test(interrupts, none_ends_who_waits_for_the_command)
{
	cr_expect_eq(ended(while_waiting), 0);
}

static void ignored_hangup(void)
{
	struct sigaction act;

	signal(SIGHUP, SIG_IGN);
	loop_block_signals();
	interrupts_begin(&none, true);
	if (sigaction(SIGHUP, NULL, &act) < 0 || act.sa_handler != SIG_IGN)
		_exit(97);
}

Test(interrupts, hangup_that_is_ignored_stays_ignored)
{
	cr_expect_eq(ended(ignored_hangup), 0);
}

/* --- commands that record nothing ------------------------------------------------------------ */

static void clean(int signal_nr)
{
	interrupts_clean_up();
	raise(signal_nr);
}

static void clean_int(void)
{
	clean(SIGINT);
}

static void clean_term(void)
{
	clean(SIGTERM);
}

static void clean_hup(void)
{
	clean(SIGHUP);
}

Test(interrupts, take_temporary_files_along)
{
	cr_expect_eq(ended(clean_int), 128 + SIGINT);
	cr_expect_eq(ended(clean_term), 128 + SIGTERM);
	cr_expect_eq(ended(clean_hup), 128 + SIGHUP);
	cr_expect_eq(scratch_count("."), 0, "a temporary file is left");
}

static void clean_ignored(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	clean(SIGHUP);
	raise(SIGINT);
}

Test(interrupts, that_are_ignored_stay_so)
{
	cr_expect_eq(ended(clean_ignored), 0);
	cr_expect_str_eq(scratch_read("out"), "", "it is written");
}
