/* SPDX-License-Identifier: Apache-2.0 */
/* Names of JIT code through the room's one call. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf_fixture.h"
#include "jitmaker.h"
#include "symbolize.h"

static struct symbolizer *symbolizer;
static int map_fd;

static void start(void)
{
	cr_assert_eq(symbolizer_new(&symbolizer, NULL), 0);
	map_fd = memfd_create("map", MFD_CLOEXEC);
	cr_assert_geq(map_fd, 0);
}

static void done(void)
{
	symbolizer_free(symbolizer);
	close(map_fd);
}

TestSuite(jitcache, .init = start, .fini = done);

static uint64_t size_of(int fd)
{
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

/* Appends to the perf map: its size afterwards. */
static uint64_t add(const char *text)
{
	cr_assert_eq(pwrite(map_fd, text, strlen(text), (off_t)size_of(map_fd)),
		     (ssize_t)strlen(text));
	return size_of(map_fd);
}

static const char *text_of(const struct sym_batch *b, size_t i)
{
	static char text[512];
	const struct sym_answer *a = &b->answers[i];
	const struct sym_frame *f = &b->frames[a->frame_first];

	if (a->reason != SYM_OK) {
		cr_expect_eq(a->frame_n, 0);
		return sym_reason_text(a->reason);
	}
	cr_assert_eq(a->frame_n, 1);
	if (f->line)
		snprintf(text, sizeof(text), "%s %s:%u", b->strings + f->name, b->strings + f->file,
			 f->line);
	else
		snprintf(text, sizeof(text), "%s", b->strings + f->name);
	return text;
}

/* What @jit says of @addr at a time. */
static const char *at(const struct sym_jit *jit, uint64_t addr, struct sym_jit_when when)
{
	static char text[512];
	struct sym_jit one = *jit;
	struct sym_request req = { .kind = SYM_JIT, .jit = &one, .offs = &addr, .n = 1 };
	struct sym_batch b;

	one.when = &when;
	cr_assert_eq(symbolizer_run(symbolizer, &req, &b), 0);
	snprintf(text, sizeof(text), "%s", text_of(&b, 0));
	sym_batch_done(&b);
	return text;
}

static const char *in_map(uint64_t addr, uint64_t bytes)
{
	const struct sym_jit jit = { .files = { { SYM_JIT_PERFMAP, map_fd } }, .n_files = 1 };

	return at(&jit, addr, (struct sym_jit_when){ .bytes = { bytes } });
}

static const char *in_dump(int fd, uint64_t addr, uint64_t time, uint64_t bytes)
{
	const struct sym_jit jit = { .files = { { SYM_JIT_JITDUMP, fd } }, .n_files = 1 };

	return at(&jit, addr, (struct sym_jit_when){ time, { bytes } });
}

Test(jitcache, code_has_the_name_of_its_time)
{
	uint64_t one = add("1000 20 one\n"), two = add("1000 20 two\n"),
		 three = add("1000 20 three\n");

	cr_expect_str_eq(in_map(0x1000, one), "one");
	cr_expect_str_eq(in_map(0x1000, two), "two");
	cr_expect_str_eq(in_map(0x1000, three), "three");
	cr_expect_str_eq(in_map(0x1000, one), "one", "going back reads it again");
	cr_expect_str_eq(in_map(0x1000, two - 1), "one", "a line that is not whole yet");
	cr_expect_str_eq(in_map(0x2000, three), "no symbol at this address");
}

Test(jitcache, line_that_came_late_counts_all_the_same)
{
	uint64_t one = add("1000 20 one\n");

	add("2000 20 two\n2000 20 three\n3000 20 no newline");
	cr_expect_str_eq(in_map(0x2000, one), "three");
	cr_expect_str_eq(in_map(0x3000, one), "no newline");
	cr_expect_str_eq(in_map(0x1000, one), "one");
}

