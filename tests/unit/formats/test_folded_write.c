/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "folded.h"
#include "made_profile.h"

/* A profile under construction: one sample after another. */
static struct profile *p;
static struct profile_builder *b;

static void setup(void)
{
	cr_assert_eq(profile_new(&p), 0);
	cr_assert_eq(array_push(&p->sample_types,
				(struct profile_value_type){ str(p, "samples"), str(p, "count") }),
		     0);
	cr_assert_eq(profile_builder_new(&b, p), 0);
}

static void teardown(void)
{
	profile_builder_free(b);
	profile_free(p);
}

TestSuite(folded_write, .init = setup, .fini = teardown);

/* A location of one function (@name NULL = none) in a mapping of @file (NULL = none). */
static uint32_t frame(const char *name, const char *file)
{
	struct profile_function f = { .name = name ? str(p, name) : 0 };
	struct profile_line line = { 0 };
	struct profile_location l = { .address = 0x1234,
				      .mapping = PROFILE_NONE,
				      .line_n = name != NULL };
	struct profile_mapping m = { .start = 0x1000, .limit = 0x2000, .file_offset = 0x50 };

	if (file) {
		m.file = str(p, file);
		l.mapping = (uint32_t)profile_builder_mapping(b, &m);
	}
	if (name)
		line.function = (uint32_t)profile_builder_function(b, &f);
	return (uint32_t)profile_builder_location(b, &l, &line);
}

static void sample(int64_t count, const char *comm, size_t n, const uint32_t *stack)
{
	struct profile_label l = { .key = str(p, "comm"), .str = comm ? str(p, comm) : 0 };

	cr_assert_geq(profile_builder_sample(b, stack, n, &l, comm != NULL, &count), 0);
}

#define STACK(...)                                                         \
	ARRAY_LEN(((const uint32_t[]){ __VA_ARGS__ })), (const uint32_t[]) \
	{                                                                  \
		__VA_ARGS__                                                \
	}

static void writes(const char *want)
{
	char *text = write_folded(p);

	cr_assert_str_eq(text, want);
	free(text);
}

Test(folded_write, writes_nothing_for_no_sample)
{
	writes("");
}

Test(folded_write, puts_the_root_first_and_the_process_before_it)
{
	sample(3, "my app", STACK(frame("leaf", NULL), frame("main", NULL)));
	sample(2, NULL, STACK(frame("leaf", NULL), frame("main", NULL)));
	sample(1, "idle one", 0, NULL);
	sample(1, NULL, 0, NULL);
	writes("[unknown] 1\nidle_one 1\nmain;leaf 2\nmy_app;main;leaf 3\n");
}

Test(folded_write, adds_equal_lines_and_leaves_zeros_out)
{
	/* Two locations of one function differ by address, not by name. */
	struct profile_location other = { .address = 0x9999, .mapping = PROFILE_NONE, .line_n = 1 };
	struct profile_line line = { 0 };
	uint32_t x = frame("f", NULL), y = (uint32_t)profile_builder_location(b, &other, &line);

	cr_assert_neq(x, y);
	sample(3, NULL, STACK(x));
	sample(4, NULL, STACK(y));
	sample(0, NULL, STACK(x, y));
	writes("f 7\n");
}

Test(folded_write, annotates_kernel_jit_and_inlined_frames)
{
	struct profile_function in = { .name = str(p, "inlined") },
				out = { .name = str(p, "outer") };
	struct profile_line lines[2] = { { .function = (uint32_t)profile_builder_function(b, &in) },
					 { .function =
						   (uint32_t)profile_builder_function(b, &out) } };
	struct profile_location l = { .mapping = PROFILE_NONE, .line_n = 2 };
	uint32_t inl = (uint32_t)profile_builder_location(b, &l, lines);

	sample(1, NULL, STACK(frame("sys_read", "[kernel.kallsyms]_text"), inl));
	sample(1, NULL, STACK(frame("ext4_read", "[ext4]")));
	sample(1, NULL, STACK(frame("start_kernel", "/usr/lib/debug/boot/vmlinux")));
	sample(1, NULL, STACK(frame("clock_gettime", "[vdso]")));
	sample(1, NULL, STACK(frame("gettimeofday", "[vsyscall]")));
	sample(1, NULL, STACK(frame("js", "//anon")));
	sample(1, NULL, STACK(frame("java", "/tmp/perf-4711.map")));
	sample(1, NULL, STACK(frame("blob", "[anon:v8]")));
	sample(1, NULL, STACK(frame("f", "/usr/lib/perf-tools.so")));
	writes("blob_[j] 1\nclock_gettime 1\next4_read_[k] 1\nf 1\ngettimeofday 1\njava_[j] 1\n"
	       "js_[j] 1\nouter;inlined_[i];sys_read_[k] 1\nstart_kernel_[k] 1\n");
}

Test(folded_write, leaves_annotations_out_when_asked)
{
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);

	sample(1, NULL, STACK(frame("sys_read", "[kernel.kallsyms]")));
	cr_assert_eq(folded_write(p, 0, false, &out, NULL), 0);
	cr_assert_str_eq(buffer_text(&buf), "sys_read 1\n");
	array_free(&buf);
}

