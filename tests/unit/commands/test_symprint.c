/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "addrreader.h"
#include "allocfail.h"
#include "fake_symbolizer.h"
#include "golden.h"
#include "symprint.h"

static const struct fake_frame inlined[] = {
	{ "less(int, int)", "_Z4lessii", "/src/less.h", 7, 5 },
	{ "void std::sort<int*>(int*, int*)", "_ZSt4sortIPiEvT_S1_", "/src/sort.cc", 22, 20 },
	{ "main", "main", "/src/main.cc", 4000000000, 1 },
};
static const struct fake_frame from_table = { "outer::inner(int)", "_ZN5outer5innerEi", "", 0, 0 };
static const struct fake_frame no_line = { "f", "f", "f.c", 0, 0 };
static const struct fake_frame no_name = { "", "", "/src/asm.S", 12, 0 };
static const struct fake_frame hostile = { "\033[2J\"\\x\n\xff\xe2\x80\xae", "evil\x9b",
					   "/tmp/\r\033]0;owned\007.c", 1, 1 };
static const struct fake_place places[] = {
	{ 0x1139, SYM_OK, inlined, 3 },	       { 0x1172, SYM_OK, &from_table, 1 },
	{ 0x2000, SYM_NO_SYMBOLS, NULL, 0 },   { 0x3000, SYM_OK, &no_line, 1 },
	{ 0x3001, SYM_OK, &no_name, 1 },       { 0x4000, SYM_OK, &hostile, 1 },
	{ UINT64_MAX, SYM_NO_MATCH, NULL, 0 },
};
static const uint64_t addrs[] = { 0x1139, 0x1172, 0, 0x2000, 0x3000, 0x3001, 0x4000, UINT64_MAX };

/* The batch of all places, and a wrong line in the third place. */
static void ask(struct addr_batch *q, struct sym_batch *a)
{
	static const char wrong[] = "zebra \"\033[2J";
	struct sym_request req = { .kind = SYM_VADDR, .offs = addrs, .n = ARRAY_LEN(addrs) };

	fake_symbolizer_set(places, ARRAY_LEN(places));
	*q = (struct addr_batch){ 0 };
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++)
		cr_assert_eq(array_push(&q->addrs, addrs[i]), 0);
	cr_assert_eq(
		array_push(&q->wrong, (struct addr_wrong){ .i = 2, .text = 0, .n = strlen(wrong) }),
		0);
	for (const char *s = wrong; *s; s++)
		cr_assert_eq(array_push(&q->texts, *s), 0);
	cr_assert_eq(symbolizer_run(NULL, &req, a), 0);
}

static void expect_golden(enum symprint_form form, bool to_terminal, const char *name)
{
	char *text = NULL;
	size_t size;
	struct symprint p = { .form = form, .to_terminal = to_terminal };
	struct addr_batch q;
	struct sym_batch a;

	p.out = open_memstream(&text, &size);
	ask(&q, &a);
	if (form == SYMPRINT_ADDR2LINE)
		q.wrong.n = 0; /* it has none */
	cr_expect_eq(symprint_batch(&p, &q, &a), 0);
	fclose(p.out);
	golden_check(name, text);
	free(text);
	symprint_done(&p);
	sym_batch_done(&a);
	addr_batch_done(&q);
}

Test(symprint, text)
{
	expect_golden(SYMPRINT_TEXT, false, "symbolize/text.txt");
}

Test(symprint, json)
{
	expect_golden(SYMPRINT_JSON, false, "symbolize/json.txt");
}

Test(symprint, as_addr2line)
{
	expect_golden(SYMPRINT_ADDR2LINE, false, "symbolize/addr2line.txt");
}

Test(symprint, as_addr2line_on_a_terminal)
{
	expect_golden(SYMPRINT_ADDR2LINE, true, "symbolize/addr2line-terminal.txt");
}

static struct addr_batch asked;
static struct sym_batch answers;

/* What @threads make of the batch; caller frees. */
static char *printed(enum symprint_form form, unsigned threads)
{
	struct symprint p = { .form = form, .threads = threads };
	char *text = NULL;
	size_t size;

	p.out = open_memstream(&text, &size);
	for (int i = 0; i < 2; i++)
		cr_expect_eq(symprint_batch(&p, &asked, &answers), 0);
	fclose(p.out);
	symprint_done(&p);
	return text;
}

Test(symprint, several_threads_write_in_the_same_order)
{
	static const enum symprint_form forms[] = { SYMPRINT_TEXT, SYMPRINT_JSON,
						    SYMPRINT_ADDR2LINE };
	uint64_t many[20000];
	struct sym_request req = { .kind = SYM_VADDR, .offs = many, .n = ARRAY_LEN(many) };

	fake_symbolizer_set(places, ARRAY_LEN(places));
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = addrs[i * i % 7919 % ARRAY_LEN(addrs)];
		cr_assert_eq(array_push(&asked.addrs, many[i]), 0);
		if (many[i] == 0)
			array_push(&asked.wrong, (struct addr_wrong){ .i = i, .n = 1 });
	}
	cr_assert_eq(array_push(&asked.texts, 'z'), 0);
	cr_assert_eq(symbolizer_run(NULL, &req, &answers), 0);
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		char *one = printed(forms[i], 0), *three = printed(forms[i], 3);

		cr_expect(strcmp(one, three) == 0);
		free(one);
		free(three);
	}
	sym_batch_done(&answers);
	addr_batch_done(&asked);
}

static int attempt(void)
{
	struct symprint p = { .form = SYMPRINT_JSON };
	int r;

	p.out = fopen("/dev/null", "w");
	if (!p.out)
		return -ENOMEM;
	setvbuf(p.out, NULL, _IONBF, 0);
	r = symprint_batch(&p, &asked, &answers);
	fclose(p.out);
	symprint_done(&p);
	return r;
}

Test(symprint, survives_every_failed_allocation)
{
	ask(&asked, &answers);
	allocfail_each(attempt);
	sym_batch_done(&answers);
	addr_batch_done(&asked);
}
