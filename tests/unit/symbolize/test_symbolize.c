/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "elf_fixture.h"

#define KALLSYMS "tests/golden/kallsyms/small"

static struct symbolizer *new_symbolizer(const char *kallsyms)
{
	struct symbolizer *s;

	cr_assert_eq(symbolizer_new(&s, &(struct symbolizer_opts){ .kallsyms = kallsyms }), 0);
	return s;
}

static uint64_t function_offset(int fd, const char *fixture, const char *name)
{
	return fixture_offset(fd, fixture_nm("", fixture_path(fixture), name));
}

Test(symbolize, every_reason_has_a_text)
{
	for (int i = 0; i < SYM_REASON_MAX; i++)
		cr_expect_gt(strlen(sym_reason_text((enum sym_reason)i)), 0);
	cr_expect_str_eq(sym_reason_text((enum sym_reason)1000), "unknown");
}

Test(symbolize, gives_names_for_people_and_from_the_table)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);
	int fd = fixture_open("names-pie");
	const char *rust = "_ZN7mycrate6module4work17h0123456789abcdefE";

	cr_expect_str_eq(fixture_name(s, SYM_ELF, fd, function_offset(fd, "names-pie", "main")),
			 "main|main|");
	cr_expect_str_eq(
		fixture_name(s, SYM_ELF, fd, function_offset(fd, "names-pie", "_ZN5outer5innerEi")),
		"outer::inner(int)|_ZN5outer5innerEi|");
	cr_expect_str_eq(fixture_name(s, SYM_ELF, fd, function_offset(fd, "names-pie", rust)),
			 "mycrate::module::work|_ZN7mycrate6module4work17h0123456789abcdefE|");
	symbolizer_free(s);
	close(fd);
}

Test(symbolize, names_a_function_that_was_returned_to)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);
	int fd = fixture_open("odd");
	uint64_t alias = function_offset(fd, "odd", "alias_best");

	cr_expect_str_eq(fixture_name(s, SYM_ELF, fd, alias - 1), "alias_best|alias_best|");
	cr_expect_str_eq(fixture_name(s, SYM_ELF, fd, alias - 2), "!no symbol at this address");
	symbolizer_free(s);
	close(fd);
}

Test(symbolize, gives_reasons)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);
	int pie = fixture_open("names-pie"), stripped = fixture_open("names-stripped");
	int text = fixture_memfd("text", 4), pipes[2];
	uint64_t main_off = function_offset(pie, "names-pie", "main");
	struct symbolizer *small;

	cr_expect_str_eq(fixture_name(s, SYM_ELF, -1, 0), "!no file");
	cr_expect_str_eq(fixture_name(s, SYM_ELF, text, 0), "!not a valid ELF file");
	cr_expect_str_eq(fixture_name(s, SYM_ELF, stripped, main_off), "!no symbols");
	cr_expect_str_eq(fixture_name(s, SYM_ELF, pie, 0), "!no symbol at this address");
	cr_assert_eq(pipe(pipes), 0);
	cr_expect_str_eq(fixture_name(s, SYM_ELF, pipes[0], 0), "!not a valid ELF file");
	cr_assert_eq(symbolizer_new(&small, &(struct symbolizer_opts){ .max_file_bytes = 100 }), 0);
	cr_expect_str_eq(fixture_name(small, SYM_ELF, pie, main_off), "!too large");
	symbolizer_free(small);
	symbolizer_free(s);
	close(pie);
	close(stripped);
	close(text);
	close(pipes[0]);
	close(pipes[1]);
}

Test(symbolize, names_kernel_addresses)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);

	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000090), "reused|reused|");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffffc0302000), "reused|reused|ext4");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffffc0302010),
			 "mycrate::foo::bar|_RNvNtCs1234_7mycrate3foo3bar|rust_mod");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 1), "!no symbol at this address");
	symbolizer_free(s);
}

