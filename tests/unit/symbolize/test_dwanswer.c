/* SPDX-License-Identifier: Apache-2.0 */
/* A question that is answered in parts, each while the next one is looked up. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbolize.h"

enum {
	ALL = 30000, /* addresses: some parts */
	FEW = 1000,  /* less than a part */
};

/* Where this program's code is in its file. */
static int find_code(struct dl_phdr_info *info, size_t n, void *ctx)
{
	ElfW(Phdr) *ret = ctx;

	(void)n;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X)
			*ret = info->dlpi_phdr[i];
	return 1; /* the program is the first one */
}

/* Addresses in no order, some of them more than once. */
static void make_addresses(uint64_t offs[ALL])
{
	ElfW(Phdr) code = { 0 };
	uint64_t x = 1;

	dl_iterate_phdr(find_code, &code);
	cr_assert_gt(code.p_filesz, ALL);
	for (size_t i = 0; i < ALL; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		offs[i] = code.p_offset + (x >> 16) % code.p_filesz;
		if (i % 8 == 7)
			offs[i] = offs[i / 2];
	}
}

static void run(struct symbolizer *s, int fd, const uint64_t *offs, size_t n, struct sym_batch *ret)
{
	const struct sym_request req = { .kind = SYM_ELF, .fd = fd, .offs = offs, .n = n };

	cr_assert_eq(symbolizer_run(s, &req, ret), 0);
}

static bool is_same(const struct sym_batch *a, const struct sym_answer *x,
		    const struct sym_batch *b, const struct sym_answer *y)
{
	if (x->reason != y->reason || x->frame_n != y->frame_n)
		return false;
	for (uint32_t i = 0; i < x->frame_n; i++) {
		const struct sym_frame *f = &a->frames[x->frame_first + i],
				       *g = &b->frames[y->frame_first + i];

		if (f->line != g->line || f->start_line != g->start_line ||
		    strcmp(a->strings + f->name, b->strings + g->name) != 0 ||
		    strcmp(a->strings + f->system_name, b->strings + g->system_name) != 0 ||
		    strcmp(a->strings + f->file, b->strings + g->file) != 0)
			return false;
	}
	return true;
}

static void expect_parts_answer_as_few_do(unsigned threads)
{
	const struct symbolizer_opts many = { .threads = threads }, one = { .threads = 1 };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t *offs = calloc(ALL, sizeof(*offs));
	size_t wrong = 0, named = 0;
	struct symbolizer *s, *few;
	struct sym_batch all, some;

	cr_assert_geq(fd, 0);
	make_addresses(offs);
	cr_assert_eq(symbolizer_new(&s, &many), 0);
	cr_assert_eq(symbolizer_new(&few, &one), 0);
	for (int again = 0; again < 2; again++) {
		run(s, fd, offs, ALL, &all);
		for (size_t i = 0; i < ALL; i += FEW) {
			run(few, fd, offs + i, FEW, &some);
			for (size_t k = 0; k < FEW; k++) {
				wrong += !is_same(&all, &all.answers[i + k], &some,
						  &some.answers[k]);
				named += some.answers[k].frame_n > 1; /* of DWARF, not of symbols */
			}
			sym_batch_done(&some);
		}
		sym_batch_done(&all);
	}
	cr_expect_eq(wrong, 0, "%zu", wrong);
	cr_expect_gt(named, 0);
	symbolizer_free(s);
	symbolizer_free(few);
	free(offs);
	close(fd);
}

Test(dwanswer, parts_answer_as_few_do)
{
	expect_parts_answer_as_few_do(1);
}

Test(dwanswer, parts_answer_as_few_do_on_threads)
{
	expect_parts_answer_as_few_do(4);
}
