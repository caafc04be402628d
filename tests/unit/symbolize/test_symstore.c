/* SPDX-License-Identifier: Apache-2.0 */
/* Indexes on disk: what was written comes back, and nothing that was changed is believed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demangle.h"
#include "elf_fixture.h"
#include "elfsym.h"
#include "scratch.h"
#include "symstore.h"
#include "symstore_format.h"

enum { UNITS = 5 };

/* "s<offset>", mangled ones, and long ones to fill blocks. */
static const char *string_of(void *ctx, strref_t s, size_t n, char *buf)
{
	unsigned long off = (unsigned long)strref_off(s);

	(void)ctx;
	if (off % 7 == 3)
		snprintf(buf, n, "s%lu%03900d", off, 0);
	else if (off % 3 == 1)
		snprintf(buf, n, "_ZN5space7name%03luEv", off % 1000);
	else
		snprintf(buf, n, "s%lu", off);
	return buf;
}

/* Six symbols of 16 bytes from 0x100 on, with a hole behind the second. */
static struct elf_object symbols(void)
{
	static char strings[] = "sym0\0sym1\0sym3\0sym4\0sym5";
	static struct symtab_range ranges[] = {
		{ 0x100, 0, 4 },  { 0x110, 5, 4 },  { 0x120, SYMTAB_HOLE, 0 },
		{ 0x130, 10, 4 }, { 0x140, 15, 4 }, { 0x150, 20, 4 },
	};

	return (struct elf_object){ .on_miss = SYM_NO_MATCH,
				    .syms = { .ranges = ranges,
					      .n = ARRAY_LEN(ranges),
					      .strings = strings,
					      .n_strings = sizeof(strings) } };
}

static struct symunit *image(uint32_t i, size_t *ret_n)
{
	struct symunit_builder b = { 0 };
	struct symunit *u;

	for (uint32_t k = 0; k < 4; k++) {
		uint64_t lo = 0x1000 * (i + 1ull) + 16 * k;
		struct symunit_name name = { .name = strref(STRREF_STR, 10 * i + k + 1),
					     .decl_line = k };

		array_push(&b.names, name);
		array_push(&b.scopes, (struct symunit_scope){ .parent = SYMUNIT_NONE, .name = k });
		array_push(&b.ranges, (struct symunit_range){ lo, lo + 16, k });
		array_push(&b.rows, (struct symunit_row){ lo, 0, 100 + k });
	}
	array_push(&b.rows, (struct symunit_row){ 0x1000 * (i + 1ull) + 64, SYMUNIT_NONE, 0 });
	array_push(&b.files, (struct symunit_file){ .name = strref(STRREF_LINE_STR, 5000 + i) });
	cr_assert_eq(symunit_build(&b, &u, ret_n), 0);
	symunit_builder_done(&b);
	return u;
}

static void fill_dirs(struct dwdir *d, struct dwdir *more)
{
	cr_assert_eq(dwdir_add(more, 0x9000, 0x9010, 2), 0);
	dwdir_sort(more);
	for (uint32_t i = 0; i < UNITS; i++)
		cr_assert_eq(dwdir_add(d, 0x1000 * (i + 1ull), 0x1000 * (i + 1ull) + 64, i), 0);
	dwdir_sort(d);
}

static int write_store(const char *dir, const char *key, uint64_t max_bytes, uint64_t max_strings)
{
	struct dwdir d = { 0 }, more = { 0 };
	struct elf_object elf = symbols();
	struct symstore_writer_opts opts = { .dir = dir,
					     .key = key,
					     .n_units = UNITS,
					     .max_bytes = max_bytes,
					     .max_strings = max_strings,
					     .string = string_of };
	struct symstore_writer *w;
	int r;

	fill_dirs(&d, &more);
	r = symstore_writer_new(&opts, &w);
	for (uint32_t i = 0; r == 0 && i < UNITS; i++) {
		size_t n;
		struct symunit *u;

		if (i == 3)
			continue; /* one that could not be read */
		u = image(i, &n);
		symstore_writer_add(w, i, u);
		free(u);
	}
	if (r == 0) {
		symstore_writer_symbols(w, &elf);
		r = symstore_writer_end(w, &d, &more);
	}
	dwdir_done(&d);
	dwdir_done(&more);
	return r;
}

