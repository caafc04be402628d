/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "err.h"
#include "formats.h"
#include "made_profile.h"

static char *dir;

static void setup(void)
{
	dir = new_scratch();
}

static void teardown(void)
{
	remove_scratch(dir);
}

TestSuite(formats, .init = setup, .fini = teardown);

static const char *path_of(const char *name)
{
	static char path[4][200];
	static int next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void put_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void write_ok(const struct profile *p, const char *path)
{
	struct err e = { 0 };

	cr_assert_eq(format_write(p, path, FORMAT_AUTO, NULL, &e), 0, "%s", e.text);
}

static struct profile *read_ok(const char *path)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(format_read(path, &p, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(p), 0);
	return p;
}

static void refused(const char *path, int code, const char *why)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(format_read(path, &p, &e), code);
	cr_assert(strstr(e.text, path), "'%s' does not name the path", e.text);
	cr_assert(strstr(e.text, why), "'%s' does not say '%s'", e.text, why);
}

Test(formats, knows_names)
{
	cr_assert_eq(format_by_name("pprof"), FORMAT_PPROF);
	cr_assert_eq(format_by_name("pprof-raw"), FORMAT_PPROF_RAW);
	cr_assert_eq(format_by_name("pprof-zst"), FORMAT_PPROF_ZSTD);
	cr_assert_eq(format_by_name("folded"), FORMAT_FOLDED);
	cr_assert_eq(format_by_name("PPROF"), -EINVAL);
	cr_assert(strstr(format_names(), "pprof-zst"));
}

Test(formats, knows_endings)
{
	struct err e = { 0 };

	cr_assert_eq(format_by_path("a/b.pb.gz", &e), FORMAT_PPROF);
	cr_assert_eq(format_by_path("x.pprof", &e), FORMAT_PPROF);
	cr_assert_eq(format_by_path("x.pb", &e), FORMAT_PPROF_RAW);
	cr_assert_eq(format_by_path("x.pb.zst", &e), FORMAT_PPROF_ZSTD);
	cr_assert_eq(format_by_path("x.folded", &e), FORMAT_FOLDED);
	cr_assert_eq(format_by_path("x.txt", &e), FORMAT_FOLDED);
	cr_assert_eq(format_by_path("x.collapsed", &e), FORMAT_FOLDED);
	cr_assert_eq(format_by_path("x.speedscope.json", &e), FORMAT_SPEEDSCOPE);
	cr_assert_eq(format_by_path("x.firefox.json", &e), FORMAT_FIREFOX);
	cr_assert_eq(format_by_path("x.callgrind", &e), FORMAT_CALLGRIND);
	cr_assert_eq(format_by_path("callgrind.out", &e), FORMAT_CALLGRIND);
	cr_assert_eq(format_by_path("/tmp/callgrind.out.12", &e), FORMAT_CALLGRIND);
	cr_assert_eq(format_by_path("callgrind.outer/x.json", &e), -EINVAL);
	cr_assert_eq(format_by_path("x.gz", &e), -EINVAL);
	cr_assert(strstr(e.text, ".pb.zst"));
	cr_assert_eq(format_by_path(".pb", &e), -EINVAL, "an ending alone is no name");
	cr_assert_eq(format_by_path("-", &e), -EINVAL);
}

Test(formats, reads_every_pprof_it_writes)
{
	static const char *const names[] = { "a.pb.gz", "a.pb", "a.pb.zst", "a.pprof" };
	struct profile *p = random_profile(1, 300);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct profile *back;

		write_ok(p, path_of(names[i]));
		back = read_ok(path_of(names[i]));
		assert_same_profile(p, back);
		profile_free(back);
	}
	profile_free(p);
}

