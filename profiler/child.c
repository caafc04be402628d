/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "err.h"

/* In the child: waits for the word, then becomes the command. */
static void __attribute__((noreturn)) run(char **argv, int go, int exec)
{
	sigset_t none;
	char word;
	int r;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	do
		r = (int)read(go, &word, 1);
	while (r < 0 && errno == EINTR);
	if (r != 1)
		_exit(125); /* nobody wants it any more */
	execvp(argv[0], argv);
	r = errno;
	if (write(exec, &r, sizeof(r)) < 0)
		_exit(125);
	_exit(r == ENOENT ? 127 : 126);
}

int child_spawn(struct child *c, char **argv, struct err *e)
{
	struct sigaction act;
	int go[2], exec[2];

	*c = CHILD_NONE;
	c->ignores_int = sigaction(SIGINT, NULL, &act) == 0 && act.sa_handler == SIG_IGN;
	if (pipe2(go, O_CLOEXEC) < 0)
		return err_set(e, -errno, "cannot start '%s': %m", argv[0]);
	if (pipe2(exec, O_CLOEXEC) < 0) {
		close(go[0]);
		close(go[1]);
		return err_set(e, -errno, "cannot start '%s': %m", argv[0]);
	}
	c->pid = fork();
	if (c->pid == 0) {
		close(go[1]);
		close(exec[0]);
		run(argv, go[0], exec[1]);
	}
	close(go[0]);
	close(exec[1]);
	c->go_fd = go[1];
	c->exec_fd = exec[0];
	if (c->pid < 0) {
		int r = -errno;

		c->pid = 0;
		child_done(c);
		return err_set(e, r, "cannot start '%s': %m", argv[0]);
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return 0;
}

int child_go(struct child *c, char **argv, struct err *e)
{
	int why = 0;
	ssize_t n;

	if (write(c->go_fd, "", 1) != 1)
		return err_set(e, -EPIPE, "cannot start '%s': it is gone already", argv[0]);
	close(c->go_fd);
	c->go_fd = -1;
	/* exec closes the other end; what can be read before that is the reason it failed. */
	do
		n = read(c->exec_fd, &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	child_wait(c);
	return err_set(e, -why, "cannot run '%s': %m; check its name and the PATH", argv[0]);
}

static void collect(struct child *c, int status)
{
	c->reaped = true;
	c->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool child_has_ended(struct child *c)
{
	int status;

	if (!c->reaped && c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid)
		collect(c, status);
	return c->reaped;
}

void child_wait(struct child *c)
{
	int status;
	pid_t r;

	if (!c->pid || c->reaped)
		return;
	do
		r = waitpid(c->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r == c->pid)
		collect(c, status);
}

void child_pass_on(const struct child *c, int signal_nr, int si_code)
{
	if (!c->pid || c->reaped || (signal_nr == SIGINT && si_code == SI_KERNEL))
		return;
	if (signal_nr == SIGINT && c->ignores_int)
		signal_nr = SIGTERM;
	if (c->pidfd >= 0) /* whose number cannot be another's by now */
		syscall(SYS_pidfd_send_signal, c->pidfd, signal_nr, NULL, 0);
	else
		kill(c->pid, signal_nr);
}

void child_done(struct child *c)
{
	if (c->go_fd >= 0) {
		close(c->go_fd);
		c->go_fd = -1;
		child_wait(c);
	}
	if (c->exec_fd >= 0)
		close(c->exec_fd);
	if (c->pidfd >= 0)
		close(c->pidfd);
	*c = CHILD_NONE;
}
