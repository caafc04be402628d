/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/perf_event.h>

#include "array.h"
#include "cleanup.h"
#include "fdutil.h"

#define OUTPUT_MAX (64 << 20)

static char *dir;

/* --- privilege ------------------------------------------------------------------------------- */

static int load_nothing(void)
{
	/* r0 = 0; exit */
	const struct bpf_insn prog[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
					 { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_PERF_EVENT,
		.insns = (uintptr_t)prog,
		.insn_cnt = 2,
		.license = (uintptr_t) "GPL",
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int sample_everybody(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.disabled = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

/* What this process may not do of what wick needs, or NULL. Asked of the kernel, not of the uid. */
static const char *missing_privilege(void)
{
	_cleanup_close_ int prog = load_nothing();
	_cleanup_close_ int event = sample_everybody();

	return prog < 0	   ? "CAP_BPF, to load BPF programs"
	       : event < 0 ? "CAP_PERFMON, to sample other processes"
			   : NULL;
}

/* --- memory and files of a test -------------------------------------------------------------- */

const char *text(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	cr_assert_geq(n, 0);
	return s; /* the test's process is short-lived */
}

const char *in_dir(const char *name)
{
	return text("%s/%s", dir, name);
}

static const char *built(const char *name)
{
	char *path = realpath(name, NULL);

	cr_assert_not_null(path, "%s is not built: %s", name, strerror(errno));
	return path;
}

const char *wick_program(void)
{
	const char *other = getenv("WICK");

	return built(other ? other : E2E_BUILD "/wick");
}

const char *workload(const char *name)
{
	return built(text(E2E_BUILD "/workloads/%s", name));
}

void e2e_setup(void)
{
	const char *missing = missing_privilege();

	if (missing)
		cr_skip_test("needs %s", missing);
	dir = strdup("/tmp/wick-e2e-XXXXXX");
	cr_assert_not_null(mkdtemp(dir), "no temporary directory: %s", strerror(errno));
	chmod(dir, 0755); /* tests without privilege look into it */
	mkdir(in_dir(".io"), 0755);
	/* What a test starts and forgets, or leaves behind when it fails, ends with it. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void e2e_teardown(void)
{
	if (dir && nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		cr_expect_fail("%s stays: %s", dir, strerror(errno));
}

size_t files_left(const char *prefix)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	struct dirent *ent;
	size_t n = 0;

	while (d && (ent = readdir(d)))
		n += strncmp(ent->d_name, prefix, strlen(prefix)) == 0;
	return n;
}

int put_file(const char *path, const char *value)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, value, strlen(value));

	return n == (ssize_t)strlen(value) ? 0 : -errno;
}

/* --- programs -------------------------------------------------------------------------------- */

void sleep_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void __attribute__((noreturn))
become(const char *const *argv, const char *input, const struct run *r)
{
	int in = open(input ? input : "/dev/null", O_RDONLY);
	int out = open(r->out_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	int err = open(r->err_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	sigset_t none;

	if (in < 0 || out < 0 || err < 0 || (dir && chdir(dir) < 0))
		_exit(121);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close_range(3, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(errno == ENOENT ? 122 : 123);
}

struct run start(const char *const *argv, const char *input)
{
	static int serial;
	struct run r = { .begin = now_s() };

	serial++;
	r.out_path = text("%s/.io/out%d", dir, serial);
	r.err_path = text("%s/.io/err%d", dir, serial);
	unlink(r.out_path);
	r.pid = fork();
	cr_assert_geq(r.pid, 0);
	if (r.pid == 0)
		become(argv, input, &r);
	return r;
}

void finish(struct run *r)
{
	int status;
	pid_t got;

	do
		got = waitpid(r->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	cr_assert_eq(got, r->pid);
	r->seconds = now_s() - r->begin;
	r->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	cr_assert_eq(read_whole_file(r->out_path, OUTPUT_MAX, &r->out, &r->out_n), 0);
	cr_assert_eq(read_whole_file(r->err_path, OUTPUT_MAX, &r->err, &r->err_n), 0);
	unlink(r->out_path);
	unlink(r->err_path);
}

struct run run_argv(const char *const *argv, const char *input)
{
	struct run r = start(argv, input);

	finish(&r);
	return r;
}

void must_end(const struct run *r, int status)
{
	cr_assert_eq(r->status, status, "status %d instead of %d; it said:\n%s", r->status, status,
		     r->err);
}

void send(const struct run *r, int signal_nr)
{
	cr_assert_eq(kill(r->pid, signal_nr), 0, "%s", strerror(errno));
}

static const char *find_line(const char *all, const char *word)
{
	size_t n = strlen(word);

	for (const char *line = all; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, n) == 0)
			return line + n;
	}
	return NULL;
}

void wait_for_line(const struct run *r, const char *word)
{
	double deadline = now_s() + 20;

	while (now_s() < deadline) {
		_cleanup_free_ char *all = NULL;
		size_t n;

		_cleanup_free_ char *all_err = NULL;

		if (read_whole_file(r->out_path, OUTPUT_MAX, &all, &n) == 0 && find_line(all, word))
			return;
		if (read_whole_file(r->err_path, OUTPUT_MAX, &all_err, &n) == 0 &&
		    find_line(all_err, word))
			return;
		sleep_ms(5);
	}
	cr_assert_fail("process %d did not say '%s' within 20 s", r->pid, word);
}

struct run start_waiting(const char *const *argv)
{
	struct run r;
	siginfo_t si;

	setenv("WORKLOAD_WAITS", "1", 1);
	r = start(argv, NULL);
	unsetenv("WORKLOAD_WAITS");
	cr_assert_eq(waitid(P_PID, (id_t)r.pid, &si, WSTOPPED | WEXITED | WNOWAIT), 0);
	cr_assert_eq(si.si_code, CLD_STOPPED, "%s does not wait", argv[0]);
	return r;
}

void go(const struct run *r)
{
	send(r, SIGCONT);
}

double said(const struct run *r, const char *key)
{
	const char *value = find_line(r->out, text("%s ", key));

	cr_assert_not_null(value, "the workload did not say '%s' but:\n%s%s", key, r->out,
			   r->err ? r->err : "");
	return strtod(value, NULL);
}

pid_t thread_of(const struct run *r, int i)
{
	struct run so_far = *r;

	wait_for_line(r, "ready");
	cr_assert_eq(read_whole_file(r->out_path, OUTPUT_MAX, &so_far.out, &so_far.out_n), 0);
	return (pid_t)said(&so_far, text("tid-%d", i));
}

bool have_program(const char *program)
{
	struct run r = run_words("sh", "-c", text("command -v %s", program));

	return r.status == 0;
}

double cpu_of(pid_t pid)
{
	struct run r = run_words("cat", text("/proc/%d/stat", pid));
	unsigned long user = 0, system = 0;

	must_end(&r, 0);
	cr_assert_eq(sscanf(strrchr(r.out, ')'),
			    ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			    &system),
		     2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}