Test(formats, finds_the_format_by_content)
{
	struct profile *p = demo_profile(), *back;

	cr_assert_eq(format_write(p, path_of("a.txt"), FORMAT_PPROF_ZSTD, NULL, NULL), 0);
	back = read_ok(path_of("a.txt"));
	cr_assert_eq(back->sample_types.n, 2);
	profile_free(back);
	cr_assert_eq(format_write(p, path_of("b.pb.gz"), FORMAT_FOLDED, NULL, NULL), 0);
	back = read_ok(path_of("b.pb.gz"));
	cr_assert_eq(back->sample_types.n, 1);
	profile_free(back);
	profile_free(p);
}

Test(formats, reads_compressed_folded_text_of_several_members)
{
	struct profile *p;
	char *out;

	cr_assert_eq(run_command(&out,
				 "cd '%s' && (echo 'a;b 1' | gzip; echo 'a;c 2' | gzip) > m.gz",
				 dir),
		     0);
	free(out);
	p = read_ok(path_of("m.gz"));
	cr_assert_eq(p->samples.n, 2);
	profile_free(p);
}

Test(formats, reads_a_pipe)
{
	struct profile *p = demo_profile(), *back;
	int fds[2], saved = dup(STDIN_FILENO);
	char *text = write_folded(p);

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
	close(fds[1]);
	dup2(fds[0], STDIN_FILENO);
	back = read_ok("-");
	cr_assert_eq(back->samples.n, p->samples.n);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fds[0]);
	profile_free(back);
	profile_free(p);
	free(text);
}

static void folded_is(const struct profile *p, const struct format_opts *o, const char *want)
{
	struct err e = { 0 };
	char *out;

	cr_assert_eq(format_write(p, path_of("t.folded"), FORMAT_AUTO, o, &e), 0, "%s", e.text);
	cr_assert_eq(run_command(&out, "head -n 1 '%s'", path_of("t.folded")), 0);
	cr_assert_str_eq(out, want);
	free(out);
}

Test(formats, folded_writes_samples_unless_another_type_is_asked_for)
{
	struct profile *p = demo_profile();

	folded_is(p, NULL, "demo_app;main;LazyCompile:~run app.js:7_[j] 2\n");
	folded_is(p, &(struct format_opts){ .sample_type = -1 },
		  "demo_app;main;LazyCompile:~run app.js:7_[j] 2\n");
	folded_is(p, &(struct format_opts){ .sample_type = 1, .no_annotations = true },
		  "demo_app;main;LazyCompile:~run app.js:7 20\n");
	p->sample_types.items[0].type = str(p, "events");
	folded_is(p, NULL, "demo_app;main;LazyCompile:~run app.js:7_[j] 20\n");
	profile_free(p);
}

Test(formats, refuses_a_type_that_is_not_there)
{
	struct profile *p = demo_profile();
	struct err e = { 0 };

	cr_assert_eq(format_write(p, path_of("t.folded"), FORMAT_AUTO,
				  &(struct format_opts){ .sample_type = 2 }, &e),
		     -EINVAL);
	cr_assert(strstr(e.text, "t.folded") && strstr(e.text, "no sample type 2"), "%s", e.text);
	cr_assert_neq(access(path_of("t.folded"), F_OK), 0, "half a file was left behind");
	profile_free(p);
}

Test(formats, leaves_the_old_file_when_writing_fails)
{
	struct profile *p = demo_profile();
	struct err e = { 0 };
	char *out;

	put_file(path_of("t.folded"), "old 1\n", 6);
	p->values.items[0] = -1;
	cr_assert_eq(format_write(p, path_of("t.folded"), FORMAT_AUTO, NULL, &e), -EINVAL);
	cr_assert(strstr(e.text, "negative"));
	cr_assert_eq(run_command(&out, "cd '%s' && cat * && ls | wc -l", dir), 0);
	cr_assert_str_eq(out, "old 1\n1\n");
	free(out);
	profile_free(p);
}