static int save(const char *key)
{
	return write_store(".", key, 0, UINT64_MAX);
}

/* What looking at everything in a store gave: what is refused is not right, but not wrong either.
 */
struct seen {
	bool right, wrong;
};

static void compare(const char *got, const char *want, struct seen *ret)
{
	ret->right &= strcmp(got, want) == 0;
	ret->wrong |= got[0] && strcmp(got, want) != 0;
}

/* A name, and what is shown for it; a reader of its own finds the same. */
static void look_at_name(struct symstore *s, strref_t ref, uint64_t from, bool is_path,
			 struct seen *ret)
{
	const struct namepool_name *name = symstore_name(s, ref, NAMEPOOL_BOTH), *again;
	struct symstore_reader *reader;
	char want[NAMEPOOL_TEXT_MAX], shown[DEMANGLE_OUT_MAX] = "";

	string_of(NULL, strref(STRREF_STR, from), sizeof(want), want);
	if (!is_path)
		demangle(want, shown);
	compare(name->text, want, ret);
	ret->right &= strcmp(name->shown, shown) == 0 && name->n == strlen(name->text) &&
		      name->shown_n == strlen(name->shown);
	ret->wrong |= name->n && strcmp(name->shown, shown) != 0;
	cr_assert_eq(symstore_reader_new(s, &reader), 0);
	again = symstore_reader_name(reader, ref, NAMEPOOL_BOTH);
	ret->wrong |= strcmp(again->text, name->text) || strcmp(again->shown, name->shown);
	symstore_reader_free(reader);
}

static void look_at_unit(struct symstore *s, uint32_t i, struct seen *ret)
{
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	struct symunit *u;
	size_t n;
	struct symstore_piece buf = { 0 };
	int r = symstore_unit(s, i, &buf, &u, &n);

	ret->right &= i == 3 ? r == -ENOENT : r == 0;
	if (r < 0) {
		symstore_piece_done(&buf);
		return;
	}
	for (uint32_t k = 0; k < 4; k++)
		if (symunit_find(u, 0x1000 * (i + 1ull) + 16 * k + 1, f) == 1 &&
		    f[0].line == 100 + k && f[0].name.decl_line == k) {
			look_at_name(s, f[0].name.name, 10 * i + k + 1, false, ret);
			look_at_name(s, f[0].file.name, 5000 + i, true, ret);
		} else {
			*ret = (struct seen){ .wrong = true };
		}
	symstore_piece_done(&buf);
}

static void look_at_symbols(struct symstore *s, struct seen *ret)
{
	struct elf_object want = symbols(), got = { 0 };
	uint64_t end;

	ret->right &= symstore_has_symbols(s, &got) && got.on_miss == SYM_NO_MATCH;
	ret->right &= symstore_symbol(s, 0xff, &end) == STRREF_NONE;
	for (uint64_t addr = 0x100; addr < 0x160; addr++) {
		uint32_t name = want.syms.ranges[(addr - 0x100) / 16].name;
		strref_t ref = symstore_symbol(s, addr, &end);

		/* It is told how far this holds, or nothing. */
		ret->wrong |= end != 0 && (end <= addr || end > (addr | 15) + 1);
		compare(ref ? symstore_name(s, ref, NAMEPOOL_BOTH)->text : "",
			name == SYMTAB_HOLE ? "" : want.syms.strings + name, ret);
	}
}

/* What is asked after the directory. */
static void look_at_more(struct symstore *s, struct seen *ret)
{
	struct dwdir more = { 0 };
	size_t pos = SIZE_MAX;

	cr_assert_eq(symstore_more(s, &more), 0);
	ret->right &= more.ranges.n == 1;
	ret->wrong |= more.ranges.n > 0 && dwdir_next(&more, 0x9008, &pos) != 2;
	dwdir_done(&more);
}

