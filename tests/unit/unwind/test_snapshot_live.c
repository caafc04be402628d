/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of processes stopped at random moments, against unwinders that look at the process
 * itself. SNAPSHOT_STOPS in the environment: how often each is stopped.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "secondopinion.h"
#include "snapchain.h"
#include "snapprocess.h"
#include "snapshot.h"

#define STACK_MAX (8u << 20)

static volatile sig_atomic_t always = 1;
static volatile uint64_t sink;

/* --- what the children do ------------------------------------------------------------------- */
static void spin(void *arg)
{
	(void)arg;
	while (always)
		sink++;
}

static void do_recursion(void)
{
	while (always)
		sink += snapchain_recurse(500, spin, NULL);
}

static void on_signal(int sig)
{
	(void)sig;
	spin(NULL);
}

static void raise_it(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
}

#define ALTERNATE_BYTES 65536

/* Makes the kernel map more of the stack than is in use now. */
__attribute__((noinline)) static void grow_stack(void)
{
	volatile char deep[4 * ALTERNATE_BYTES];

	for (size_t i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 1;
}

/* The alternate stack is a part of the other one, above what is interrupted. */
static void do_handler(void)
{
	char alternate[ALTERNATE_BYTES];
	const stack_t st = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	grow_stack();
	if (sigaltstack(&st, NULL) < 0)
		_exit(2);
	sigaction(SIGUSR1, &sa, NULL);
	snapchain_recurse(20, raise_it, NULL);
}

static void do_handler_same_stack(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	snapchain_recurse(20, raise_it, NULL);
}

static void do_clock(void)
{
	struct timespec ts;

	while (always) {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		sink += (uint64_t)ts.tv_nsec;
	}
}

static void do_chain_end(struct snapchain *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sink += (uint64_t)ts.tv_nsec;
	c->n = 0;
}

static void do_chain(void)
{
	while (always) {
		struct snapchain c = { .at_end = do_chain_end };

		snapchain_call(&c);
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void do_libc(void)
{
	static uint64_t v[5000];
	char text[64];

	for (uint64_t x = 1; always; x = x * 6364136223846793005ull + 1) {
		for (size_t i = 0; i < ARRAY_LEN(v); i++)
			v[i] = x * (i + 77);
		qsort(v, ARRAY_LEN(v), sizeof(v[0]), by_value);
		snprintf(text, sizeof(text), "%f %s", (double)x, strerror((int)(x % 100)));
		free(malloc(x % 10000));
	}
}

/* --- stopping them -------------------------------------------------------------------------- */
struct live {
	const char *name;
	void (*fn)(void);     /* or */
	const char *argv[10]; /* what is run over and over */
	size_t below;	      /* bytes of the stack below the red zone that are sent too */
	bool is_short;	      /* the snapshot lacks the stack that was interrupted */
};

static struct live lives[] = {
	{ .name = "recursion", .fn = do_recursion },
	{ .name = "handler", .fn = do_handler_same_stack },
	{ .name = "handler on an alternate stack", .fn = do_handler, .is_short = true },
	{ .name = "handler with both stacks", .fn = do_handler, .below = 2 * ALTERNATE_BYTES },
	{ .name = "clock_gettime", .fn = do_clock },
	{ .name = "chain", .fn = do_chain },
	{ .name = "libc", .fn = do_libc },
	{ .name = "python3",
	  .argv = { "/usr/bin/python3", "-c",
		    "import json,re\n"
		    "def f(n): return n if n < 2 else f(n-1) + f(n-2)\n"
		    "while True: f(12); json.loads(json.dumps(list(range(99)))); "
		    "re.findall('(a+)+', 'aaab'*50); sorted(range(999), key=lambda x: -x)" } },
	{ .name = "git", .argv = { "/usr/bin/git", "log", "-p", "--stat" } },
	{ .name = "openssl", .argv = { "/usr/bin/openssl", "speed", "-seconds", "1" } },
	{ .name = "perl",
	  .argv = { "/usr/bin/perl", "-e",
		    "sub f { my $n = shift; $n < 2 ? $n : f($n-1) + f($n-2) } "
		    "while (1) { f(15); my @a = sort { $b <=> $a } 1..500; "
		    "join(',', @a) =~ /9+,8+$/ }" } },
	{ .name = "gzip", .argv = { "/bin/sh", "-c", "exec gzip -9 < /dev/zero" } },
};

static pid_t start(const struct live *l)
{
	pid_t pid = fork();
	int null;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	if (l->fn) {
		l->fn();
		_exit(1);
	}
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execv(l->argv[0], (char *const *)l->argv);
	_exit(127);
}

struct tally {
	size_t stops, roots, same_dwfl, same_libunwind, dwfl_short, libunwind_short, guessed,
		frames;
};

static bool is_same(const struct snapshot_trace *t, const struct opinion *o)
{
	for (size_t i = 0; i < t->n; i++) {
		if (i >= o->n || t->frames[i].addr != o->addr[i])
			return false;
	}
	return t->n == o->n;
}

/* The other gave up earlier, and agreed so far. */
static bool is_shorter(const struct snapshot_trace *t, const struct opinion *o)
{
	if (o->n >= t->n)
		return false;
	for (size_t i = 0; i < o->n; i++) {
		if (t->frames[i].addr != o->addr[i])
			return false;
	}
	return true;
}

static void print_both(const struct snapshot_trace *t, const struct opinion *o)
{
	size_t n = t->n > o->n ? t->n : o->n;

	cr_log_warn("%zu frames, of libdwfl %zu, %s", t->n, o->n, snapshot_end_text(t->end));
	for (size_t i = 0; i < n && i < 40; i++)
		cr_log_warn("%3zu %16" PRIx64 " %16" PRIx64, i, i < t->n ? t->frames[i].addr : 0,
			    i < o->n ? o->addr[i] : 0);
}

/* There is a frame that a signal interrupted. */
static bool is_interrupted(const struct snapshot_trace *t)
{
	for (size_t i = 1; i < t->n; i++) {
		if (t->frames[i].is_exact)
			return true;
	}
	return false;
}

/* @is_gap: libdwfl does not get further either. So it is in the _init() of crti.o, which has no
 * unwind information and is where a process is sometimes found when it starts. */
static void check_end(const struct snapshot_trace *t, const struct live *l, bool is_gap)
{
	enum snapshot_end want = SNAPSHOT_END_ROOT;

	/* It may not have come to its handler yet. */
	if (l->is_short && is_interrupted(t))
		want = SNAPSHOT_END_SHORT;
	else if (is_gap && t->end == SNAPSHOT_END_NO_INFO)
		return;
	cr_expect_eq(t->end, want, "%s", snapshot_end_text(t->end));
}

static void compare(struct snapshot_unwinder *u, pid_t pid, const struct live *l, struct tally *y)
{
	static struct snapshot_frame frames[1024];
	static struct opinion dwfl, other;
	struct snapshot_trace t = { .frames = frames, .max = ARRAY_LEN(frames) };
	struct snapprocess p;
	struct snapshot_space space;
	int r_dwfl, r_other;

	cr_assert_eq(snapprocess_open(pid, &p), 0);
	if (p.areas.n == 0 ||
	    snapprocess_take(&p, l->below, STACK_MAX) < 0) { /* it is about to exit */
		snapprocess_done(&p);
		return;
	}
	space = snapprocess_space(&p);
	cr_assert_eq(snapshot_unwind(u, &p.snap, &space, &t), 0);
	r_dwfl = opinion_of_libdwfl(pid, &dwfl);
	r_other = opinion_of_libunwind(pid, &other);
	y->stops++;
	y->frames += t.n;
	y->guessed += t.n_guessed;
	y->roots += t.end == SNAPSHOT_END_ROOT;
	check_end(&t, l, r_dwfl < 0 && is_same(&t, &dwfl));
	if (is_same(&t, &dwfl))
		y->same_dwfl++;
	else if (r_dwfl < 0 && is_shorter(&t, &dwfl))
		y->dwfl_short++;
	else if (!l->is_short)
		print_both(&t, &dwfl);
	if (is_same(&t, &other))
		y->same_libunwind++;
	else if (is_shorter(&t, &other) && r_other < 0)
		y->libunwind_short++;
	snapprocess_done(&p);
}

/* Stops @pid where it is, or lets it have the signal that it has just got: 1, 0, -1 when it is
 * gone. */
static int stop(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid ||
	    !WIFSTOPPED(status))
		return -1;
	if (WSTOPSIG(status) == SIGTRAP)
		return 1;
	ptrace(PTRACE_CONT, pid, NULL, WSTOPSIG(status));
	return 0;
}

static void nap(uint64_t *seed)
{
	struct timespec ts = { 0 };

	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	ts.tv_nsec = (long)(*seed >> 40) % 7000000;
	nanosleep(&ts, NULL);
}

/* The parameter goes to another process: a number, no pointers. */
ParameterizedTestParameters(snapshot, live)
{
	static size_t numbers[ARRAY_LEN(lives)];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		numbers[i] = i;
	return cr_make_param_array(size_t, numbers, ARRAY_LEN(numbers));
}

ParameterizedTest(const size_t *number, snapshot, live, .timeout = 300)
{
	const struct live *l = &lives[*number];
	const char *env = getenv("SNAPSHOT_STOPS");
	size_t want = env ? (size_t)atol(env) : 15;
	struct snapshot_unwinder *u = NULL;
	uint64_t seed = (uint64_t)getpid();
	struct tally y = { 0 };
	pid_t pid = 0;
	int r;

	if (l->argv[0] && access(l->argv[0], X_OK) < 0)
		cr_skip_test("%s is not installed", l->argv[0]);
	cr_assert_eq(snapshot_unwinder_new(NULL, &u), 0);
	for (size_t tries = 0; y.stops < want && tries < 4 * want; tries++) {
		if (!pid) {
			pid = start(l);
			cr_assert_gt(pid, 0);
			if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
				cr_skip_test("ptrace is not allowed here");
		}
		nap(&seed);
		r = stop(pid);
		if (r > 0) {
			compare(u, pid, l, &y);
			ptrace(PTRACE_CONT, pid, NULL, NULL);
		} else if (r < 0) {
			waitpid(pid, NULL, 0);
			pid = 0;
		}
	}
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	snapshot_unwinder_free(u);
	cr_log_info("%s: %zu stops, %zu frames, %zu roots, %zu guessed; same as libdwfl %zu (%zu "
		    "where it failed), as libunwind %zu (%zu)",
		    l->name, y.stops, y.frames, y.roots, y.guessed, y.same_dwfl, y.dwfl_short,
		    y.same_libunwind, y.libunwind_short);
	cr_expect_eq(y.stops, want);
	if (!l->is_short)
		cr_expect_eq(y.same_dwfl + y.dwfl_short, y.stops);
}
