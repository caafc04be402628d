/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "jitdump.h"
#include "jitmaker.h"

static struct jitdump dump;
static int fd;

static void start(void)
{
	cr_assert_eq(jitdump_start(&dump), 0);
	fd = jitmaker_new();
}

static void done(void)
{
	jitdump_done(&dump);
	close(fd);
}

TestSuite(jitdump, .init = start, .fini = done, .timeout = 30);

static int read_to(uint64_t time, uint64_t bytes)
{
	return jitdump_read(&dump, fd, &(struct jitdump_until){ time, bytes });
}

static int read_all(void)
{
	return read_to(0, UINT64_MAX);
}

/* "name file:line", as much of it as is known. */
static const char *at(uint64_t addr)
{
	static char text[JITDUMP_NAME_MAX + 64];
	struct jitdump_place p;

	if (!jitdump_find(&dump, addr, &p))
		return "(none)";
	if (p.file)
		snprintf(text, sizeof(text), "%s %s:%u", strtab_get(&dump.names, p.name),
			 strtab_get(&dump.names, p.file), p.line);
	else
		snprintf(text, sizeof(text), "%s", strtab_get(&dump.names, p.name));
	return text;
}

Test(jitdump, loaded_code_has_its_name)
{
	jitmaker_load(fd, 10, 0x1000, 0x20, "one two");
	jitmaker_record(fd, 4, 24, 11); /* unwinding */
	jitmaker_put(fd, "123456789012345678901234", 24);
	jitmaker_record(fd, 99, 0, 11);
	jitmaker_load(fd, 12, 0x2000, 0, "no code");
	jitmaker_record(fd, 3, 0, 13); /* close */
	jitmaker_load(fd, 14, 0x3000, 100000, "large");
	cr_assert_eq(read_all(), 0);
	cr_expect_str_eq(at(0xfff), "(none)");
	cr_expect_str_eq(at(0x1000), "one two");
	cr_expect_str_eq(at(0x101f), "one two");
	cr_expect_str_eq(at(0x1020), "(none)");
	cr_expect_str_eq(at(0x2000), "(none)");
	cr_expect_str_eq(at(0x3000 + 99999), "large");
	cr_expect_eq(dump.n_bad, 0);
}

Test(jitdump, code_is_in_force_from_its_time_on)
{
	jitmaker_load(fd, 10, 0x1000, 0x20, "first");
	jitmaker_load(fd, 20, 0x1000, 0x20, "second");
	cr_assert_eq(read_to(9, 0), 0);
	cr_expect_str_eq(at(0x1000), "(none)");
	cr_assert_eq(read_to(10, 0), 0);
	cr_expect_str_eq(at(0x1000), "first");
	cr_expect_not(jitdump_is_beyond(&dump, &(struct jitdump_until){ 10, 0 }));
	cr_expect(jitdump_is_beyond(&dump, &(struct jitdump_until){ 9, 0 }));
	cr_assert_eq(read_to(19, 0), 0);
	cr_expect_str_eq(at(0x1000), "first");
	cr_assert_eq(read_to(20, 0), 0);
	cr_expect_str_eq(at(0x1000), "second");
}