static int look_at(const char *dir, const char *key, struct seen *ret)
{
	struct dwdir d = { 0 };
	struct symstore *s;
	int r = symstore_open(dir, key, &d, &s);

	*ret = (struct seen){ .right = r == 0 };
	if (r < 0) {
		cr_expect_eq(d.ranges.n, 0);
		return r;
	}
	ret->wrong = symstore_units(s) != UNITS || d.ranges.n != UNITS;
	for (uint32_t i = 0; i < symstore_units(s); i++) {
		size_t pos = SIZE_MAX;

		ret->wrong |= dwdir_next(&d, 0x1000 * (i + 1ull) + 17, &pos) != i;
		look_at_unit(s, i, ret);
	}
	look_at_symbols(s, ret);
	look_at_more(s, ret);
	/* What is not right says so. */
	ret->wrong |= ret->right == symstore_is_broken(s);
	ret->right &= !ret->wrong;
	symstore_free(s);
	dwdir_done(&d);
	return 0;
}

static int look(const char *dir, const char *key, bool *ret_right)
{
	struct seen seen;
	int r = look_at(dir, key, &seen);

	*ret_right = seen.right;
	return r;
}

static bool is_right(const char *key)
{
	bool right;

	return look(".", key, &right) == 0 && right;
}

Test(symstore, gives_back_what_was_written)
{
	struct scratch_dir dir;
	struct dwdir d = { 0 };
	struct symstore_piece buf = { 0 };
	struct symstore *s;
	struct symunit *u;
	size_t n, before;

	scratch_enter(&dir);
	cr_assert_eq(save("key"), 0);
	cr_expect(is_right("key"));
	cr_expect_eq(scratch_count("."), 1);
	cr_assert_eq(symstore_open(".", "key", &d, &s), 0);
	cr_expect_eq(symstore_unit(s, UNITS, &buf, &u, &n), -EBADMSG);
	cr_expect_eq(symstore_unit(s, UINT32_MAX, &buf, &u, &n), -EBADMSG);
	before = symstore_bytes(s);
	cr_expect_gt(before, 0);
	cr_expect_str_eq(symstore_name(s, strref(STRREF_OWN, 1ull << 50), NAMEPOOL_BOTH)->text, "");
	cr_expect_str_eq(symstore_name(s, strref(STRREF_STR, 0), NAMEPOOL_BOTH)->text, "");
	cr_expect_str_eq(symstore_name(s, STRREF_NONE, NAMEPOOL_BOTH)->text, "");
	cr_expect_not(symstore_is_broken(s));
	cr_expect_str_eq(symstore_name(s, strref(STRREF_OWN, 0), NAMEPOOL_BOTH)->text,
			 "_ZN5space7name001Ev");
	cr_expect_str_eq(symstore_name(s, strref(STRREF_OWN, 0), NAMEPOOL_BOTH)->shown,
			 "space::name001()");
	cr_expect_gt(symstore_bytes(s), before);
	cr_expect_str_eq(
		symstore_name(s, strref(STRREF_OWN, (1 << STORE_BLOCK_SHIFT) - 1), NAMEPOOL_BOTH)
			->text,
		"");
	cr_expect(symstore_is_broken(s));
	symstore_free(s);
	dwdir_done(&d);
	cr_expect_eq(symstore_writer_end(NULL, NULL, NULL), 0);
	scratch_leave(&dir);
}

