/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: the same answers however they come about, descriptors, units that do not say where they
 * are. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dwmaker.h"
#include "dwobject_state.h"
#include "elf_fixture.h"
#include "elfsym.h"
#include "scratch.h"

static const struct dwline_span code[] = { { 0x1000, 0x100000 } };

static struct dwobject_opts plain_opts(void)
{
	return (struct dwobject_opts){ .alt_fd = -1,
				       .code = code,
				       .n_code = 1,
				       .max_inflated = 1 << 30,
				       .max_images = 1 << 30,
				       .threads = 1 };
}

static struct dwobject *open_made(const struct dwmaker *m, const struct dwobject_opts *opts)
{
	struct dwobject *o;

	cr_assert_eq(dwobject_open(dwmaker_elf(m), opts, &o), 0);
	return o;
}

/* "inner<outer", "?" for a line alone, "-" for nothing; "!" behind it when more may be known. */
static const char *show(struct dwobject *o, const struct dwquery *q, const struct dwframes *frames)
{
	static char text[8192];
	char name[1024];
	size_t at = 0;

	strcpy(text, q->n ? "" : "-");
	for (uint32_t i = 0; i < q->n; i++) {
		const struct symunit_frame *f = &frames->frames.items[q->first + i];
		const char *s = dwobject_string(o, f->name.name, sizeof(name), name);

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s:%u", i ? "<" : "",
				       f->name.name ? s : "?", f->line);
	}
	if (q->limited)
		strcat(text, "!");
	return text;
}

static const char *find(struct dwobject *o, uint64_t addr)
{
	struct dwquery q = { .addr = addr };
	struct dwframes frames = { 0 };
	const char *text;

	cr_assert_eq(dwobject_find(o, &q, 1, &frames), 0);
	text = show(o, &q, &frames);
	array_free(&frames.frames);
	return text;
}

/* --- one object by several ways ----------------------------------------------------------- */

enum { EACH = 2000 };

/* Asks @n queries, @batch at a time; with @only it is said before that there will be no others. */
static void ask_all(struct dwobject *o, struct dwquery *queries, size_t n, size_t batch, bool only,
		    struct dwframes *frames)
{
	static uint64_t addrs[EACH];

	for (size_t i = 0; i < n; i++)
		addrs[i] = queries[i].addr;
	if (only)
		dwobject_expect_only(o, addrs, n);
	for (size_t i = 0; i < n; i += batch)
		cr_assert_eq(dwobject_find(o, queries + i, n - i < batch ? n - i : batch, frames),
			     0);
	dwobject_expect_only(o, NULL, 0);
}

/* All answers to addresses of the whole code of a fixture, as text; the caller frees. */
static char *all_answers(const char *fixture, struct dwobject_opts *opts, size_t batch, bool only)
{
	static struct dwquery queries[EACH];
	struct dwframes frames = { 0 };
	struct dwline_span spans[16];
	int fd = fixture_open(fixture);
	struct elf_object elf;
	struct dwobject *o;
	size_t n = 0, size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(elf_object_load_fd(fd, UINT64_MAX, &elf), 0);
	for (size_t i = 0; i < elf.n_code; i++) {
		spans[i] = (struct dwline_span){ elf.code[i].vaddr,
						 elf.code[i].vaddr + elf.code[i].size };
		for (uint64_t k = 0; k < EACH / elf.n_code; k++)
			queries[n++].addr = spans[i].lo + elf.code[i].size * k / EACH * elf.n_code;
	}
	opts->code = spans;
	opts->n_code = elf.n_code;
	if (opts->store_dir && dwobject_open_stored(opts, &o) == 0)
		fputs("stored\n", out);
	else
		cr_assert_eq(dwobject_open(dup(fd), opts, &o), 0);
	ask_all(o, queries, n, batch, only, &frames);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%lx %s\n", (unsigned long)queries[i].addr,
			show(o, &queries[i], &frames));
	cr_expect_eq(dwobject_broken(o), 0);
	cr_expect_eq(dwobject_limited(o), 0);
	cr_expect_eq(dwobject_wants_saving(o), opts->store_dir && !dwobject_is_stored(o));
	if (dwobject_wants_saving(o))
		cr_expect_eq(dwobject_save(o, &elf), 0);
	fclose(out);
	array_free(&frames.frames);
	dwobject_free(o);
	elf_object_done(&elf);
	close(fd);
	return text;
}

