/* SPDX-License-Identifier: Apache-2.0 */
/* The command that `wick record -- COMMAND` runs: held back until sampling has begun. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct err;

struct child {
	pid_t pid;   /* 0 = there is none */
	int pidfd;   /* readable once it has ended; -1 where the kernel has no pidfd_open(2) */
	int go_fd;   /* closing it lets go of the child, which then ends */
	int exec_fd; /* tells why exec failed */
	bool reaped;
	bool ignores_int; /* SIGINT, as commands of a script's background job do */
	int status; /* exit status for our own exit: its code, or 128 + signal */
};

#define CHILD_NONE ((struct child){ .pidfd = -1, .go_fd = -1, .exec_fd = -1 })

/* Forks; the child waits with default signals. 0, or -errno with a sentence. @argv is borrowed. */
int child_spawn(struct child *c, char **argv, struct err *e);

/* Lets it exec. 0, or -errno with a sentence: then status is 127 (not found) or 126, as in a shell.
 */
int child_go(struct child *c, char **argv, struct err *e);

/* Whether it has ended; collects its status if so. */
bool child_has_ended(struct child *c);

/* Waits until it has ended; a no-op without a child. */
void child_wait(struct child *c);

/*
 * Passes a signal on that we were sent, unless it has ended or there is none; Ctrl-C (@si_code is
 * SI_KERNEL) reaches it by itself, from the terminal. Where it ignores SIGINT it gets SIGTERM
 * instead. Safe to call from a signal handler.
 */
void child_pass_on(const struct child *c, int signal_nr, int si_code);

/* Releases everything; a child that was never let go ends. */
void child_done(struct child *c);
