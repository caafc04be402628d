/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "allocfail.h"
#include "cleanup.h"
#include "tableload.h"

#define FRAMES	TEST_BUILD "/fixtures/unwind/frames"
#define WAIT_MS 20000

static struct tableload *load;

static void start(void)
{
	cr_assert_eq(tableload_new(&load), 0);
}

static void done(void)
{
	tableload_free(load);
	load = NULL;
}

TestSuite(tableload, .init = start, .fini = done, .timeout = 60);

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	return fd;
}

static void ask_file(uint32_t id, const char *path)
{
	_cleanup_close_ int fd = open_file(path);

	cr_assert_eq(tableload_ask(load, id, fd, false), 0);
}

/* Waits for the next answer: its number. */
static uint32_t wait_for(struct unwind_table **ret)
{
	bool too_large;
	uint32_t id;

	while (!tableload_take(load, &id, ret, &too_large)) {
		struct pollfd p = { .fd = tableload_fd(load), .events = POLLIN };

		cr_assert_eq(poll(&p, 1, WAIT_MS), 1, "there is no answer");
	}
	return id;
}

static bool is_readable(void)
{
	struct pollfd p = { .fd = tableload_fd(load), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* How many of 20 large files are done before a small one that was asked for last. */
static unsigned large_before_small(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < 20; i++)
		ask_file(i, "/proc/self/exe");
	ask_file(20, FRAMES);
	while (tableload_pending(load)) {
		_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;

		if (wait_for(&t) != 20)
			n++;
		else
			break;
	}
	while (tableload_pending(load)) {
		_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;

		wait_for(&t);
	}
	return n;
}

Test(tableload, small_files_do_not_wait_for_large_ones)
{
	unsigned n = 20;

	for (int i = 0; i < 10 && n > 10; i++) /* this thread may have to wait for a CPU */
		n = large_before_small();
	cr_expect_leq(n, 10);
}

Test(tableload, files_of_one_size_are_done_in_the_order_in_which_they_were_asked_for)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;

	for (uint32_t i = 0; i < 8; i++)
		ask_file(i, "/proc/self/exe");
	for (uint32_t i = 0; i < 8; i++) {
		cr_expect_eq(wait_for(&t), i);
		unwind_table_free(take_ptr(t));
	}
}

static void check_table(bool with_code, const struct unwind_opts *opts)
{
	_cleanup_close_ int fd = open_file("/proc/self/exe");
	_cleanup_(unwind_table_freep) struct unwind_table *here = NULL, *there = NULL;

	cr_assert_eq(unwind_table_from_fd(fd, opts, &here), 0);
	cr_assert_eq(tableload_ask(load, 7, fd, with_code), 0);
	cr_expect_eq(tableload_pending(load), 1);
	cr_expect_eq(wait_for(&there), 7);
	cr_assert_not_null(there);
	cr_expect_eq(there->n_words, here->n_words);
	cr_expect_eq(memcmp(there->words, here->words, here->n_words * sizeof(*here->words)), 0);
	cr_expect_eq(tableload_pending(load), 0);
}

Test(tableload, builds_the_tables_of_files)
{
	check_table(false, &(struct unwind_opts){ .code = UNWIND_CODE_LATER });
	check_table(true, &(struct unwind_opts){ .code = UNWIND_CODE_READ });
}

Test(tableload, borrows_the_descriptor_only_while_it_is_asked)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	int fd = open_file(FRAMES);

	cr_assert_eq(tableload_ask(load, 1, fd, false), 0);
	cr_expect_eq(close(fd), 0, "it is still ours");
	cr_expect_eq(wait_for(&t), 1);
	cr_expect_not_null(t);
}

/* What is no object, or none with call frame information. */
Test(tableload, answers_that_there_is_no_table)
{
	int memory = memfd_create("garbage", MFD_CLOEXEC), empty = memfd_create("", MFD_CLOEXEC);
	struct unwind_table *t;
	int pipe_fds[2];

	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(write(memory, "\177ELF garbage", 12), 12);
	cr_assert_eq(tableload_ask(load, 0, memory, false), 0);
	cr_assert_eq(tableload_ask(load, 1, empty, false), 0);
	cr_assert_eq(tableload_ask(load, 2, pipe_fds[0], false), 0);
	ask_file(3, "/dev/null");
	ask_file(4, "/");
	for (uint32_t i = 0, seen = 0; i < 5; i++) {
		uint32_t id = wait_for(&t);

		cr_expect_null(t, "object %u", id);
		cr_expect_not(seen & 1 << id);
		seen |= 1 << id;
	}
	close(memory);
	close(empty);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

Test(tableload, refuses_what_is_not_open)
{
	cr_expect_eq(tableload_ask(load, 1, -1, false), -EBADF);
	cr_expect_eq(tableload_pending(load), 0);
	cr_expect_not(is_readable());
}

Test(tableload, answers_each_question_once)
{
	static const char *const files[] = { FRAMES, "/dev/null", "/proc/self/exe" };
	struct unwind_table *t;
	uint8_t answers[60] = { 0 };
	uint32_t id;

	for (uint32_t i = 0; i < 60; i++)
		ask_file(i, files[i % 3 == 2 && i > 6 ? 0 : i % 3]);
	cr_expect_eq(tableload_pending(load), 60);
	for (uint32_t left = 60; left; left--) {
		id = wait_for(&t);
		cr_assert_lt(id, 60);
		answers[id]++;
		cr_expect_eq(t == NULL, id % 3 == 1, "object %u", id);
		unwind_table_free(t);
		cr_expect_eq(tableload_pending(load), left - 1);
	}
	for (uint32_t i = 0; i < 60; i++)
		cr_expect_eq(answers[i], 1);
	cr_expect_not(tableload_take(load, &id, &t, &(bool){ false }));
	cr_expect_not(tableload_take(load, &id, &t, &(bool){ false }));
}

Test(tableload, stays_readable_until_all_was_taken)
{
	struct unwind_table *t;

	ask_file(1, FRAMES);
	ask_file(2, FRAMES);
	wait_for(&t);
	unwind_table_free(t);
	while (!is_readable())
		usleep(1000);
	wait_for(&t);
	unwind_table_free(t);
	cr_expect_not(tableload_take(load, &(uint32_t){ 0 }, &t, &(bool){ false }));
}

/* The descriptors that are open here. */
static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

Test(tableload, ends_while_it_is_busy)
{
	int before;

	done();
	before = open_descriptors();
	for (unsigned round = 0; round < 10; round++) {
		start();
		for (uint32_t i = 0; i < 20; i++)
			ask_file(i, round % 2 ? FRAMES : "/proc/self/exe");
		usleep(round * 2000);
		done();
		cr_assert_eq(open_descriptors(), before);
	}
	tableload_free(NULL);
}

Test(tableload, leaves_signals_to_others)
{
	sigset_t mask, old;

	done();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mask, &old);
	start();
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	cr_expect_eq(sigismember(&mask, SIGUSR1), 1, "our own mask is as it was");
	cr_expect_eq(sigismember(&mask, SIGTERM), sigismember(&old, SIGTERM));
}

/* Without memory a question is refused, or answered that there is no table; never forgotten. */
static int ask_and_wait(void)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_close_ int fd = open_file(FRAMES);
	int r = tableload_new(&load);

	if (r < 0)
		return r;
	r = tableload_ask(load, 3, fd, false);
	if (r == 0)
		cr_assert_eq(wait_for(&t), 3);
	cr_assert_eq(tableload_pending(load), 0);
	done();
	return r;
}

Test(tableload, runs_out_of_memory)
{
	done();
	allocfail_each_tolerant(ask_and_wait);
}