Test(jitcache, grows_and_is_written_anew)
{
	cr_expect_str_eq(in_map(0x1000, 0), "no symbol at this address");
	add("1000 20 one\n20");
	cr_expect_str_eq(in_map(0x1000, size_of(map_fd)), "one");
	add("00 20 two\n");
	cr_expect_str_eq(in_map(0x2000, size_of(map_fd)), "two");
	cr_assert_eq(ftruncate(map_fd, 0), 0);
	add("5000 20 another\n");
	cr_expect_str_eq(in_map(0x5000, size_of(map_fd)), "another");
	cr_expect_str_eq(in_map(0x1000, size_of(map_fd)), "no symbol at this address");
	cr_assert_eq(ftruncate(map_fd, 0), 0);
	add("6000 20 a third one\n7000 20 that is longer than the one before\n");
	cr_expect_str_eq(in_map(0x6000, size_of(map_fd)), "a third one");
	cr_expect_str_eq(in_map(0x5000, size_of(map_fd)), "no symbol at this address");
}

Test(jitcache, batch_mixes_times_and_addresses)
{
	uint64_t one = add("1000 20 one\n"), two = add("1000 20 two\n2000 20 _ZN1a1bEv\n");
	const uint64_t offs[] = { 0x1000, 0x2000, 0x1000, 0x1010, 0x1000 };
	const struct sym_jit_when when[] = {
		{ 2, { two } }, { 2, { two } }, { 1, { one } }, { 2, { two } }, { 2, { two } }
	};
	const struct sym_jit jit = { .files = { { SYM_JIT_PERFMAP, map_fd } },
				     .n_files = 1,
				     .when = when };
	struct sym_request req = { .kind = SYM_JIT, .jit = &jit, .offs = offs, .n = 5 };
	struct sym_batch b;

	cr_assert_eq(symbolizer_run(symbolizer, &req, &b), 0);
	cr_expect_str_eq(text_of(&b, 0), "two");
	cr_expect_str_eq(text_of(&b, 1), "a::b()");
	cr_expect_str_eq(text_of(&b, 2), "one");
	cr_expect_str_eq(text_of(&b, 3), "two");
	cr_expect_str_eq(text_of(&b, 4), "two");
	sym_batch_done(&b);
}

Test(jitcache, jitdump_gives_lines_and_times)
{
	int fd = jitmaker_new();

	jitmaker_debug(fd, 0x1000, (struct jitmaker_line[]){ { 0x1000, 3, "/src/a.js" } }, 1);
	jitmaker_load(fd, 10, 0x1000, 0x20, "one@1");
	jitmaker_load(fd, 20, 0x1000, 0x20, "two");
	cr_expect_str_eq(in_dump(fd, 0x1000, 25, 0), "two");
	cr_expect_str_eq(in_dump(fd, 0x1000, 15, 0), "one@1 /src/a.js:3", "and back");
	cr_expect_str_eq(in_dump(fd, 0x1000, 5, 0), "no symbol at this address");
	jitmaker_load(fd, 30, 0x3000, 0x20, "grown");
	cr_expect_str_eq(in_dump(fd, 0x3000, 35, 0), "grown");
	close(fd);
}

Test(jitcache, first_file_that_knows_wins)
{
	int fd = jitmaker_new();
	uint64_t bytes = add("1000 20 map\n2000 20 map too\n");
	const struct sym_jit jit = {
		.files = { { SYM_JIT_JITDUMP, fd }, { SYM_JIT_PERFMAP, map_fd } }, .n_files = 2
	};
	const struct sym_jit_when when = { .time_ns = 15, .bytes = { 0, bytes } };

	jitmaker_load(fd, 10, 0x1000, 0x20, "dump");
	jitmaker_load(fd, 20, 0x2000, 0x20, "later");
	cr_expect_str_eq(at(&jit, 0x1000, when), "dump");
	cr_expect_str_eq(at(&jit, 0x2000, when), "map too");
	close(fd);
}

Test(jitcache, what_is_no_file_names_nothing)
{
	int fds[2], dir = open("/", O_RDONLY | O_CLOEXEC), write_only = open("/dev/null", O_WRONLY);
	const struct sym_jit none = { .n_files = 0 };

	cr_assert_eq(pipe(fds), 0);
	cr_expect_str_eq(at(&none, 0x1000, (struct sym_jit_when){ 0 }), "no file");
	for (int i = 0; i < 4; i++) {
		int fd = (int[]){ fds[0], dir, write_only, -1 }[i];

		cr_expect_str_eq(in_dump(fd, 0x1000, UINT64_MAX, UINT64_MAX),
				 "no symbol at this address");
	}
	add("1000 20 one\n");
	cr_expect_str_eq(in_dump(map_fd, 0x1000, UINT64_MAX, UINT64_MAX),
			 "no symbol at this address", "text is no jitdump");
	cr_expect_str_eq(in_map(0x1000, UINT64_MAX), "one");
	close(fds[0]);
	close(fds[1]);
	close(dir);
	close(write_only);
}