static void check_ways(const char *fixture)
{
	struct dwobject_opts opts = plain_opts();
	char *want = all_answers(fixture, &opts, EACH, false), *got;

	cr_expect(strstr(want, "<"), "nothing was inlined");
	for (int way = 0; way < 11; way++) {
		opts = plain_opts();
		opts.threads = way == 0 ? 0 : way == 1 ? 4 : way == 2 ? 100 : 1;
		if (way == 3)
			opts.max_images = 0; /* read each time */
		if (way == 4 || way == 5) {
			opts.store_dir = ".";
			opts.store_key = "key";
		}
		if (way == 6 || way == 7 || way == 10)
			opts.max_held = 1; /* of what is compressed, in pieces */
		got = all_answers(fixture, &opts,
				  way == 3 || way == 9 ? 500
				  : way == 7	       ? 1
						       : EACH,
				  way >= 8);
		cr_expect_eq(!strncmp(got, "stored\n", 7), way == 5, "%d", way);
		cr_expect_str_eq(way == 5 ? got + 7 : got, want);
		free(got);
	}
	free(want);
	cr_expect_eq(unlink("key.wickidx"), 0);
}

Test(dwobject, threads_and_what_is_kept_change_no_answer)
{
	struct scratch_dir dir;

	scratch_enter(&dir);
	check_ways("debug-gcc-5");
	check_ways("debug-clang-4");
	check_ways("debugxx-gcc-5");
	check_ways("debug-clang-z");
	scratch_leave(&dir);
}

/* What nobody asks is in no image, and goes when it is passed; afterwards all is there again. */
Test(dwobject, what_is_asked_alone_takes_less_memory)
{
	static struct dwquery queries[64];
	struct dwobject_opts opts = plain_opts();
	struct dwframes frames = { 0 };
	struct dwmaker m = { 0 };
	uint64_t addrs[64];
	struct dwobject *o;
	size_t all;

	dwmaker_many(&m, 64, 100);
	for (size_t i = 0; i < 64; i++)
		addrs[i] = queries[i].addr = 0x1000 + 1600 * i;
	o = open_made(&m, &opts);
	cr_assert_eq(dwobject_find(o, queries, 64, &frames), 0);
	all = o->image_bytes;
	dwobject_free(o);

	o = open_made(&m, &opts);
	dwobject_expect_only(o, addrs, 64);
	cr_assert_eq(dwobject_find(o, queries, 60, &frames), 0);
	cr_expect_lt(o->image_bytes, all / 8);
	cr_assert_eq(dwobject_find(o, queries + 60, 4, &frames), 0);
	for (size_t i = 0; i < 64; i++)
		cr_expect_eq(queries[i].n, 1);
	dwobject_expect_only(o, NULL, 0);
	cr_expect_eq(o->image_bytes, 0);
	cr_expect_str_eq(find(o, 0x1000 + 1600 * 3 + 16), "u3_f1:0");
	dwobject_free(o);

	/* Of what will be kept on disk all is needed. */
	opts.store_dir = "/nonexistent";
	opts.store_key = "key";
	o = open_made(&m, &opts);
	dwobject_expect_only(o, addrs, 64);
	cr_assert_eq(dwobject_find(o, queries, 64, &frames), 0);
	dwobject_expect_only(o, NULL, 0);
	cr_expect_eq(o->image_bytes, all);
	dwobject_free(o);
	array_free(&frames.frames);
	dwmaker_done(&m);
}

