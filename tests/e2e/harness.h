/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every end-to-end test needs: wick and workloads run as a user would run them, and a
 * directory that is gone afterwards. Each test runs in a process of its own, so a failure of the
 * harness itself is a failed assertion and nothing has to be handed up.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A suite whose tests get a directory and are skipped, and counted so, without BPF. */
#define E2E(suite) TestSuite(suite, .init = e2e_setup, .fini = e2e_teardown, .timeout = 90)

void e2e_setup(void);
void e2e_teardown(void);

/* An absolute path below the test's own directory; it lives as long as the test. */
const char *in_dir(const char *name);

/* printf into memory that lives as long as the test. */
const char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The program under test (another one with WICK=/absolute/path in the environment), and the program
 * of tests/workloads/@name. */
const char *wick_program(void);
const char *workload(const char *name);

/* How many entries the test's directory holds whose names begin with @prefix. */
size_t files_left(const char *prefix);

/* A program that runs or has run. */
struct run {
	pid_t pid;
	double begin, seconds; /* wall clock */
	int status;	       /* exit status, or 128 + the signal that killed it */
	char *out, *err;       /* what it wrote, each with a NUL behind it */
	size_t out_n, err_n;
	const char *out_path, *err_path;
};

/* Starts a program in the test's directory; finish() waits for it and collects what it wrote. */
struct run start(const char *const *argv, const char *input);
void finish(struct run *r);

/* Waits until @r has written a line that begins with @word to standard output or standard error. */
void wait_for_line(const struct run *r, const char *word);

/*
 * Starts a workload that has come as far as its wait_for_go() and stands there; go() lets it
 * run to its end. wick can be made to see all of it: start_wick(), wait_for_line("wick: sampling").
 */
struct run start_waiting(const char *const *argv);
void go(const struct run *r);

/* Sends @signal_nr to the one process @r. */
void send(const struct run *r, int signal_nr);

/* start() and finish() of any program, and of wick. */
#define run_words(...)	 run_argv((const char *const[]){ __VA_ARGS__, NULL }, NULL)
#define wick(...)	 run_words(wick_program(), __VA_ARGS__)
#define start_words(...) start((const char *const[]){ __VA_ARGS__, NULL }, NULL)
#define waiting(...)	 start_waiting((const char *const[]){ __VA_ARGS__, NULL })
#define start_wick(...)	 start_words(wick_program(), __VA_ARGS__)
struct run run_argv(const char *const *argv, const char *input);

/* Fails the test, with what the program said, unless it ended with @status. */
void must_end(const struct run *r, int status);

/* The number behind @key at the beginning of a line of what a workload printed. */
double said(const struct run *r, const char *key);

/* Whether @program can be run; tests that need another one are skipped with its name. */
bool have_program(const char *program);

void sleep_ms(unsigned ms);
double now_s(void);

/* The number of thread @i, from 1, of the workload "threads", which waits. */
pid_t thread_of(const struct run *r, int i);

/* Writes @value to the file @path: 0 or -errno. */
int put_file(const char *path, const char *value);

/* CPU time that a process has used, in seconds. */
double cpu_of(pid_t pid);