Test(symstore, any_byte_that_was_changed_is_noticed)
{
	struct scratch_dir dir;
	struct stat st;
	unsigned right = 0, wrong = 0;
	int fd;

	scratch_enter(&dir);
	cr_assert_eq(save("key"), 0);
	cr_assert_eq(stat("key" STORE_SUFFIX, &st), 0);
	fd = open("key" STORE_SUFFIX, O_RDWR);
	for (off_t i = 0; i < st.st_size; i++) {
		uint8_t was, now;
		struct seen seen;

		cr_assert_eq(pread(fd, &was, 1, i), 1);
		now = was ^ (uint8_t)(1 << i % 8);
		cr_assert_eq(pwrite(fd, &now, 1, i), 1);
		look_at(".", "key", &seen);
		right += seen.right;
		wrong += seen.wrong;
		cr_assert_eq(pwrite(fd, &was, 1, i), 1);
	}
	close(fd);
	cr_expect_eq(wrong, 0, "%u changes were believed", wrong);
	cr_expect_eq(right, 0, "%u changes did no harm", right);
	cr_expect(is_right("key"));
	scratch_leave(&dir);
}

Test(symstore, a_file_that_was_cut_or_goes_on_is_not_used)
{
	struct scratch_dir dir;
	struct stat st;
	bool right;

	scratch_enter(&dir);
	cr_assert_eq(save("key"), 0);
	cr_assert_eq(stat("key" STORE_SUFFIX, &st), 0);
	cr_assert_eq(truncate("key" STORE_SUFFIX, st.st_size + 1), 0);
	cr_expect_eq(look(".", "key", &right), -ENOENT);
	for (off_t n = st.st_size - 1; n >= 0; n -= 1 + n / 50) {
		cr_assert_eq(truncate("key" STORE_SUFFIX, n), 0);
		cr_expect_eq(look(".", "key", &right), -ENOENT);
	}
	scratch_leave(&dir);
}

Test(symstore, another_version_is_not_read)
{
	struct store_tail t;
	struct scratch_dir dir;
	struct stat st;
	bool right;
	int fd;

	scratch_enter(&dir);
	cr_assert_eq(save("key"), 0);
	cr_assert_eq(stat("key" STORE_SUFFIX, &st), 0);
	fd = open("key" STORE_SUFFIX, O_RDWR);
	cr_assert_eq(pread(fd, &t, sizeof(t), st.st_size - (off_t)sizeof(t)), sizeof(t));
	cr_expect_eq(t.version, STORE_VERSION);
	t.version++;
	cr_assert_eq(pwrite(fd, &t, sizeof(t), st.st_size - (off_t)sizeof(t)), sizeof(t));
	close(fd);
	cr_expect_eq(look(".", "key", &right), -ENOENT);
	cr_assert_eq(save("key"), 0); /* it is replaced */
	cr_expect(is_right("key"));
	scratch_leave(&dir);
}

Test(symstore, keys_are_names_of_files)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/", "../key", ".hidden" };
	struct scratch_dir dir;
	char text[300];
	bool right;

	scratch_enter(&dir);
	cr_assert_eq(save("key"), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cr_expect_eq(save(bad[i]), -EINVAL, "%s", bad[i]);
		cr_expect_eq(look(".", bad[i], &right), -ENOENT);
	}
	memset(text, 'k', sizeof(text));
	text[STORE_KEY_MAX + 1] = '\0';
	cr_expect_eq(save(text), -EINVAL);
	text[STORE_KEY_MAX] = '\0';
	cr_expect_eq(save(text), 0);
	cr_expect(is_right(text));
	cr_expect_eq(scratch_count("."), 2);
	scratch_leave(&dir);
}