Test(formats, says_why_a_file_cannot_be_written)
{
	struct profile *p = demo_profile();
	struct err e = { 0 };

	cr_assert_eq(format_write(p, path_of("no/dir.pb.gz"), FORMAT_AUTO, NULL, &e), -ENOENT);
	cr_assert(strstr(e.text, "no/dir.pb.gz"));
	cr_assert_eq(format_write(p, path_of("x.jpg"), FORMAT_AUTO, NULL, &e), -EINVAL);
	cr_assert(strstr(e.text, ".pb.gz"));
	profile_free(p);
	p = random_profile(2, 20000);
	cr_assert_eq(format_write(p, "/dev/full", FORMAT_PPROF, NULL, &e), -ENOSPC);
	cr_assert(strstr(e.text, "/dev/full"));
	profile_free(p);
}

Test(formats, says_what_is_wrong_with_a_file)
{
	char *out;

	refused(path_of("nothing"), -ENOENT, "No such file");
	refused(dir, -EISDIR, "directory");
	put_file(path_of("empty"), "", 0);
	refused(path_of("empty"), -EBADMSG, "empty");
	put_file(path_of("perf"), "PERFILE2\x68\0\0\0", 12);
	refused(path_of("perf"), -EBADMSG, "perf script");
	put_file(path_of("text"), "hello\n", 6);
	refused(path_of("text"), -EBADMSG, "line 1 does not end");
	put_file(path_of("elf"), "\x7f\x45LF\2\1\1\0\0\0\0", 11);
	refused(path_of("elf"), -EBADMSG, "neither pprof nor folded");
	put_file(path_of("bad"), "\x0a\x7f\x01", 3);
	refused(path_of("bad"), -EBADMSG, "no protobuf field");
	put_file(path_of("gz"), "\x1f\x8b\x08\0\0\0", 6);
	refused(path_of("gz"), -EBADMSG, "gzip data is damaged or ends too early");
	put_file(path_of("zst"), "\x28\xb5\x2f\xfd\xff\xff\xff\xff", 8);
	refused(path_of("zst"), -EBADMSG, "zstd data is damaged or ends too early");
	cr_assert_eq(run_command(&out, "head -c 100 tests/golden/pprof/go-cpu.pb.gz > '%s'",
				 path_of("cut")),
		     0);
	free(out);
	refused(path_of("cut"), -EBADMSG, "ends too early");
}

/* What cannot be a profile is refused before it is read to the end, however much it inflates to. */
Test(formats, refuses_an_endless_file_at_once)
{
	refused("/dev/zero", -EBADMSG, "neither pprof nor folded");
}

Test(formats, a_sentence_does_not_carry_control_characters)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(format_read("/none\n\x1b[31m", &p, &e), -ENOENT);
	cr_assert_null(strpbrk(e.text, "\n\x1b"));
}

/* What a file of this content is read as: told by its first sample type, or the sentence. */
static void reads_as(const char *content, const char *want)
{
	struct profile *p = NULL;
	struct err e = { 0 };
	const char *path = path_of("some");
	FILE *f = fopen(path, "w");
	int r;

	cr_assert_not_null(f);
	fputs(content, f);
	fclose(f);
	r = format_read(path, &p, &e);
	if (r < 0)
		cr_expect(strstr(e.text, want), "'%s' does not say '%s'", e.text, want);
	else
		cr_expect_str_eq(strtab_get(&p->strings, p->sample_types.items[0].type), want);
	profile_free(p);
}

Test(formats, text_is_told_apart_by_its_content)
{
	reads_as("a;b 1\n", "samples");
	reads_as("{main};{closure} 1\n", "samples");
	reads_as("a;b 1 2\n", "base");
	reads_as("a;b 1.5\n", "samples");
	reads_as("a;b 1.5 2.25\n", "base");
	reads_as("x 1 1.5: 7 cycles:\n\t12 f (/x)\n", "samples");
	reads_as(" {\n\"profiles\":[{\"unit\":\"bytes\",\"samples\":[],\"weights\":[]}]}", "space");
	reads_as("\xef\xbb\xbf{}", "it is JSON, but not speedscope's");
	reads_as("PERFILE2xxxxxxxx", "'perf script'");
	reads_as("hello\n", "line 1");
}