Test(symbolize, says_why_the_kernel_has_no_names)
{
	struct symbolizer *s = new_symbolizer("tests/golden/kallsyms/hidden");
	uint64_t start, end;

	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000090),
			 "!kernel addresses are hidden");
	cr_expect_eq(symbolizer_kernel_range(s, &start, &end), -EPERM);
	symbolizer_free(s);
	s = new_symbolizer("tests/golden/kallsyms/missing");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000090), "!no file");
	cr_expect_eq(symbolizer_kernel_range(s, &start, &end), -ENOENT);
	symbolizer_free(s);
	s = new_symbolizer("/dev/null");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000090), "!no symbols");
	symbolizer_free(s);
}

Test(symbolize, knows_where_the_kernel_is)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);
	uint64_t start, end;

	cr_assert_eq(symbolizer_kernel_range(s, &start, &end), 0);
	cr_expect_eq(start, 0xffffffff81000000);
	cr_expect_eq(end, 0xffffffff81000300);
	symbolizer_free(s);
}

/* Writes @text as the whole of @fd. */
static void rewrite(int fd, const char *text)
{
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

Test(symbolize, looks_again_for_unknown_kernel_addresses)
{
	char path[64];
	struct symbolizer_opts opts = { .kallsyms = path, .kernel_refresh_ns = 1 };
	int fd = fixture_memfd("", 0);
	struct symbolizer *s;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rewrite(fd, "ffffffff81000000 T one\n");
	cr_assert_eq(symbolizer_new(&s, &opts), 0);
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000000), "one|one|");
	rewrite(fd, "ffffffff81000000 T other\nffffffffc1000000 t two\t[bpf]\n");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000000), "one|one|");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffffc1000000), "two|two|bpf");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000000), "other|other|");
	symbolizer_free(s);

	opts.kernel_refresh_ns = 0; /* the default is longer than this test */
	cr_assert_eq(symbolizer_new(&s, &opts), 0);
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffff81000000), "other|other|");
	rewrite(fd, "ffffffffc2000000 t three\t[bpf]\n");
	cr_expect_str_eq(fixture_name(s, SYM_KERNEL, -1, 0xffffffffc2000000),
			 "!no symbol at this address");
	symbolizer_free(s);
	close(fd);
}

Test(symbolize, answers_repeats_and_any_order)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);
	int fd = fixture_open("names-pie");
	uint64_t main_off = function_offset(fd, "names-pie", "main");
	uint64_t plain = function_offset(fd, "names-pie", "plain_function");
	const uint64_t offs[] = {
		main_off, plain, 0, main_off, plain + 1, main_off, 0, UINT64_MAX
	};
	struct sym_request req = {
		.kind = SYM_ELF, .fd = fd, .build_id = "", .offs = offs, .n = ARRAY_LEN(offs)
	};
	struct sym_batch b;

	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	cr_expect_eq(b.n_frames, 2, "three places in two functions, %zu frames", b.n_frames);
	cr_expect_eq(b.strings[0], '\0');
	cr_expect_eq(b.strings[b.n_strings - 1], '\0');
	for (size_t i = 0; i < req.n; i++) {
		const struct sym_answer *a = &b.answers[i];

		if (offs[i] == 0 || offs[i] == UINT64_MAX) {
			cr_expect_eq(a->reason, SYM_NO_MATCH);
			cr_expect_eq(a->frame_n, 0);
			continue;
		}
		cr_assert_eq(a->reason, SYM_OK);
		cr_assert_eq(a->frame_n, 1);
		cr_expect_str_eq(b.strings + b.frames[a->frame_first].name,
				 offs[i] == main_off ? "main" : "plain_function");
	}
	sym_batch_done(&b);
	sym_batch_done(&b); /* twice does no harm */
	symbolizer_free(s);
	close(fd);
}

