/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server of its own on the loopback, which answers well, badly, slowly or never. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "clock.h"
#include "debug_fixture.h"
#include "debuginfod.h"
#include "elf_fixture.h"
#include "scratch.h"

/* Build ids that the server knows by their first digits; GOOD and SLOW are those of files. */
#define STALLS	 "57a11000"
#define STALLS_2 "57a11001"
#define STALLS_3 "57a11002"
#define ABSENT	 "ab5e0000"
#define WRONG	 "bad00000"
#define HUGE_ONE "b1600000"
#define BROKEN	 "b40ce000"

static struct scratch_dir dir;
static char good_id[BUILD_ID_HEX_MAX], slow_id[BUILD_ID_HEX_MAX];
static pid_t server;

/* --- the server -------------------------------------------------------------------------- */

static void serve_file(int s, const char *path, unsigned pieces, unsigned pause_ms)
{
	int fd = open(path, O_RDONLY);
	char head[256];
	size_t n;
	uint8_t *p = fixture_read(fd, &n);
	int head_n =
		snprintf(head, sizeof(head),
			 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", n);

	if (write(s, head, (size_t)head_n) < 0)
		_exit(1);
	for (size_t at = 0; at < n; at += n / pieces + 1) {
		size_t part = n - at < n / pieces + 1 ? n - at : n / pieces + 1;

		if (write(s, p + at, part) < 0)
			_exit(1);
		usleep(pause_ms * 1000);
	}
}

static void serve(int s)
{
	static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	static const char huge[] = "HTTP/1.1 200 OK\r\nContent-Length: 90000000000\r\n\r\nx";
	char request[4096], id[BUILD_ID_HEX_MAX] = "";
	size_t n = 0;

	while (n < sizeof(request) - 1) {
		ssize_t got = read(s, request + n, sizeof(request) - 1 - n);

		if (got <= 0)
			_exit(1);
		n += (size_t)got;
		request[n] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	(void)sscanf(request, "GET /buildid/%128[0-9a-f]/debuginfo ", id);
	if (strcmp(id, good_id) == 0 || strcmp(id, WRONG) == 0) {
		serve_file(s, "good", 1, 0);
	} else if (strcmp(id, slow_id) == 0) {
		serve_file(s, "slow", 10, 400);
	} else if (strncmp(id, STALLS, 7) == 0) {
		pause();
	} else if (strcmp(id, HUGE_ONE) == 0) {
		(void)!write(s, huge, sizeof(huge) - 1);
		pause();
	} else if (strcmp(id, BROKEN) == 0) {
		(void)!write(s, "nonsense\r\n\r\n", 12);
	} else {
		(void)!write(s, none, sizeof(none) - 1);
	}
	_exit(0);
}

/* A process for every connection. They all end with the group, or with the test. */
static void run_server(int listening)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int s = accept(listening, NULL, NULL);

		if (s >= 0 && fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(s);
		}
		close(s);
	}
}

static unsigned listen_anywhere(int *ret_socket)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(getsockname(s, (struct sockaddr *)&a, &n), 0);
	*ret_socket = s;
	return ntohs(a.sin_port);
}