Test(symstore, links_and_others_in_place_of_the_file_are_left_alone)
{
	struct scratch_dir dir;
	bool right;

	scratch_enter(&dir);
	cr_assert_eq(save("key"), 0);
	scratch_write("victim", "precious");
	cr_assert_eq(symlink("victim", "link" STORE_SUFFIX), 0);
	cr_expect_eq(save("link"), -EEXIST);
	cr_expect_str_eq(scratch_read("victim"), "precious");
	cr_assert_eq(symlink("nothing", "dangling" STORE_SUFFIX), 0);
	cr_expect_eq(save("dangling"), -EEXIST);
	cr_expect_neq(access("nothing", F_OK), 0);
	cr_assert_eq(symlink("key" STORE_SUFFIX, "good" STORE_SUFFIX), 0);
	cr_expect_eq(look(".", "good", &right), -ENOENT, "nor are they read");
	cr_assert_eq(mkfifo("fifo" STORE_SUFFIX, 0600), 0);
	cr_expect_eq(save("fifo"), -EEXIST);
	cr_expect_eq(look(".", "fifo", &right), -ENOENT);
	cr_assert_eq(mkdir("dir" STORE_SUFFIX, 0700), 0);
	cr_expect_eq(save("dir"), -EEXIST);
	cr_expect_eq(look(".", "dir", &right), -ENOENT);
	scratch_leave(&dir);
}

Test(symstore, folders_are_made_for_the_user_alone_or_not_used)
{
	struct scratch_dir dir;
	struct stat st;
	bool right;

	scratch_enter(&dir);
	cr_expect_eq(write_store("made/too", "key", 0, UINT64_MAX), 0);
	cr_assert_eq(stat("made/too", &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0700);
	cr_assert_eq(mkdir("public", 0700), 0);
	cr_assert_eq(write_store("public", "key", 0, UINT64_MAX), 0);
	cr_assert_eq(chmod("public", 0777), 0);
	cr_expect_eq(write_store("public", "other", 0, UINT64_MAX), -EPERM);
	cr_expect_eq(look("public", "key", &right), -ENOENT);
	cr_assert_eq(chmod("public", 0755), 0);
	cr_expect_eq(look("public", "key", &right), 0);
	if (geteuid() == 0) { /* and one that is somebody else's */
		cr_assert_eq(chown("public", 12345, 12345), 0);
		cr_expect_eq(write_store("public", "key", 0, UINT64_MAX), -EPERM);
		cr_expect_eq(look("public", "key", &right), -ENOENT);
	}
	scratch_write("file", "");
	cr_expect_lt(write_store("file", "key", 0, UINT64_MAX), 0);
	cr_expect_lt(write_store("/proc/nothing", "key", 0, UINT64_MAX), 0);
	cr_expect_eq(look("missing", "key", &right), -ENOENT);
	scratch_leave(&dir);
}

Test(symstore, the_oldest_leave_a_full_folder)
{
	struct scratch_dir dir;
	struct stat st;
	uint64_t one;
	char key[32];
	bool right;

	scratch_enter(&dir);
	cr_assert_eq(save("k0"), 0);
	cr_assert_eq(stat("k0" STORE_SUFFIX, &st), 0);
	one = (uint64_t)st.st_size;
	scratch_write("not.an.index", "stays");
	for (int i = 1; i < 6; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		usleep(20000);
		cr_expect_eq(look(".", "k0", &right), 0, "is used, so it stays");
		usleep(20000);
		cr_assert_eq(write_store(".", key, 3 * one + one / 2, UINT64_MAX), 0);
	}
	cr_expect_eq(scratch_count("."), 4);
	cr_expect(is_right("k0"));
	cr_expect(is_right("k5"));
	cr_expect_not(is_right("k1"));
	scratch_leave(&dir);
}

static void make_old(const char *path, time_t seconds)
{
	struct timespec t[2] = { { .tv_sec = time(NULL) - seconds },
				 { .tv_sec = time(NULL) - seconds } };

	scratch_write(path, "half of it");
	cr_assert_eq(utimensat(AT_FDCWD, path, t, 0), 0);
}

Test(symstore, what_killed_writers_left_behind_goes_away)
{
	struct scratch_dir dir;

	scratch_enter(&dir);
	make_old("dead" STORE_SUFFIX ".AbCdEf", 7200);
	make_old("alive" STORE_SUFFIX ".AbCdEf", 60);
	make_old("other" STORE_SUFFIX ".backup", 7200 * 100); /* six letters, too, but … */
	make_old("other.AbCdEf", 7200);
	cr_assert_eq(save("key"), 0);
	cr_expect_neq(access("dead" STORE_SUFFIX ".AbCdEf", F_OK), 0);
	cr_expect_eq(access("alive" STORE_SUFFIX ".AbCdEf", F_OK), 0);
	cr_expect_eq(access("other.AbCdEf", F_OK), 0);
	scratch_leave(&dir);
}

Test(symstore, a_writer_that_gives_up_leaves_nothing)
{
	struct symstore_writer_opts opts = { .dir = ".",
					     .key = "key",
					     .n_units = 1,
					     .max_strings = UINT64_MAX,
					     .string = string_of };
	struct symstore_writer *w;
	struct scratch_dir dir;

	scratch_enter(&dir);
	cr_assert_eq(symstore_writer_new(&opts, &w), 0);
	cr_expect_eq(symstore_writer_end(w, NULL, NULL), 0);
	cr_expect_eq(scratch_count("."), 0);
	cr_expect_eq(write_store(".", "key", 0, 1000), -EFBIG, "too many strings");
	cr_expect_eq(scratch_count("."), 0);
	scratch_leave(&dir);
}

/* A process that writes and reads again and again: its number. */
static pid_t start_writer(void)
{
	unsigned wrong = 0;
	pid_t pid = fork();

	for (int i = 0; pid == 0 && i < 20; i++) {
		struct seen seen;

		wrong += save("key") != 0;
		wrong += look_at(".", "key", &seen) != 0 || !seen.right;
	}
	if (pid == 0)
		_exit(wrong > 0);
	return pid;
}

Test(symstore, of_two_writers_one_wins)
{
	struct scratch_dir dir;
	int status = 1;
	pid_t pids[2];

	scratch_enter(&dir);
	for (int i = 0; i < 2; i++)
		pids[i] = start_writer();
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
		cr_expect_eq(status, 0);
	}
	cr_expect(is_right("key"));
	cr_expect_eq(scratch_count("."), 1);
	scratch_leave(&dir);
}