/* That nothing else will be asked changes no answer, nor does asking in spite of it. */
Test(symbolize, the_last_question_is_answered_as_any)
{
	int fd = fixture_open("debug-gcc-5");
	uint64_t at = function_offset(fd, "debug-gcc-5", "main"), offs[200];
	struct sym_batch answers[4];

	for (size_t i = 0; i < ARRAY_LEN(offs); i++)
		offs[i] = at + i;
	for (int way = 0; way < 4; way++) {
		static struct symbolizer *s;
		struct sym_request req = { .kind = SYM_ELF,
					   .fd = fd,
					   .build_id = "",
					   .offs = offs,
					   .n = ARRAY_LEN(offs) };

		req.last = way != 0;
		if (way < 3)
			s = new_symbolizer(KALLSYMS);
		cr_assert_eq(symbolizer_run(s, &req, &answers[way]), 0);
		cr_expect_eq(answers[way].n_frames, answers[0].n_frames);
		for (size_t i = 0; i < answers[way].n_frames && i < answers[0].n_frames; i++) {
			const struct sym_frame *a = &answers[0].frames[i],
					       *b = &answers[way].frames[i];

			cr_expect_str_eq(answers[0].strings + a->name,
					 answers[way].strings + b->name);
			cr_expect_str_eq(answers[0].strings + a->file,
					 answers[way].strings + b->file);
			cr_expect_eq(a->line, b->line);
		}
		if (way != 2)
			symbolizer_free(s);
	}
	cr_expect_gt(answers[0].n_frames, 0);
	for (int way = 0; way < 4; way++)
		sym_batch_done(&answers[way]);
	close(fd);
}

Test(symbolize, accepts_an_empty_batch)
{
	struct symbolizer *s = new_symbolizer(KALLSYMS);
	struct sym_request req = { .kind = SYM_ELF, .fd = -1, .build_id = "" };
	struct sym_batch b;

	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	cr_expect_eq(b.n_frames, 0);
	sym_batch_done(&b);
	req.kind = SYM_KERNEL;
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	sym_batch_done(&b);
	symbolizer_free(s);
	symbolizer_free(NULL);
}

Test(symbolize, keeps_tables_within_bounds)
{
	struct symbolizer *s;
	int fd = fixture_open("names-pie"), odd = fixture_open("odd");

	cr_assert_eq(symbolizer_new(&s, &(struct symbolizer_opts){ .max_cache_bytes = 1 }), 0);
	fixture_name(s, SYM_ELF, fd, 0);
	fixture_name(s, SYM_ELF, odd, 0);
	cr_expect_eq(symbolizer_stats(s).evictions, 2);
	cr_expect_eq(symbolizer_stats(s).bytes, 0);
	symbolizer_free(s);
	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	fixture_name(s, SYM_ELF, fd, 0);
	fixture_name(s, SYM_ELF, fd, 1);
	cr_expect_eq(symbolizer_stats(s).loads, 1);
	cr_expect_eq(symbolizer_stats(s).hits, 1);
	symbolizer_free(s);
	close(fd);
	close(odd);
}

/* Makes the n-th allocation fail for every n, until nothing is left to fail. */
Test(symbolize, survives_every_failing_allocation)
{
	int fd = fixture_open("names-ibt");
	const uint64_t offs[] = { function_offset(fd, "names-ibt", "main"),
				  function_offset(fd, "names-ibt", "_ZN5outer5innerEi"), 0 };
	const uint64_t addrs[] = { 0xffffffff81000090, 0xffffffffc0302010 };
	struct sym_request elf = {
		.kind = SYM_ELF, .fd = fd, .build_id = "", .offs = offs, .n = ARRAY_LEN(offs)
	};
	struct sym_request kernel = {
		.kind = SYM_KERNEL, .fd = -1, .build_id = "", .offs = addrs, .n = ARRAY_LEN(addrs)
	};
	struct symbolizer_opts opts = { .kallsyms = KALLSYMS };
	int rounds = 0;

	for (int r = -1; r != 0; rounds++) {
		struct symbolizer *s = NULL;
		struct sym_batch b = { 0 }, b2 = { 0 };

		alloc_fail_at(rounds);
		r = symbolizer_new(&s, &opts);
		if (r == 0)
			r = symbolizer_run(s, &elf, &b);
		if (r == 0)
			r = symbolizer_run(s, &kernel, &b2);
		if (r == 0) {
			cr_expect_eq(b.n_frames, 2);
			cr_expect_eq(b2.n_frames, 2);
		} else {
			cr_expect_eq(r, -ENOMEM, "allocation %d: %d", rounds, r);
		}
		sym_batch_done(&b);
		sym_batch_done(&b2);
		symbolizer_free(s);
		cr_expect_eq(alloc_live(), 0, "allocation %d: %ld not freed", rounds, alloc_live());
	}
	alloc_fail_at(-1);
	cr_expect_gt(rounds, 20);
	close(fd);
}