/* Large enough to be worth several threads. */
Test(dwobject, many_units_on_many_threads)
{
	enum { UNITS = 300, FUNCTIONS = 1000, ASKED = 20000 };
	static const struct dwline_span all = { 0x1000, 0x1000 + 16 * UNITS * FUNCTIONS };
	struct dwquery *queries = calloc(ASKED, sizeof(*queries));
	struct dwmaker m = { 0 };
	struct scratch_dir dir;

	dwmaker_many(&m, UNITS, FUNCTIONS);
	scratch_enter(&dir);
	for (int way = 0; way < 6; way++) {
		struct dwobject_opts opts = plain_opts();
		struct dwframes frames = { 0 };
		struct dwobject *o;

		opts.code = &all;
		opts.threads = way == 0 ? 1 : 8;
		opts.max_images = way == 1 ? SIZE_MAX : 1 << 20;
		opts.store_dir = way == 2 || way == 3 ? "." : NULL;
		opts.store_key = "key";
		opts.max_held = 1;
		m.zlib = way >= 4;
		if (way != 3)
			o = open_made(&m, &opts);
		else
			cr_assert_eq(dwobject_open_stored(&opts, &o), 0);
		for (size_t i = 0; i < ASKED; i++)
			queries[i].addr = 0x1000 + 16 * (i * UNITS * FUNCTIONS / ASKED) + i % 16;
		cr_assert_eq(dwobject_find(o, queries, ASKED, &frames), 0);
		for (size_t i = 0; i < ASKED; i++) {
			size_t function = i * UNITS * FUNCTIONS / ASKED;
			char want[40];

			snprintf(want, sizeof(want), "u%zu_f%zu:0", function / FUNCTIONS,
				 function % FUNCTIONS);
			cr_assert_str_eq(show(o, &queries[i], &frames), want, "%d", way);
		}
		cr_expect_eq(dwobject_broken(o) + dwobject_limited(o), 0);
		if (way == 2)
			cr_expect_eq(dwobject_save(o, &(struct elf_object){ 0 }), 0);
		array_free(&frames.frames);
		dwobject_free(o);
	}
	scratch_leave(&dir);
	free(queries);
	dwmaker_done(&m);
}

/* --- descriptors -------------------------------------------------------------------------- */

static unsigned open_fds(void)
{
	return scratch_count("/proc/self/fd");
}

Test(dwobject, the_descriptors_stay_the_callers_when_it_fails)
{
	static const char *const fixtures[] = { "names-stripped", "odd" };
	struct dwobject_opts opts = plain_opts();
	unsigned before;

	for (size_t i = 0; i < ARRAY_LEN(fixtures); i++) {
		int fd = fixture_open(fixtures[i]), alt = fixture_open("debug-gcc-5");
		struct dwobject *o = (void *)1;

		before = open_fds();
		opts.alt_fd = alt;
		cr_expect_eq(dwobject_open(fd, &opts, &o), -ENOENT);
		cr_expect_eq((void *)o, (void *)1);
		cr_expect_eq(open_fds(), before);
		cr_expect_eq(close(fd), 0);
		cr_expect_eq(close(alt), 0);
	}
}

Test(dwobject, the_descriptors_are_closed_with_the_object)
{
	struct dwobject_opts opts = plain_opts();
	unsigned before = open_fds();
	struct dwobject *o;

	opts.alt_fd = fixture_open("debug-gcc-5");
	cr_assert_eq(dwobject_open(fixture_open("debug-gcc-4"), &opts, &o), 0);
	dwobject_free(o);
	cr_expect_eq(open_fds(), before);
	/* A common file that cannot be read costs names, not the rest. */
	opts.alt_fd = fixture_memfd("text", 4);
	cr_assert_eq(dwobject_open(fixture_open("debug-gcc-z"), &opts, &o), 0);
	dwobject_free(o);
	cr_expect_eq(open_fds(), before);
}

/* --- units that do not say where they are -------------------------------------------------- */

/* Codes of the table. */
enum { UNIT = 1, LOOSE, RANGES_UNIT, FUNC, BROKEN_RANGES };