/* The clock of the file is another one: what was in it by then was there. */
Test(jitdump, code_is_in_force_when_it_is_in_the_file)
{
	off_t half;

	cr_assert_eq(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	jitmaker_header(fd, 0, 1);
	jitmaker_load(fd, 5, 0x1000, 0x20, "first");
	half = lseek(fd, 0, SEEK_CUR);
	jitmaker_load(fd, 6, 0x1000, 0x20, "second");
	cr_assert_eq(read_to(UINT64_MAX, (uint64_t)half - 1), 0);
	cr_expect_str_eq(at(0x1000), "(none)");
	cr_assert_eq(read_to(UINT64_MAX, (uint64_t)half), 0);
	cr_expect_str_eq(at(0x1000), "first");
	cr_assert_eq(read_to(UINT64_MAX, UINT64_MAX), 0);
	cr_expect_str_eq(at(0x1000), "second");
}

Test(jitdump, moved_code_keeps_its_name_and_lines)
{
	jitmaker_debug(fd, 0x1000, (struct jitmaker_line[]){ { 0x1000, 7, "a.js" } }, 1);
	jitmaker_load(fd, 10, 0x1000, 0x20, "mover");
	jitmaker_move(fd, 20, 0x1000, 0x5000, 0x20);
	jitmaker_move(fd, 21, 0x9000, 0xa000, 0x20); /* of nothing */
	jitmaker_move(fd, 22, 0x5004, 0xb000, 0x20); /* of a part */
	jitmaker_load(fd, 23, 0x1000, 0x20, "next");
	cr_assert_eq(read_to(10, 0), 0);
	cr_expect_str_eq(at(0x5010), "(none)");
	cr_assert_eq(read_all(), 0);
	cr_expect_str_eq(at(0x5010), "mover a.js:7");
	cr_expect_str_eq(at(0x1010), "next");
	cr_expect_str_eq(at(0xa000), "(none)");
	cr_expect_str_eq(at(0xb000), "(none)");
	cr_expect_eq(dump.n_bad, 2);
}

Test(jitdump, addresses_have_source_lines)
{
	static const struct jitmaker_line lines[] = {
		{ 0x1004, 10, "dir/a.js" }, { 0x1008, 11, "\xff" },    { 0x1008, 12, "b.js" },
		{ 0x100c, 0, "c.js" },	    { 0x1010, 13, "bad\x01" }, { 0x1040, 14, "outside" },
	};

	jitmaker_debug(fd, 0x1000, lines, 6);
	jitmaker_load(fd, 1, 0x3000, 0x20, "other");
	jitmaker_load(fd, 1, 0x1000, 0x20, "f");
	jitmaker_load(fd, 1, 0x1000, 0x4, "g");
	cr_assert_eq(read_all(), 0);
	cr_expect_str_eq(at(0x3000), "other");
	cr_expect_str_eq(at(0x1000), "g", "lines belong to the first code that comes");
	cr_expect_str_eq(at(0x1004), "f dir/a.js:10");
	cr_expect_str_eq(at(0x1007), "f dir/a.js:10");
	cr_expect_str_eq(at(0x1008), "f b.js:12");
	cr_expect_str_eq(at(0x100f), "f b.js:12");
	cr_expect_str_eq(at(0x1010), "f");
}

Test(jitdump, lines_need_no_order)
{
	static const struct jitmaker_line lines[] = { { 0x1010, 3, "a" },
						      { 0x1000, 1, "\xff" },
						      { 0x1008, 2, "b" } };

	jitmaker_debug(fd, 0x1000, lines, 3);
	jitmaker_load(fd, 1, 0x1000, 0x20, "f");
	cr_assert_eq(read_all(), 0);
	cr_expect_str_eq(at(0x1000), "f a:1");
	cr_expect_str_eq(at(0x1008), "f b:2");
	cr_expect_str_eq(at(0x1011), "f a:3");
}

/* V8 places the lines behind the header of an ELF file that nobody writes here. */
Test(jitdump, lines_of_v8_lie_where_they_belong)
{
	cr_assert_eq(ftruncate(fd, 0), 0);
	lseek(fd, 0, SEEK_SET);
	jitmaker_header(fd, 0xdeadbeef, 0);
	jitmaker_debug(fd, 0x1000,
		       (struct jitmaker_line[]){ { 0x1040, 1, "a" }, { 0x1050, 2, "a" } }, 2);
	jitmaker_load(fd, 1, 0x1000, 0x20, "f");
	cr_assert_eq(read_all(), 0);
	cr_expect_str_eq(at(0x1000), "f a:1");
	cr_expect_str_eq(at(0x1010), "f a:2");
}

Test(jitdump, other_files_are_refused)
{
	cr_assert_eq(pwrite(fd, "\x4a\x69\x54\x44", 4, 0), 4);
	cr_expect_eq(read_all(), -ENOTSUP, "the other byte order");
	cr_assert_eq(pwrite(fd, "JiTD", 4, 0), 4);
	cr_expect_eq(read_all(), -ENOTSUP);
	cr_assert_eq(pwrite(fd, "\x7f\x45LF", 4, 0), 4);
	cr_expect_eq(read_all(), -EBADMSG);
	cr_assert_eq(pwrite(fd, "DTiJ\x03", 5, 0), 5);
	cr_expect_eq(read_all(), -ENOTSUP, "a version that nobody has written yet");
	cr_assert_eq(pwrite(fd, "DTiJ\x01\0\0\0\x27", 9, 0), 9);
	cr_expect_eq(read_all(), -EBADMSG, "a header too short");
}

/* A file that is still written ends anywhere. */
Test(jitdump, grows_byte_by_byte)
{
	char bytes[1024];
	ssize_t n;

	jitmaker_debug(fd, 0x1000, (struct jitmaker_line[]){ { 0x1000, 1, "a.js" } }, 1);
	jitmaker_load(fd, 1, 0x1000, 0x20, "one");
	jitmaker_load(fd, 2, 0x2000, 0x20, "two");
	jitmaker_move(fd, 3, 0x2000, 0x3000, 0x20);
	n = pread(fd, bytes, sizeof(bytes), 0);
	cr_assert_gt(n, 0);
	cr_assert_eq(ftruncate(fd, 0), 0);
	for (ssize_t i = 0; i < n; i++) {
		cr_assert_eq(pwrite(fd, bytes + i, 1, i), 1);
		cr_assert_eq(read_all(), 0);
	}
	cr_expect_str_eq(at(0x1000), "one a.js:1");
	cr_expect_str_eq(at(0x3000), "two");
	cr_expect_eq(dump.n_bad, 0);
	cr_expect_eq(dump.codes.n, 3);
}

Test(jitdump, stops_where_records_make_no_sense)
{
	jitmaker_load(fd, 1, 0x1000, 0x20, "good");
	jitmaker_u32(fd, 0);
	jitmaker_u32(fd, 15); /* smaller than its own header */
	jitmaker_u64(fd, 1);
	jitmaker_load(fd, 1, 0x2000, 0x20, "lost");
	cr_assert_eq(read_all(), 0);
	cr_expect(dump.broken);
	cr_expect_str_eq(at(0x1000), "good");
	cr_expect_str_eq(at(0x2000), "(none)");
	cr_assert_eq(read_all(), 0);
}

Test(jitdump, skips_bad_records)
{
	char name[JITDUMP_NAME_MAX * 2];

	jitmaker_record(fd, 0, 39, 1); /* shorter than a load */
	jitmaker_put(fd, "012345678901234567890123456789012345678", 39);
	jitmaker_record(fd, 0, 44, 1); /* a name without an end */
	jitmaker_put(fd, "0123456789012345678901234567890123456789name", 44);
	jitmaker_record(fd, 1, 8, 1);
	jitmaker_u64(fd, 0);
	jitmaker_record(fd, 2, 16, 1); /* lines that are not there */
	jitmaker_u64(fd, 0x1000);
	jitmaker_u64(fd, UINT64_MAX);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	jitmaker_load(fd, 1, 0x2000, 0x20, name);
	jitmaker_load(fd, 1, UINT64_MAX - 8, 9, "wraps");
	jitmaker_load(fd, 1, 0x3000, 8, "bad\nname");
	cr_assert_eq(read_all(), 0);
	cr_expect_eq(strlen(at(0x2000)), JITDUMP_NAME_MAX);
	cr_expect_str_eq(at(0x3000), "");
	cr_expect_eq(dump.n_bad, 5, "%zu", dump.n_bad);
}
