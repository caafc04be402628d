/* SPDX-License-Identifier: Apache-2.0 */
/* Tables made by hand; test_goprograms.c has real ones. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elf_fixture.h"
#include "elffile.h"
#include "go_frames.h"
#include "go_image.h"
#include "gopclntab.h"

struct result {
	struct strtab own;
	struct symunit_builder b;
};

static int read_bytes(const uint8_t *p, size_t n, size_t max, struct result *ret)
{
	struct elf_file f;
	int r;

	*ret = (struct result){ 0 };
	cr_assert_eq(strtab_init(&ret->own), 0);
	r = elf_file_open_mem(&f, p, n);
	if (r == 0)
		r = gopclntab_read(&f, max, &ret->own, &ret->b);
	elf_file_close(&f);
	return r;
}

static void result_done(struct result *res)
{
	strtab_done(&res->own);
	go_builder_done(&res->b);
}

static const struct go_image_kind kinds[] = {
	{ .layout = GO_12 },
	{ .layout = GO_116 },
	{ .layout = GO_118 },
	{ .layout = GO_120 },
	{ .layout = GO_12, .relocated = true },
	{ .layout = GO_116, .relocated = true },
	{ .layout = GO_118, .relocated = true },
	{ .layout = GO_120, .relocated = true },
	{ .layout = GO_118, .shift = 3 },
	{ .layout = GO_120, .shift = 7 },
};

static void expect(const struct result *res, unsigned kind, uint64_t addr, const char *want)
{
	cr_expect_str_eq(go_frames(&res->b, &res->own, addr), want, "kind %u, %#lx: %s", kind,
			 (unsigned long)addr, go_frames(&res->b, &res->own, addr));
}

Test(gopclntab, reads_every_layout)
{
	uint8_t image[GO_IMAGE_BYTES];
	struct result res;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		go_image_make(&kinds[i], image);
		cr_assert_eq(read_bytes(image, sizeof(image), SIZE_MAX, &res), 0, "kind %u", i);
		expect(&res, i, 0x400fff, "");
		expect(&res, i, 0x401000, "main.outer@/src/a.go:10");
		expect(&res, i, 0x401008, "main.outer@/src/a.go:12");
		expect(&res, i, 0x401010, "main.mid@/src/b.go:22\nmain.outer@/src/a.go:12");
		expect(&res, i, 0x40102f,
		       "main.inner@/src/c.go:33\nmain.mid@/src/b.go:22\nmain.outer@/src/a.go:12");
		expect(&res, i, 0x401030, "main.outer@/src/a.go:14");
		expect(&res, i, 0x401047, "main.leaf@/src/a.go:40");
		expect(&res, i, 0x401048, "main.leaf@?:0");
		expect(&res, i, 0x401050, "");
		result_done(&res);
	}
}

static const struct symunit_name *name_of(const struct result *res, const char *want)
{
	array_each(&res->b.names, name)
		if (strcmp(res->own.bytes + strref_off(name->name), want) == 0)
			return name;
	cr_assert_fail("no %s", want);
	return NULL;
}

Test(gopclntab, knows_where_functions_begin)
{
	static const struct {
		const char *name;
		uint32_t line;
	} want[] = { { "main.outer", 9 },
		     { "main.mid", 21 },
		     { "main.inner", 31 },
		     { "main.leaf", 39 } };
	uint8_t image[GO_IMAGE_BYTES];
	struct result res;

	go_image_make(&kinds[3], image);
	cr_assert_eq(read_bytes(image, sizeof(image), SIZE_MAX, &res), 0);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
		const struct symunit_name *name = name_of(&res, want[i].name);

		cr_expect_eq(name->decl_line, want[i].line);
	}
	result_done(&res);
}

Test(gopclntab, takes_the_text_of_the_header_without_a_module)
{
	const struct go_image_kind kind = { .layout = GO_120, .no_module = true };
	uint8_t image[GO_IMAGE_BYTES];
	uint64_t text = 0x401000;
	struct result res;

	go_image_make(&kind, image);
	cr_expect_eq(read_bytes(image, sizeof(image), SIZE_MAX, &res), -EBADMSG);
	result_done(&res);
	memcpy(image + GO_IMAGE_TABLE + 24, &text, 8);
	cr_assert_eq(read_bytes(image, sizeof(image), SIZE_MAX, &res), 0);
	/* Where the trees are is not known. */
	expect(&res, 3, 0x401020, "main.outer@/src/c.go:33");
	result_done(&res);
}

Test(gopclntab, tells_what_is_wrong)
{
	uint8_t image[GO_IMAGE_BYTES];
	struct result res;

	go_image_make(&kinds[3], image);
	cr_expect_eq(read_bytes(image, sizeof(image), 64, &res), -EFBIG);
	cr_expect_eq(res.b.scopes.n + res.b.rows.n + res.b.names.n, 0);
	result_done(&res);
	memset(image + GO_IMAGE_TABLE, 0, 8);
	cr_expect_eq(read_bytes(image, sizeof(image), SIZE_MAX, &res), -ENOENT);
	result_done(&res);
}

/* Items of the tree that name each other, or themselves, as what they are inlined into. */
Test(gopclntab, is_not_led_in_a_circle)
{
	uint8_t image[GO_IMAGE_BYTES];
	uint32_t at = 0x20;
	struct result res;

	go_image_make(&kinds[3], image);
	memcpy(image + GO_IMAGE_TREES + 8, &at, 4);
	memcpy(image + GO_IMAGE_TREES + 16 + 8, &at, 4);
	cr_assert_eq(read_bytes(image, sizeof(image), SIZE_MAX, &res), 0);
	expect(&res, 3, 0x401020, "main.inner@/src/c.go:33\nmain.outer@/src/c.go:33");
	expect(&res, 3, 0x401010, "main.mid@/src/b.go:22\nmain.outer@/src/c.go:33");
	result_done(&res);
}

Test(gopclntab, lives_with_any_byte_changed)
{
	uint8_t image[GO_IMAGE_BYTES];
	static const uint8_t values[] = { 0, 0x7f, 0xff };
	struct result res;

	for (unsigned k = 0; k < 8; k++) {
		go_image_make(&kinds[k], image);
		for (size_t i = 0; i < sizeof(image); i++) {
			uint8_t old = image[i];

			/* What is zero is padding for the most part. */
			if (old == 0 && i % 7 != k % 7)
				continue;
			for (unsigned v = 0; v < ARRAY_LEN(values); v++) {
				image[i] = values[v];
				read_bytes(image, sizeof(image), 1 << 20, &res);
				go_frames(&res.b, &res.own, 0x401020);
				result_done(&res);
			}
			image[i] = old;
		}
	}
}

Test(gopclntab, survives_every_failed_allocation)
{
	uint8_t image[GO_IMAGE_BYTES];
	struct symunit_builder b;
	struct strtab own;
	struct elf_file f;

	for (unsigned k = 0; k < 8; k++) {
		int r = -ENOMEM;

		go_image_make(&kinds[k], image);
		for (long n = 0; r != 0; n++) {
			cr_assert_eq(strtab_init(&own), 0);
			cr_assert_eq(elf_file_open_mem(&f, image, sizeof(image)), 0);
			b = (struct symunit_builder){ 0 };
			alloc_fail_at(n);
			r = gopclntab_read(&f, SIZE_MAX, &own, &b);
			alloc_fail_at(-1);
			cr_assert(r == 0 || r == -ENOMEM, "%d", r);
			cr_assert_lt(n, 1000);
			elf_file_close(&f);
			strtab_done(&own);
			go_builder_done(&b);
		}
	}
}
