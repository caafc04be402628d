/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupts.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "child.h"
#include "clock.h"
#include "loop.h"
#include "outfile.h"

/*
 * Nobody presses Ctrl-C twice that fast. But when a terminal goes both bash and the kernel send
 * SIGHUP, milliseconds apart.
 */
#define LATER_NS (300 * 1000000ull)

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

static struct {
	const struct child *child;
	_Atomic uint64_t first_ns; /* 0 = none has come */
	atomic_bool writing;
} seen;

static void clean_up(int signal_nr)
{
	outfile_unlink_all();
	raise(signal_nr); /* which ends the process: SA_RESETHAND; but not the first one of a PID namespace */
	_exit(128 + signal_nr);
}

void interrupts_clean_up(void)
{
	const struct sigaction act = { .sa_handler = clean_up,
				       .sa_flags = SA_RESETHAND | SA_NODEFER };
	struct sigaction old;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
}

static void on_interrupt(int signal_nr, siginfo_t *si, void *context)
{
	const uint64_t now = clock_mono_ns();
	uint64_t first = 0;
	int saved = errno;

	(void)context;
	child_pass_on(seen.child, signal_nr, si->si_code);
	if (!atomic_compare_exchange_strong(&seen.first_ns, &first, now) && seen.writing &&
	    signal_nr != SIGHUP && now >= first + LATER_NS) {
		outfile_unlink_all();
		_exit(128 + signal_nr);
	}
	errno = saved;
}

void interrupts_begin(const struct child *child, bool had_one)
{
	struct sigaction act = { .sa_sigaction = on_interrupt,
				 .sa_flags = SA_RESTART | SA_SIGINFO };
	sigset_t none;
	siginfo_t si;
	int signal_nr;

	seen.child = child;
	seen.first_ns = had_one ? clock_mono_ns() : 0;
	seen.writing = true;
	loop_signals(&act.sa_mask);
	while ((signal_nr = sigtimedwait(&act.sa_mask, &si, &(struct timespec){ 0 })) > 0)
		on_interrupt(signal_nr, &si, NULL);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (sigismember(&act.sa_mask, signals[i]))
			sigaction(signals[i], &act, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void interrupts_only_pass_on(void)
{
	seen.writing = false;
}
