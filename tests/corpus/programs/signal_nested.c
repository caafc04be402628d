/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal within a signal: the first handler (SA_SIGINFO) interrupts the program and raises a
 * second one, whose handler works on an alternate stack.
 *
 * chain: @main;outer;inner;__restore_rt|[libc*+*];first;first_work;*raise*|*kill*|[libc*+*]{1,4};\
 *        __restore_rt|[libc*+*];second;second_work
 * chain: @main;outer;inner;__restore_rt|[libc*+*];first;first_work
 * chain: @main;outer;inner
 * may: @main;outer;__restore_rt|[libc*+*];first;first_work;*raise*|*kill*|[libc*+*]{1,4};\
 *        __restore_rt|[libc*+*];second;second_work
 * may: @main;__restore_rt|[libc*+*];first;first_work;*raise*|*kill*|[libc*+*]{1,4};\
 *        __restore_rt|[libc*+*];second;second_work
 * may: @main;outer;inner;__restore_rt|[libc*+*];first;first_work;\
 *      *raise*|*kill*|*getpid*|*@plt|[signal*+*]|[libc*+*]{1,4}
 * may: @main;outer;__restore_rt|[libc*+*];first;first_work;\
 *      *raise*|*kill*|*getpid*|*@plt|[signal*+*]|[libc*+*]{1,4}
 */
#include "corpus.h"

static char alternate[256 << 10];

static CORPUS_FN long second_work(long n)
{
	return corpus_work(60000 + n);
}

static CORPUS_FN void second(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	corpus_sink = second_work(sig) + 1;
}

static CORPUS_FN long first_work(long n)
{
	n += corpus_work(60000);
	raise(SIGUSR2);
	return n + corpus_sink;
}

static CORPUS_FN void first(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	corpus_sink = first_work(sig) + 1;
}

static CORPUS_FN long inner(long n)
{
	return corpus_work(400) + n;
}

static CORPUS_FN long outer(long n)
{
	for (int i = 0; i < 20; i++)
		n += inner(n);
	return n;
}

int main(int argc, char **argv)
{
	struct itimerval at = { .it_interval = { 0, 1000 }, .it_value = { 0, 1000 } };
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction act = { .sa_flags = SA_SIGINFO };

	corpus_begin(argc, argv);
	sigaltstack(&stack, NULL);
	act.sa_sigaction = first;
	sigaction(SIGALRM, &act, NULL);
	act.sa_sigaction = second;
	act.sa_flags |= SA_ONSTACK;
	sigaction(SIGUSR2, &act, NULL);
	setitimer(ITIMER_REAL, &at, NULL);
	for (long i = 0;; i++)
		corpus_sink = outer(i);
}