/* Petabytes of nothing, as a file with a hole has them. */
Test(jitcache, huge_file_is_read_to_a_limit)
{
	int fd = jitmaker_new();

	jitmaker_load(fd, 10, 0x1000, 0x20, "one");
	cr_assert_eq(ftruncate(fd, INT64_MAX / 4096 * 4096), 0);
	cr_expect_str_eq(in_dump(fd, 0x1000, UINT64_MAX, UINT64_MAX), "one");
	add("1000 20 one\n");
	cr_assert_eq(ftruncate(map_fd, INT64_MAX / 4096 * 4096), 0);
	cr_expect_str_eq(in_map(0x1000, UINT64_MAX), "one");
	close(fd);
}

/* More files than are kept: each is read again when it is asked for. */
Test(jitcache, files_come_and_go)
{
	int fds[100];

	for (int i = 0; i < 100; i++) {
		char line[32];

		fds[i] = memfd_create("map", MFD_CLOEXEC);
		snprintf(line, sizeof(line), "1000 20 code_%d\n", i);
		cr_assert_eq(write(fds[i], line, strlen(line)), (ssize_t)strlen(line));
	}
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 100; i++) {
			const struct sym_jit jit = { .files = { { SYM_JIT_PERFMAP, fds[i] } },
						     .n_files = 1 };
			char want[32];

			snprintf(want, sizeof(want), "code_%d", i);
			cr_expect_str_eq(at(&jit, 0x1000, (struct sym_jit_when){ 0 }), want);
		}
	for (int i = 0; i < 100; i++)
		close(fds[i]);
}

/* Makes the n-th allocation fail for every n, until nothing is left to fail. */
Test(jitcache, survives_every_failing_allocation)
{
	const uint64_t offs[] = { 0x1000, 0x1100, 0x2000, 0x5000 };
	struct sym_jit_when when[4] = { 0 };
	struct sym_jit jit = { .n_files = 2, .when = when };
	struct sym_request req = { .kind = SYM_JIT, .jit = &jit, .offs = offs, .n = 4 };
	int fd = jitmaker_new(), rounds = 0;

	for (int i = 0; i < 200; i++) {
		char line[64];

		snprintf(line, sizeof(line), "%x 10 a name as long as %d\n", 0x1000 + i * 16, i);
		add(line);
	}
	jitmaker_debug(fd, 0x5000, (struct jitmaker_line[]){ { 0x5000, 3, "/src/a.js" } }, 1);
	jitmaker_load(fd, 10, 0x5000, 0x20, "one");
	for (int i = 0; i < 4; i++)
		when[i].bytes[0] = when[i].bytes[1] = i ? UINT64_MAX : 0;
	jit.files[0] = (struct sym_jit_file){ SYM_JIT_JITDUMP, fd };
	jit.files[1] = (struct sym_jit_file){ SYM_JIT_PERFMAP, map_fd };
	for (int r = -1; r != 0; rounds++) {
		struct symbolizer *s = NULL;
		struct sym_batch b = { 0 };
		bool again = rounds % 2;

		alloc_fail_at(rounds);
		r = symbolizer_new(&s, NULL);
		if (r == 0 && (r = symbolizer_run(s, &req, &b)) < 0 && again) {
			alloc_fail_at(-1); /* from here on nothing fails */
			cr_expect_eq(symbolizer_run(s, &req, &b), 0);
			cr_expect_eq(b.n_frames, 3);
		}
		if (r == 0)
			cr_expect_eq(b.n_frames, 3);
		else
			cr_expect_eq(r, -ENOMEM, "allocation %d: %d", rounds, r);
		sym_batch_done(&b);
		symbolizer_free(s);
		cr_expect(r < 0 && again ? true : !alloc_live(), "allocation %d: %ld not freed",
			  rounds, alloc_live());
	}
	alloc_fail_at(-1);
	cr_expect_gt(rounds, 20);
	close(fd);
}