Test(symstore, fails_for_want_of_memory_and_leaks_none)
{
	struct scratch_dir dir;
	int r = -ENOMEM;
	bool right;

	scratch_enter(&dir);
	for (long i = 0; r < 0; i++) {
		struct dwdir d = { 0 }, more = { 0 };
		struct symstore_writer_opts opts = { .dir = ".",
						     .key = "key",
						     .n_units = UNITS,
						     .max_strings = UINT64_MAX,
						     .string = string_of };
		struct elf_object elf = symbols();
		struct symstore_writer *w;
		size_t n;
		struct symunit *u = image(0, &n);

		fill_dirs(&d, &more);
		alloc_fail_at(i);
		r = symstore_writer_new(&opts, &w);
		if (r == 0) {
			r = symstore_writer_add(w, 0, u);
			r = symstore_writer_symbols(w, &elf);
			r = symstore_writer_end(w, &d, &more);
		}
		cr_assert(r == 0 || r == -ENOMEM, "%ld: %d", i, r);
		cr_expect_leq(alloc_live(), 0, "%ld", i); /* asprintf()'s are freed, not counted */
		alloc_fail_at(-1);
		free(u);
		dwdir_done(&d);
		dwdir_done(&more);
		cr_expect_eq(scratch_count("."), r == 0);
	}
	cr_assert_eq(save("key"), 0);
	r = -ENOMEM;
	for (long i = 0; r < 0; i++) {
		struct dwdir d = { 0 };
		struct symstore *s = NULL;

		alloc_fail_at(i);
		r = symstore_open(".", "key", &d, &s);
		cr_assert(r == 0 || r == -ENOMEM);
		symstore_free(r == 0 ? s : NULL);
		dwdir_done(&d);
		cr_expect_eq(alloc_live(), 0, "%ld", i);
		alloc_fail_at(-1);
	}
	cr_expect_eq(look(".", "key", &right), 0);
	scratch_leave(&dir);
}
