/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "child.h"
#include "err.h"
#include "scratch.h"

static struct scratch_dir dir;

static void enter(void)
{
	signal(SIGPIPE, SIG_IGN);
	scratch_enter(&dir);
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(child, .init = enter, .fini = leave, .timeout = 20);

/* An argv of up to three words. */
static char **command(const char *a, const char *b, const char *c)
{
	static const char *words[4];

	words[0] = a;
	words[1] = b;
	words[2] = c;
	return (char **)(uintptr_t)words; /* execvp(3) changes none of them */
}

/* Runs a shell script to its end: its exit status. */
static int run_script(const char *script)
{
	char **argv = command("sh", "-c", script);
	struct child c;
	struct err e = { 0 };
	int status;

	cr_assert_eq(child_spawn(&c, argv, &e), 0, "%s", e.text);
	cr_assert_eq(child_go(&c, argv, &e), 0, "%s", e.text);
	child_wait(&c);
	cr_expect(child_has_ended(&c));
	status = c.status;
	child_done(&c);
	return status;
}

Test(child, does_not_run_before_the_word)
{
	char **argv = command("touch", "ran", NULL);
	struct child c;
	struct err e = { 0 };

	cr_assert_eq(child_spawn(&c, argv, &e), 0);
	usleep(50000);
	cr_expect_not(child_has_ended(&c));
	cr_expect_eq(scratch_count("."), 0);
	cr_assert_eq(child_go(&c, argv, &e), 0);
	child_wait(&c);
	cr_expect_eq(c.status, 0);
	cr_expect_eq(scratch_count("."), 1);
	child_done(&c);
}

Test(child, that_is_never_let_go_ends_without_running)
{
	char **argv = command("touch", "ran", NULL);
	struct child c;
	struct err e = { 0 };
	pid_t pid;

	cr_assert_eq(child_spawn(&c, argv, &e), 0);
	pid = c.pid;
	child_done(&c);
	cr_expect_eq(kill(pid, 0), -1, "it is gone and reaped");
	cr_expect_eq(scratch_count("."), 0);
	cr_expect_eq(c.pid, 0);
	child_done(&c);
}

Test(child, status_is_that_of_the_command_as_a_shell_tells_it)
{
	cr_expect_eq(run_script("exit 0"), 0);
	cr_expect_eq(run_script("exit 3"), 3);
	cr_expect_eq(run_script("kill -TERM $$"), 128 + SIGTERM);
	cr_expect_eq(run_script("kill -KILL $$"), 128 + SIGKILL);
}

Test(child, starts_with_default_signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cr_expect_eq(run_script("kill -TERM $$"), 128 + SIGTERM, "not blocked");
	cr_expect_eq(run_script("kill -PIPE $$"), 128 + SIGPIPE, "not ignored");
}

Test(child, inherits_no_descriptor_of_ours)
{
	unsigned mine = scratch_count("/proc/self/fd");
	char **argv = command("sh", "-c", "ls /proc/self/fd > fds");
	struct child c;
	struct err e = { 0 };

	cr_assert_eq(child_spawn(&c, argv, &e), 0);
	cr_assert_eq(child_go(&c, argv, &e), 0);
	child_wait(&c);
	for (int fd = 3; fd < 256; fd++) {
		const int ours[] = { c.go_fd, c.exec_fd, c.pidfd };
		char line[16];

		snprintf(line, sizeof(line), "\n%d\n", fd);
		for (size_t i = 0; i < 3; i++)
			cr_expect(ours[i] != fd || !strstr(scratch_read("fds"), line), "fd %d", fd);
	}
	child_done(&c);
	cr_expect_eq(scratch_count("/proc/self/fd"), mine, "and nothing stays open here");
}

Test(child, command_that_cannot_run_is_told_with_the_status_of_a_shell)
{
	static const struct {
		const char *name;
		int r, status;
	} t[] = {
		{ "no-such-command-anywhere", -ENOENT, 127 },
		{ "./missing", -ENOENT, 127 },
		{ "./plain", -EACCES, 126 },
		{ "./folder", -EACCES, 126 },
		{ "./plain/x", -ENOTDIR, 126 },
	};

	setenv("PATH", "/usr/bin:/bin", 1); /* a folder that may not be searched makes it EACCES */
	scratch_write("plain", "text");
	cr_assert_eq(mkdir("folder", 0700), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		char **argv = command(t[i].name, NULL, NULL);
		struct err e = { 0 };
		struct child c;

		cr_assert_eq(child_spawn(&c, argv, &e), 0);
		cr_expect_eq(child_go(&c, argv, &e), t[i].r, "%s", t[i].name);
		cr_expect_eq(c.status, t[i].status, "%s: %d", t[i].name, c.status);
		cr_expect_not_null(strstr(e.text, t[i].name), "%s", e.text);
		cr_expect(child_has_ended(&c));
		child_done(&c);
	}
}

Test(child, that_was_killed_before_the_word_is_an_error)
{
	char **argv = command("true", NULL, NULL);
	struct err e = { 0 };
	struct child c;

	cr_assert_eq(child_spawn(&c, argv, &e), 0);
	kill(c.pid, SIGKILL);
	child_wait(&c);
	cr_expect_eq(child_go(&c, argv, &e), -EPIPE);
	cr_expect_eq(c.status, 128 + SIGKILL);
	cr_expect_not_null(strstr(e.text, "is gone already"), "%s", e.text);
	child_done(&c);
}

Test(child, end_can_be_polled_for)
{
	char **argv = command("true", NULL, NULL);
	struct err e = { 0 };
	struct child c;

	cr_assert_eq(child_spawn(&c, argv, &e), 0);
	if (c.pidfd < 0)
		cr_skip("no pidfd_open(2) here");
	cr_assert_eq(child_go(&c, argv, &e), 0);
	cr_expect_eq(poll(&(struct pollfd){ .fd = c.pidfd, .events = POLLIN }, 1, 10000), 1);
	cr_expect(child_has_ended(&c));
	cr_expect_eq(c.status, 0);
	child_done(&c);
}

Test(child, none_is_fine)
{
	struct child c = CHILD_NONE;

	child_wait(&c);
	cr_expect_not(child_has_ended(&c));
	child_done(&c);
}

/* The status of a program that would end a second later and is passed a signal on. */
static int passed_on(int signal_nr, int si_code)
{
	char **argv = command("sleep", "1", NULL);
	struct err e = { 0 };
	struct child c;
	int status;

	cr_assert_eq(child_spawn(&c, argv, &e), 0);
	cr_assert_eq(child_go(&c, argv, &e), 0);
	child_pass_on(&c, signal_nr, si_code);
	child_wait(&c);
	status = c.status;
	child_pass_on(&c, signal_nr, si_code); /* to nobody any more */
	child_done(&c);
	return status;
}

Test(child, is_passed_signals_on_but_a_terminals_interrupt)
{
	signal(SIGINT, SIG_DFL);
	cr_expect_eq(passed_on(SIGTERM, SI_USER), 128 + SIGTERM);
	cr_expect_eq(passed_on(SIGHUP, SI_KERNEL), 128 + SIGHUP);
	cr_expect_eq(passed_on(SIGINT, SI_USER), 128 + SIGINT);
	cr_expect_eq(passed_on(SIGINT, SI_QUEUE), 128 + SIGINT);
	cr_expect_eq(passed_on(SIGINT, SI_KERNEL), 0);
	child_pass_on(&CHILD_NONE, SIGKILL, SI_USER);
}

Test(child, that_ignores_interrupts_is_terminated)
{
	signal(SIGINT, SIG_IGN);
	cr_expect_eq(passed_on(SIGINT, SI_USER), 128 + SIGTERM);
	cr_expect_eq(passed_on(SIGINT, SI_KERNEL), 0);
}