static void put_table(struct dwmaker *m)
{
	DWMAKER_ABBREV(m, UNIT, DW_TAG_compile_unit, true, DW_AT_low_pc, DW_FORM_addr,
		       DW_AT_high_pc, DW_FORM_data4, DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, LOOSE, DW_TAG_compile_unit, true, DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, RANGES_UNIT, DW_TAG_compile_unit, true, DW_AT_ranges, DW_FORM_sec_offset,
		       DW_AT_stmt_list, DW_FORM_sec_offset);
	DWMAKER_ABBREV(m, FUNC, DW_TAG_subprogram, false, DW_AT_name, DW_FORM_string, DW_AT_low_pc,
		       DW_FORM_addr, DW_AT_high_pc, DW_FORM_data4);
	dwmaker_uint(m, DW_ABBREV, 0, 1);
}

static void put_func(struct dwmaker *m, const char *name, uint64_t lo, uint64_t n)
{
	dwmaker_uleb(m, DW_INFO, FUNC);
	dwmaker_str(m, DW_INFO, name);
	dwmaker_u64(m, lo);
	dwmaker_u32(m, n);
}

static void begin_unit(struct dwmaker *m, uint64_t lo, uint64_t n)
{
	if (m->s[DW_ABBREV].n == 0)
		put_table(m);
	dwmaker_unit(m, 4, 0, 0);
	dwmaker_uleb(m, DW_INFO, n ? UNIT : LOOSE);
	if (n) {
		dwmaker_u64(m, lo);
		dwmaker_u32(m, n);
	}
	dwmaker_u32(m, 0x7fffffff); /* a line program that is not there */
}

static void end_unit(struct dwmaker *m)
{
	dwmaker_u8(m, 0);
	dwmaker_unit_end(m);
}

static void put_loose_units(struct dwmaker *m)
{
	begin_unit(m, 0x1000, 0x100);
	put_func(m, "bound", 0x1000, 0x100);
	end_unit(m);
	for (unsigned i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "loose%u", i);
		begin_unit(m, 0, 0);
		put_func(m, name, 0x2000 + 0x100 * i, 0x80);
		end_unit(m);
	}
}

static void check_loose(struct dwobject *o)
{
	cr_expect_str_eq(find(o, 0x2510), "loose5:0");
	cr_expect_str_eq(find(o, 0x1010), "bound:0");
	cr_expect_str_eq(find(o, 0x2000), "loose0:0");
	cr_expect_str_eq(find(o, 0x337f), "loose19:0");
	cr_expect_str_eq(find(o, 0x3380), "-");
}

Test(dwobject, a_unit_that_does_not_say_where_it_is_is_found)
{
	struct dwmaker m = { 0 };
	struct dwobject_opts opts = plain_opts();
	struct scratch_dir dir;
	struct dwobject *o;

	put_loose_units(&m);
	for (int way = 0; way < 3; way++) {
		opts = plain_opts();
		opts.max_images = way == 1 ? 0 : SIZE_MAX;
		opts.threads = way == 2 ? 4 : 1;
		o = open_made(&m, &opts);
		check_loose(o);
		dwobject_free(o);
	}
	/* The first question is the one for which all are saved. */
	scratch_enter(&dir);
	opts = plain_opts();
	opts.store_dir = ".";
	opts.store_key = "key";
	for (int stored = 0; stored < 2; stored++) {
		cr_assert_eq(dwobject_open_stored(&opts, &o), stored ? 0 : -ENOENT);
		if (!stored)
			o = open_made(&m, &opts);
		check_loose(o);
		cr_expect_eq(dwobject_wants_saving(o), !stored);
		cr_expect_eq(dwobject_save(o, &(struct elf_object){ 0 }), 0);
		check_loose(o);
		dwobject_free(o);
	}
	scratch_leave(&dir);
	dwmaker_done(&m);
}

Test(dwobject, a_broken_list_of_a_unit_hides_nothing)
{
	struct dwmaker m = { 0 };
	struct dwobject_opts opts = plain_opts();
	struct dwobject *o;

	put_table(&m);
	dwmaker_unit(&m, 4, 0, 0);
	dwmaker_uleb(&m, DW_INFO, RANGES_UNIT);
	dwmaker_u32(&m, 0x12345);
	dwmaker_u32(&m, 0);
	put_func(&m, "hidden", 0x5000, 0x10);
	end_unit(&m);
	o = open_made(&m, &opts);
	cr_expect_str_eq(find(o, 0x5008), "hidden:0");
	dwobject_free(o);
	dwmaker_done(&m);
}