static void set_server(unsigned port)
{
	char url[64], cache[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
	snprintf(cache, sizeof(cache), "%s/cache", dir.path);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	setenv("no_proxy", "*", 1);
	unsetenv("DEBUGINFOD_PROGRESS");
	unsetenv("DEBUGINFOD_VERBOSE");
}

static void enter(void)
{
	struct asking a;
	unsigned port;
	int s;

	scratch_enter(&dir);
	sh("cp %s good", fixture_path("names-debug"));
	sh("cp %s slow", fixture_path("odd"));
	asking_open(&a, "good");
	strcpy(good_id, a.id);
	asking_close(&a);
	asking_open(&a, "slow");
	strcpy(slow_id, a.id);
	asking_close(&a);
	port = listen_anywhere(&s);
	cr_assert_eq(listen(s, 16), 0);
	set_server(port);
	server = fork();
	if (server == 0)
		run_server(s);
	close(s);
}

static void leave(void)
{
	kill(-server, SIGKILL);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	scratch_leave(&dir);
}

TestSuite(debuginfod, .init = enter, .fini = leave, .timeout = 60);

static struct debuginfod *start(const struct debuginfod_opts *opts)
{
	struct debuginfod *d = NULL;
	int r = debuginfod_new(&d, opts);

	if (r == -ENOSYS)
		cr_skip("there is no libdebuginfod");
	cr_assert_eq(r, 0, "%d", r);
	return d;
}

static uint64_t now_ms(void)
{
	return clock_mono_ns() / 1000000;
}

/* --- the tests --------------------------------------------------------------------------- */

Test(debuginfod, fetches_a_debug_file)
{
	struct debuginfod *d = start(NULL);
	struct stat st, want;

	cr_expect_not(debuginfod_is_busy(d, good_id));
	cr_expect_eq(debuginfod_ask(d, good_id), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	cr_expect_not(debuginfod_is_busy(d, good_id));
	kill(-server, SIGKILL);
	sh("rm -rf cache");
	/* It is there for everybody who asks, without a server. */
	for (unsigned round = 1; round <= 2; round++) {
		int fd = debuginfod_ask(d, good_id);

		cr_assert_geq(fd, 0, "%d", fd);
		cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		cr_assert(fstat(fd, &st) == 0 && stat("good", &want) == 0);
		cr_expect_eq(st.st_size, want.st_size);
		close(fd);
		cr_expect_eq(debuginfod_stats(d).found, 1);
	}
	debuginfod_free(d);
}

Test(debuginfod, believes_for_a_while_that_there_is_none)
{
	struct debuginfod *d = start(&(struct debuginfod_opts){ .absent_ms = 300 });

	cr_expect_eq(debuginfod_ask(d, ABSENT), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(debuginfod_ask(d, ABSENT), -ENOENT);
	cr_expect_eq(debuginfod_stats(d).asked, 1);
	cr_expect_eq(debuginfod_stats(d).absent, 1);
	usleep(400 * 1000);
	cr_expect_eq(debuginfod_ask(d, ABSENT), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	cr_expect_eq(debuginfod_stats(d).asked, 2);
	debuginfod_free(d);
}

Test(debuginfod, gives_up_on_silent_servers)
{
	static const char *const ids[] = { STALLS, STALLS_2, STALLS_3 };
	struct debuginfod_opts o = { .timeout_ms = 200, .total_ms = 2000, .max_failures = 2 };
	struct debuginfod *d = start(&o);
	uint64_t before = now_ms();

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		cr_expect_eq(debuginfod_ask(d, ids[i]), -EINPROGRESS);
	cr_expect_lt(now_ms() - before, 100, "asking does not wait");
	before = now_ms();
	cr_expect_eq(debuginfod_wait(d, 100), -ETIMEDOUT);
	cr_expect_lt(now_ms() - before, 900, "waiting ends in time");
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		cr_expect_eq(debuginfod_ask(d, ids[i]), -ENOENT);
	/* After two the third is not even tried, nor is anything else. */
	cr_expect_eq(debuginfod_stats(d).timed_out, 2);
	cr_expect_eq(debuginfod_stats(d).skipped, 1);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(debuginfod_ask(d, good_id), -ENOENT);
	cr_expect_eq(debuginfod_stats(d).skipped, 2, "each is counted once");
	cr_expect_eq(debuginfod_stats(d).asked, 2);
	debuginfod_free(d);
}

/* The whole takes 4 seconds, but something comes all the time. */
Test(debuginfod, is_patient_with_what_comes)
{
	struct debuginfod *d = start(&(struct debuginfod_opts){ .timeout_ms = 2500 });
	int fd;

	cr_expect_eq(debuginfod_ask(d, slow_id), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	fd = debuginfod_ask(d, slow_id);
	cr_expect_geq(fd, 0, "%d", fd);
	close(fd);
	debuginfod_free(d);
	/* But not for ever. */
	sh("rm -rf cache");
	d = start(&(struct debuginfod_opts){ .total_ms = 1000 });
	cr_expect_eq(debuginfod_ask(d, slow_id), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	cr_expect_eq(debuginfod_ask(d, slow_id), -ENOENT);
	cr_expect_eq(debuginfod_stats(d).timed_out, 1);
	debuginfod_free(d);
}

Test(debuginfod, refuses_what_it_did_not_ask_for)
{
	static const char *const ids[] = { WRONG, HUGE_ONE, BROKEN };
	struct debuginfod *d = start(NULL);

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		cr_expect_eq(debuginfod_ask(d, ids[i]), -EINPROGRESS);
		cr_assert_eq(debuginfod_wait(d, 20000), 0);
		cr_expect_eq(debuginfod_ask(d, ids[i]), -ENOENT, "%s", ids[i]);
		cr_expect_eq(debuginfod_stats(d).asked, i + 1, "%s", ids[i]);
	}
	/* What is no answer at all the library gives out as "not there". */
	cr_expect_geq(debuginfod_stats(d).failed, 2);
	cr_expect_eq(debuginfod_stats(d).error, -EBADMSG);
	debuginfod_free(d);
}

Test(debuginfod, stops_asking_where_nobody_is)
{
	struct debuginfod_opts o = { .absent_ms = 500 };
	struct debuginfod *d;
	char id[] = "0000";
	int s;

	set_server(listen_anywhere(&s)); /* bound, but nobody listens */
	d = start(&o);
	for (; id[3] < '5'; id[3]++) {
		(void)debuginfod_ask(d, id);
		cr_assert_eq(debuginfod_wait(d, 20000), 0);
	}
	cr_expect_eq(debuginfod_stats(d).failed, 3);
	cr_expect_eq(debuginfod_stats(d).error, -ECONNREFUSED);
	cr_expect_eq(debuginfod_stats(d).skipped, 2);
	/* After a while one question is enough to know. */
	usleep(600 * 1000);
	cr_expect_eq(debuginfod_ask(d, "0006"), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	cr_expect_eq(debuginfod_ask(d, "0007"), -ENOENT);
	cr_expect_eq(debuginfod_stats(d).failed, 4);
	debuginfod_free(d);
	close(s);
}

Test(debuginfod, keeps_its_queue_and_its_table_bounded)
{
	struct debuginfod_opts o = {
		.max_waiting = 2, .max_known = 2, .timeout_ms = 200, .total_ms = 2000
	};
	struct debuginfod *d = start(&o);
	int fd;

	cr_expect_eq(debuginfod_ask(d, STALLS), -EINPROGRESS);
	cr_expect_eq(debuginfod_ask(d, good_id), -EINPROGRESS);
	cr_expect_eq(debuginfod_ask(d, ABSENT), -EAGAIN);
	cr_expect_eq(debuginfod_ask(d, STALLS), -EINPROGRESS, "known: no second question");
	cr_expect(debuginfod_is_busy(d, ABSENT) && debuginfod_is_busy(d, STALLS));
	cr_expect_eq(debuginfod_stats(d).refused, 1);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	/* The oldest answer makes room. */
	cr_expect_eq(debuginfod_ask(d, ABSENT), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	fd = debuginfod_ask(d, good_id);
	cr_expect_geq(fd, 0);
	close(fd);
	cr_expect_eq(debuginfod_ask(d, ABSENT), -ENOENT);
	cr_expect_eq(debuginfod_ask(d, STALLS), -EINPROGRESS);
	debuginfod_free(d);
}

/* Who did without a file has missed it if it comes, or may come. */
Test(debuginfod, counts_what_came_too_late)
{
	struct debuginfod_opts o = { .max_waiting = 2, .total_ms = 2000 };
	struct debuginfod *d = start(&o);

	cr_expect_eq(debuginfod_ask(d, slow_id), -EINPROGRESS);
	cr_expect_eq(debuginfod_ask(d, ABSENT), -EINPROGRESS);
	for (int i = 0; i < 2; i++) {
		debuginfod_note_late(d, ABSENT);
		debuginfod_note_late(d, slow_id);
	}
	cr_expect_eq(debuginfod_stats(d).late, 2);
	cr_expect_eq(debuginfod_ask(d, good_id), -EAGAIN);
	debuginfod_note_late(d, good_id);
	cr_expect_eq(debuginfod_stats(d).late, 3);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	cr_expect_eq(debuginfod_stats(d).timed_out, 1);
	cr_expect_eq(debuginfod_stats(d).late, 1, "of the others it is known what became of them");
	cr_expect_eq(debuginfod_ask(d, good_id), -EINPROGRESS);
	debuginfod_note_late(d, good_id);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	cr_expect_eq(debuginfod_stats(d).found, 1);
	cr_expect_eq(debuginfod_stats(d).late, 2);
	debuginfod_free(d);
}

Test(debuginfod, ends_while_a_server_is_silent)
{
	struct debuginfod *d = start(NULL);
	uint64_t before;

	cr_expect_eq(debuginfod_ask(d, STALLS), -EINPROGRESS);
	cr_expect_eq(debuginfod_ask(d, good_id), -EINPROGRESS);
	usleep(200 * 1000);
	before = now_ms();
	debuginfod_free(d);
	cr_expect_lt(now_ms() - before, 3000);
	debuginfod_free(NULL);
}

/* Answers nobody fetched are closed. */
Test(debuginfod, leaves_nothing_open)
{
	struct debuginfod *d = start(NULL);
	unsigned before, after;

	cr_expect_eq(debuginfod_ask(d, ABSENT), -EINPROGRESS); /* what the library keeps open */
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	debuginfod_free(d);
	before = scratch_count("/proc/self/fd");
	d = start(NULL);
	cr_expect_eq(debuginfod_ask(d, good_id), -EINPROGRESS);
	cr_assert_eq(debuginfod_wait(d, 20000), 0);
	debuginfod_free(d);
	after = scratch_count("/proc/self/fd");
	cr_expect_leq(after, before, "%u, then %u", before, after);
}

/* A library that does not come back holds nobody up, and frees when it does. */
Test(debuginfod, outlives_a_library_that_hangs)
{
	struct debuginfod_opts o;
	struct debuginfod *d;
	char path[128];
	uint64_t before;

	snprintf(path, sizeof(path), "%s/hangs.so", dir.path);
	scratch_write("hangs.c",
		      "unsigned sleep(unsigned);\n"
		      "void *debuginfod_begin(void) { return (void *)1; }\n"
		      "void debuginfod_end(void *c) { (void)c; }\n"
		      "void debuginfod_set_progressfn(void *c, void *f) { (void)c; (void)f; }\n"
		      "int debuginfod_find_debuginfo(void *c, void *id, int n, char **path)\n"
		      "{ (void)c; (void)id; (void)n; (void)path; sleep(4); return -2; }\n");
	sh("cc -shared -fPIC hangs.c -o hangs.so");
	o = (struct debuginfod_opts){ .library = path };
	d = start(&o);
	cr_expect_eq(debuginfod_ask(d, good_id), -EINPROGRESS);
	usleep(100 * 1000);
	before = now_ms();
	debuginfod_free(d);
	cr_expect_geq(now_ms() - before, 1900);
	cr_expect_lt(now_ms() - before, 3000);
	sleep(3);
}

Test(debuginfod, says_why_it_cannot_begin)
{
	struct debuginfod *d = NULL;
	struct debuginfod_opts none = { .library = "libnosuchthing.so.1" };
	struct debuginfod_opts other = { .library = "libm.so.6" };
	struct debuginfod_opts odd = { .max_waiting = 3, .max_known = 2 };

	cr_expect_eq(debuginfod_new(&d, &none), -ENOSYS);
	cr_expect_eq(debuginfod_new(&d, &other), -ENOSYS);
	cr_expect_eq(debuginfod_new(&d, &odd), -EINVAL);
	setenv("DEBUGINFOD_URLS", " ", 1);
	cr_expect_eq(debuginfod_new(&d, NULL), -EDESTADDRREQ);
	unsetenv("DEBUGINFOD_URLS");
	cr_expect_eq(debuginfod_new(&d, NULL), -EDESTADDRREQ);
	cr_expect_null(d);
}

Test(debuginfod, takes_build_ids_only)
{
	static const char *const ids[] = { "",	   "0",		"ab",	 "abc",
					   "ABCD", "../../etc", "ab/cd", "abcd " };
	struct debuginfod *d = start(NULL);
	char longest[BUILD_ID_HEX_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		cr_expect_eq(debuginfod_ask(d, ids[i]), -EINVAL, "%s", ids[i]);
	memset(longest, 'a', sizeof(longest));
	longest[BUILD_ID_HEX_MAX + 1] = '\0';
	cr_expect_eq(debuginfod_ask(d, longest), -EINVAL);
	longest[BUILD_ID_HEX_MAX - 1] = '\0';
	cr_expect_eq(debuginfod_ask(d, longest), -EINPROGRESS);
	debuginfod_free(d);
}

Test(debuginfod, survives_every_failing_allocation)
{
	int r = -1, rounds = 0;

	debuginfod_free(start(NULL));
	for (; r != 0; rounds++) {
		struct debuginfod *d = NULL;

		alloc_fail_at(rounds);
		r = debuginfod_new(&d, NULL);
		cr_expect(r == 0 || (r == -ENOMEM && !d), "allocation %d: %d", rounds, r);
		debuginfod_free(d);
		cr_expect_eq(alloc_live(), 0, "allocation %d: %ld not freed", rounds, alloc_live());
	}
	alloc_fail_at(-1);
	cr_expect_eq(rounds, 3);
}

/* --- through the symbolizer -------------------------------------------------------------- */

/* Line of main() in "stripped", whose debug file is that of @id; 0 when only its symbol is known.
 */
static unsigned line_of_main(struct symbolizer *s, const char *id)
{
	uint64_t addr = fixture_nm("", "good", "main");
	int fd = open("stripped", O_RDONLY | O_CLOEXEC);
	struct sym_request req = {
		.kind = SYM_VADDR, .fd = fd, .build_id = id, .offs = &addr, .n = 1
	};
	struct sym_batch b;
	unsigned line;

	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	cr_assert_eq(b.n_frames, 1);
	cr_expect_str_eq(b.strings + b.frames[0].name, "main");
	line = b.frames[0].line;
	sym_batch_done(&b);
	close(fd);
	return line;
}

static struct symbolizer *symbolizer_that_asks(void)
{
	static const char *const nowhere[] = { NULL };
	struct symbolizer *s = NULL;
	int r = symbolizer_new(
		&s, &(struct symbolizer_opts){ .debug_dirs = nowhere, .debuginfod = true });

	if (r == -ENOSYS)
		cr_skip("there is no libdebuginfod");
	cr_assert_eq(r, 0, "%d", r);
	sh("objcopy --strip-debug good stripped");
	return s;
}

Test(debuginfod, names_of_an_object_get_better_when_its_file_has_come)
{
	struct symbolizer *s = symbolizer_that_asks();
	uint64_t before = now_ms();

	cr_expect_eq(line_of_main(s, good_id), 0);
	cr_expect_lt(now_ms() - before, 5000, "answering does not wait");
	cr_assert_eq(symbolizer_wait(s, 20000), 0);
	cr_expect_gt(line_of_main(s, good_id), 0);
	cr_expect_eq(symbolizer_stats(s).loads, 2);
	cr_expect_gt(line_of_main(s, good_id), 0);
	cr_expect_eq(symbolizer_stats(s).loads, 2);
	symbolizer_free(s);
}

Test(debuginfod, names_come_from_symbols_where_no_server_knows_more)
{
	struct symbolizer *s = symbolizer_that_asks();
	uint64_t before;

	cr_expect_eq(line_of_main(s, STALLS), 0);
	cr_expect_eq(line_of_main(s, ABSENT), 0);
	before = now_ms();
	cr_expect_eq(symbolizer_wait(s, 300), -ETIMEDOUT);
	cr_expect_lt(now_ms() - before, 2000);
	cr_expect_eq(symbolizer_stats(s).fetching.late, 2, "it asks for one after another");
	cr_expect_eq(line_of_main(s, ABSENT), 0);
	cr_expect_eq(line_of_main(s, STALLS), 0);
	cr_expect_eq(symbolizer_stats(s).loads, 2);
	symbolizer_free(s);
}

Test(debuginfod, is_refused_without_servers)
{
	struct symbolizer *s = NULL;

	unsetenv("DEBUGINFOD_URLS");
	cr_expect_eq(symbolizer_new(&s, &(struct symbolizer_opts){ .debuginfod = true }),
		     -EDESTADDRREQ);
	cr_expect_null(s);
	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	cr_expect_eq(symbolizer_wait(s, 1000), 0);
	symbolizer_free(s);
}

/* An object that asks is prepared, and what has come for it is there at the first answer. */
Test(debuginfod, answers_are_whole_after_preparing_and_waiting)
{
	struct symbolizer *s = symbolizer_that_asks();
	int fd = open("stripped", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(
		symbolizer_prepare(
			s, &(struct sym_request){ .kind = SYM_ELF, .fd = fd, .build_id = good_id }),
		1);
	cr_assert_eq(symbolizer_wait(s, 20000), 0);
	cr_expect_gt(line_of_main(s, good_id), 0);
	close(fd);
	symbolizer_free(s);
}