Test(folded_write, names_what_has_no_name_by_its_object)
{
	sample(1, NULL, STACK(frame(NULL, "/lib/libc.so.6")));
	sample(1, NULL, STACK(frame(NULL, "[kernel.kallsyms]")));
	sample(1, NULL, STACK(frame(NULL, "//anon")));
	sample(1, NULL, STACK(frame(NULL, "")));
	sample(1, NULL, STACK(frame(NULL, NULL)));
	sample(1, NULL, STACK(frame("", "/bin/x")));
	writes("[anon+0x284]_[j] 1\n[kernel.kallsyms+0x284]_[k] 1\n[libc.so.6+0x284] 1\n"
	       "[unknown] 3\n");
}

Test(folded_write, falls_back_to_the_system_name)
{
	struct profile_function f = { .system_name = str(p, "_Zf") };
	struct profile_line line = { .function = (uint32_t)profile_builder_function(b, &f) };
	struct profile_location l = { .mapping = PROFILE_NONE, .line_n = 1 };

	sample(1, NULL, STACK((uint32_t)profile_builder_location(b, &l, &line)));
	writes("_Zf 1\n");
}

Test(folded_write, replaces_what_would_break_a_line)
{
	sample(1, NULL, STACK(frame("a;b", NULL)));
	sample(1, NULL, STACK(frame("c\nd\x1b[1m\x7f", NULL)));
	sample(1, NULL, STACK(frame("e 12", NULL)));
	sample(1, NULL, STACK(frame("f 1.5", NULL)));
	sample(1, NULL, STACK(frame("g 1 2", NULL)));
	sample(1, NULL, STACK(frame("h 1x", NULL)));
	sample(1, NULL, STACK(frame("  i  ", NULL)));
	sample(1, NULL, STACK(frame("j2 ", NULL)));
	sample(1, NULL, STACK(frame("12", NULL)));
	sample(1, NULL, STACK(frame("#k", NULL), frame("#k", NULL)));
	writes("12 1\n_#k;#k 1\na:b 1\nc?d?[1m? 1\ne_12 1\nf_1.5 1\ng 1_2 1\nh 1x 1\ni 1\nj2 1\n");
}

Test(folded_write, a_process_name_with_a_number_is_one_word)
{
	sample(1, "kworker 0 12", STACK(frame("f", NULL)));
	writes("kworker_0_12;f 1\n");
}

/* The order is that of the whole lines, not of the frames: "a b;" comes before "a;". */
Test(folded_write, sorts_lines_by_bytes)
{
	static const char *const names[] = { "a", "a b", "a!", "a:",   "a<",
					     "A", "é",	 "ab", "a 5x", "a/" };
	FILE *sort;
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		sample(5, NULL, STACK(frame(names[i], NULL)));
		sample(50, NULL, STACK(frame("leaf", NULL), frame(names[i], NULL)));
		sample(7, NULL, STACK(frame(names[i], NULL), frame("a", NULL)));
	}
	text = write_folded(p);
	sort = popen("LC_ALL=C sort -c", "w");
	cr_assert_not_null(sort);
	fputs(text, sort);
	cr_assert_eq(pclose(sort), 0);
	free(text);
}

Test(folded_write, refuses_negative_values)
{
	struct buffer buf = { 0 };
	struct sink out = buffer_sink(&buf);
	struct err e = { 0 };

	sample(-1, NULL, STACK(frame("f", NULL)));
	cr_assert_eq(folded_write(p, 0, true, &out, &e), -EINVAL);
	cr_assert(strstr(e.text, "negative"));
	array_free(&buf);
}

Test(folded_write, stops_at_the_largest_count)
{
	struct profile_function f = { .name = str(p, "f") };
	struct profile_line line = { .function = (uint32_t)profile_builder_function(b, &f) };

	for (uint64_t i = 0; i < 2; i++) {
		struct profile_location l = { .address = i, .mapping = PROFILE_NONE, .line_n = 1 };

		sample(INT64_MAX - 5, NULL,
		       STACK((uint32_t)profile_builder_location(b, &l, &line)));
	}
	writes("f 9223372036854775807\n");
}

Test(folded_write, hands_the_error_of_the_sink_on)
{
	struct buffer buf = { .fail_at = 1 };
	struct sink out = buffer_sink(&buf);

	sample(1, NULL, STACK(frame("f", NULL)));
	cr_assert_eq(folded_write(p, 0, true, &out, NULL), -EIO);
}

/* A stack as deep as none is must not need a stack of ours. */
Test(folded_write, walks_very_deep_stacks)
{
	static uint32_t stack[200000];
	char *text;

	for (size_t i = 0; i < ARRAY_LEN(stack); i++)
		stack[i] = frame(i % 2 ? "odd" : "even", NULL);
	sample(1, NULL, ARRAY_LEN(stack), stack);
	text = write_folded(p);
	cr_assert_eq(strlen(text), ARRAY_LEN(stack) / 2 * strlen("odd;even;") - 1 + strlen(" 1\n"));
	free(text);
}