Test(dwobject, several_units_may_claim_an_address)
{
	struct dwmaker m = { 0 };
	struct dwobject_opts opts = plain_opts();
	struct dwobject *o;

	for (unsigned i = 0; i < 40; i++) {
		begin_unit(&m, 0x1000 + i, 0x10000 - 2 * i);
		if (i == 7)
			put_func(&m, "seventh", 0x2000, 0x10);
		end_unit(&m);
	}
	o = open_made(&m, &opts);
	cr_expect_str_eq(find(o, 0x2005), "seventh:0");
	cr_expect_str_eq(find(o, 0x2010), "-");
	cr_expect_eq(dwobject_broken(o), 40, "no line programs; kept ones are not made again");
	dwobject_free(o);
	dwmaker_done(&m);
}

/* --- the rest ------------------------------------------------------------------------------ */

Test(dwobject, nothing_is_asked_or_nothing_known)
{
	struct dwmaker m = { 0 };
	struct dwobject_opts opts = plain_opts();
	struct dwframes frames = { 0 };
	struct dwobject *o;

	begin_unit(&m, 0x1000, 0x100);
	put_func(&m, "f", 0x1000, 0x100);
	end_unit(&m);
	o = open_made(&m, &opts);
	cr_expect_eq(dwobject_find(o, NULL, 0, &frames), 0);
	cr_expect_str_eq(find(o, 0), "-");
	cr_expect_str_eq(find(o, UINT64_MAX), "-");
	cr_expect_str_eq(dwobject_string(o, STRREF_NONE, 10, (char[10]){ 0 }), "");
	cr_expect_str_eq(dwobject_string(o, strref(STRREF_OWN, 0), 10, (char[10]){ 0 }), "");
	cr_expect_str_eq(dwobject_string(o, strref(200, 0), 10, (char[10]){ 0 }), "");
	cr_expect_gt(dwobject_bytes(o), 0);
	array_free(&frames.frames);
	dwobject_free(o);
	dwobject_free(NULL);
	dwmaker_done(&m);
}

/* Returns -ENOMEM, or 0 when all of it went well. */
static int try_all(const struct dwmaker *m, const struct dwobject_opts *opts)
{
	struct dwquery queries[] = { { .addr = 0x1010 }, { .addr = 0x2110 } };
	struct dwframes frames = { 0 };
	int fd = dwmaker_elf(m), r;
	struct dwobject *o;

	r = dwobject_open(fd, opts, &o);
	if (r < 0) {
		cr_expect_eq(close(fd), 0, "it stays the caller's");
		return r;
	}
	r = dwobject_find(o, queries, 2, &frames);
	if (r == 0)
		r = dwobject_save(o, &(struct elf_object){ 0 });
	array_free(&frames.frames);
	dwobject_free(o);
	return r;
}

Test(dwobject, fails_for_want_of_memory_and_leaks_none)
{
	struct dwobject_opts opts = plain_opts();
	struct dwmaker m = { 0 };
	unsigned fds = open_fds();
	struct scratch_dir dir;
	int r = -ENOMEM;

	put_loose_units(&m);
	scratch_enter(&dir);
	opts.store_dir = ".";
	opts.store_key = "key";
	for (long i = 0; r < 0; i++) {
		unlink("key.wickidx");
		alloc_fail_at(i);
		r = try_all(&m, &opts);
		cr_assert(r == 0 || r == -ENOMEM, "%ld: %d", i, r);
		cr_expect_leq(alloc_live(), 0, "%ld", i); /* asprintf()'s are freed, not counted */
		alloc_fail_at(-1);
		cr_expect_eq(open_fds(), fds);
	}
	scratch_leave(&dir);
	dwmaker_done(&m);
}
