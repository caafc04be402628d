/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What unwinding a snapshot costs: bench_snapshot [-n SNAPSHOTS] [-r ROUNDS] [-b STACK_BYTES]
 * [COMMAND...] (default: python3 with recursion, JSON and sorting). The command is stopped at
 * random moments; its snapshots are kept and unwound by a new unwinder, and again by the same one.
 */
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
#include "clock.h"
#include "snapprocess.h"
#include "snapshot.h"

#define MAX_FRAMES 512

struct bench {
	size_t n_snapshots, rounds, stack_bytes;
	ARRAY(struct snapprocess) taken;
	size_t frames, guessed, ends[SNAPSHOT_END_MAX];
};

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int null;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(argv[0], argv);
	_exit(127);
}

/* Takes one snapshot of @pid a few milliseconds from now: false when it is gone. */
static bool take(struct bench *b, pid_t pid, uint64_t *seed)
{
	struct timespec ts = { 0 };
	struct snapprocess p;
	int status;

	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	ts.tv_nsec = (long)(*seed >> 40) % 3000000;
	nanosleep(&ts, NULL);
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid ||
	    !WIFSTOPPED(status))
		return false;
	if (snapprocess_open(pid, &p) < 0)
		return false;
	if (p.areas.n && snapprocess_take(&p, 0, b->stack_bytes) == 0)
		array_push(&b->taken, p);
	else
		snapprocess_done(&p);
	ptrace(PTRACE_CONT, pid, NULL, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	return true;
}

static void take_all(struct bench *b, char **argv)
{
	uint64_t seed = 1;

	while (b->taken.n < b->n_snapshots) {
		size_t before = b->taken.n;
		pid_t pid = start(argv);

		if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) {
			fprintf(stderr, "cannot trace %s: %s\n", argv[0], strerror(errno));
			exit(1);
		}
		while (b->taken.n < b->n_snapshots && take(b, pid, &seed))
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (b->taken.n == before)
			exit(1);
	}
}

/* Unwinds all once: nanoseconds. */
static uint64_t round_ns(struct bench *b, struct snapshot_unwinder *u)
{
	static struct snapshot_frame frames[MAX_FRAMES];
	uint64_t start_ns = clock_mono_ns();

	b->frames = b->guessed = 0;
	memset(b->ends, 0, sizeof(b->ends));
	array_each(&b->taken, p) {
		struct snapshot_trace t = { .frames = frames, .max = MAX_FRAMES };
		const struct snapshot_space space = snapprocess_space(p);

		if (snapshot_unwind(u, &p->snap, &space, &t) < 0)
			continue;
		b->frames += t.n;
		b->guessed += t.n_guessed;
		b->ends[t.end]++;
	}
	return clock_mono_ns() - start_ns;
}

static void print(const struct bench *b, const char *what, uint64_t ns)
{
	double per_frame = (double)ns / (double)b->frames / 1e3;

	printf("%-28s %8.3f us a frame %8.1f us for 36 frames\n", what, per_frame, 36 * per_frame);
}

/* The fastest of the rounds: with a new unwinder for each, or all with *@u. */
static uint64_t fastest_ns(struct bench *b, const struct snapshot_opts *opts, bool is_new,
			   struct snapshot_unwinder **u)
{
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < b->rounds; i++) {
		uint64_t ns;

		if (is_new || !*u) {
			snapshot_unwinder_free(*u);
			if (snapshot_unwinder_new(opts, u) < 0)
				exit(1);
		}
		ns = round_ns(b, *u);
		best = ns < best ? ns : best;
	}
	return best;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* One snapshot each, unwound by an unwinder that has seen nothing: the median. */
static double single_us(struct bench *b)
{
	static struct snapshot_frame frames[MAX_FRAMES];
	uint64_t *ns = calloc(b->taken.n, sizeof(*ns)), median;

	for (size_t i = 0; ns && i < b->taken.n; i++) {
		const struct snapprocess *p = &b->taken.items[i];
		struct snapshot_trace t = { .frames = frames, .max = MAX_FRAMES };
		const struct snapshot_space space = snapprocess_space(p);
		struct snapshot_unwinder *u = NULL;
		uint64_t start_ns;

		if (snapshot_unwinder_new(NULL, &u) < 0)
			exit(1);
		start_ns = clock_mono_ns();
		snapshot_unwind(u, &p->snap, &space, &t);
		ns[i] = clock_mono_ns() - start_ns;
		snapshot_unwinder_free(u);
	}
	if (!ns)
		exit(1);
	qsort(ns, b->taken.n, sizeof(*ns), by_value);
	median = ns[b->taken.n / 2];
	free(ns);
	return (double)median / 1e3;
}

static void run(struct bench *b)
{
	const struct snapshot_opts few = { .max_rules = 1 };
	struct snapshot_unwinder *u = NULL;
	struct snapshot_stats stats;
	uint64_t cold = fastest_ns(b, NULL, true, &u), warm = fastest_ns(b, NULL, false, &u);

	snapshot_unwinder_stats(u, &stats);
	printf("%zu snapshots, %.1f frames each, %zu guessed\n", b->taken.n,
	       (double)b->frames / (double)b->taken.n, b->guessed);
	for (int i = 0; i < SNAPSHOT_END_MAX; i++) {
		if (b->ends[i])
			printf("  %zu: %s\n", b->ends[i], snapshot_end_text((enum snapshot_end)i));
	}
	print(b, "all of them, new unwinder", cold);
	print(b, "again", warm);
	printf("%zu objects, %zu bytes of them, %zu of rules, %" PRIu64 " blocks read\n",
	       stats.objects, stats.bytes, stats.rule_bytes, stats.file_reads);
	snapshot_unwinder_free(u);
	u = NULL;
	printf("%-28s %8.1f us the snapshot\n", "each by a new unwinder", single_us(b));
	print(b, "with room for 16 rules", fastest_ns(b, &few, false, &u));
	snapshot_unwinder_free(u);
}

int main(int argc, char **argv)
{
	static const char *const python[] = {
		"/usr/bin/python3", "-c",
		"import json, re\n"
		"def f(n): return n if n < 2 else f(n-1) + f(n-2)\n"
		"while True: f(12); json.loads(json.dumps(list(range(99)))); "
		"sorted(range(999), key=lambda x: -x); "
		"re.findall('(a+)+b', 'aaab' * 50)",
		NULL
	};
	struct bench b = { .n_snapshots = 300, .rounds = 20, .stack_bytes = 32768 };
	int c;

	while ((c = getopt(argc, argv, "+n:r:b:")) != -1) {
		size_t v = optarg ? (size_t)atol(optarg) : 0;

		if (c == '?' || v == 0)
			return 2;
		*(c == 'n' ? &b.n_snapshots : c == 'r' ? &b.rounds : &b.stack_bytes) = v;
	}
	take_all(&b, optind < argc ? argv + optind : (char **)python);
	run(&b);
	array_each(&b.taken, p)
		snapprocess_done(p);
	array_free(&b.taken);
	return 0;
}
