/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "err.h"
#include "folded.h"
#include "made_profile.h"

#define text(id) strtab_get(&p->strings, (id))

static const char *name_of(const struct profile *p, uint32_t location, uint32_t line)
{
	const struct profile_location *l = &p->locations.items[location];
	const struct profile_line *at = &p->lines.items[l->line_first + line];

	return text(p->functions.items[at->function].name);
}

static void refused(const char *bytes, size_t n, const char *why)
{
	struct buffer buf = { 0 };
	struct source in = buffer_source(&buf);
	struct profile *p = NULL;
	struct err e = { 0 };

	buffer_add(&buf, bytes, n);
	cr_assert_eq(folded_read(&in, &p, &e), -EBADMSG, "wanted: %s", why);
	cr_assert(strstr(e.text, why), "'%s' does not say '%s'", e.text, why);
	array_free(&buf);
}

Test(folded_read, makes_samples_of_functions)
{
	struct profile *p = read_folded("main;work;main 3\nmain;other 4\n");

	cr_assert_eq(p->sample_types.n, 1);
	cr_assert_str_eq(text(p->sample_types.items[0].type), "samples");
	cr_assert_str_eq(text(p->sample_types.items[0].unit), "count");
	cr_assert_eq(p->functions.n, 3);
	cr_assert_eq(p->locations.n, 3);
	cr_assert_eq(p->samples.n, 2);
	cr_assert_eq(p->samples.items[0].loc_n, 3);
	cr_assert_eq(p->stacks.items[0], p->stacks.items[2]);
	cr_assert_str_eq(name_of(p, p->stacks.items[3], 0), "other", "the leaf is first");
	cr_assert_eq(profile_value(p, 1, 0), 4);
	profile_free(p);
}

Test(folded_read, adds_equal_stacks_and_skips_zeros)
{
	struct profile *p = read_folded("a;b 3\na;b 4\na;c 0\n");

	cr_assert_eq(p->samples.n, 1);
	cr_assert_eq(profile_value(p, 0, 0), 7);
	profile_free(p);
}

Test(folded_read, accepts_other_line_ends_blank_lines_comments_and_a_bom)
{
	struct profile *p = read_folded(
		"\xef\xbb\xbf# made by hand\r\n\r\n\n  \na;b 3\r\n#x 1\na;c 4  \n\nd\t5\n"
		" \xef\xbb\xbf\xef\xbb\xbf a;b 3\n\xef\xbb\xbf# two texts\n");

	cr_assert_eq(p->samples.n, 3);
	cr_assert_eq(profile_value(p, 0, 0), 6);
	cr_assert_eq(p->functions.n, 4);
	cr_assert_str_eq(name_of(p, p->stacks.items[4], 0), "d");
	profile_free(p);
}

Test(folded_read, keeps_spaces_in_frames)
{
	struct profile *p = read_folded("operator new (int);x y z 3\n");

	cr_assert_str_eq(name_of(p, p->stacks.items[1], 0), "operator new (int)");
	cr_assert_str_eq(name_of(p, p->stacks.items[0], 0), "x y z");
	profile_free(p);
}

Test(folded_read, turns_annotations_into_mappings_and_lines)
{
	struct profile *p = read_folded("main;outer;mid_[i];inner_[i];js_[j];sys_read_[k] 1\n");
	const uint32_t *stack = p->stacks.items;

	cr_assert_eq(p->samples.items[0].loc_n, 4);
	cr_assert_str_eq(name_of(p, stack[0], 0), "sys_read");
	cr_assert_str_eq(text(p->mappings.items[p->locations.items[stack[0]].mapping].file),
			 "[kernel.kallsyms]");
	cr_assert_str_eq(text(p->mappings.items[p->locations.items[stack[1]].mapping].file),
			 "//anon");
	cr_assert_eq(p->locations.items[stack[2]].line_n, 3);
	cr_assert_str_eq(name_of(p, stack[2], 0), "inner");
	cr_assert_str_eq(name_of(p, stack[2], 2), "outer");
	cr_assert_eq(p->locations.items[stack[3]].mapping, PROFILE_NONE);
	profile_free(p);
}

Test(folded_read, keeps_suffixes_that_mean_nothing)
{
	struct profile *p = read_folded("root_[i];a_[w];b_[x];_[k] 1\n");

	cr_assert_str_eq(name_of(p, p->stacks.items[3], 0), "root_[i]", "inlined into nothing");
	cr_assert_str_eq(name_of(p, p->stacks.items[2], 0), "a_[w]");
	cr_assert_str_eq(name_of(p, p->stacks.items[1], 0), "b_[x]");
	cr_assert_str_eq(name_of(p, p->stacks.items[0], 0), "_[k]");
	profile_free(p);
}

Test(folded_read, names_empty_frames)
{
	struct profile *p = read_folded(";a;; 1\n");

	cr_assert_eq(p->samples.items[0].loc_n, 4);
	cr_assert_str_eq(name_of(p, p->stacks.items[0], 0), "[unknown]");
	cr_assert_str_eq(name_of(p, p->stacks.items[2], 0), "a");
	profile_free(p);
}

Test(folded_read, reads_nothing_from_nothing)
{
	struct profile *p = read_folded("");

	cr_assert_eq(p->samples.n, 0);
	cr_assert_eq(p->sample_types.n, 1);
	profile_free(p);
}

Test(folded_read, refuses_lines_without_a_count_and_names_them)
{
	static const char *const lines[] = { "a;b",	"a;b .5",    "a;b x",	"a;b3",	 "12",
					     " 12",	"a;b -1",    "a;b 3;c", "a;b .", "a;b 1..5",
					     "a;b 1.x", "a;b 1.2.3", "a;b 1e5", "12.5" };

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char bytes[100];

		/* " 12" is a frame "" with a count, which the next line is not */
		snprintf(bytes, sizeof(bytes), "# one\na;b 1\n%s\nx\n", lines[i]);
		refused(bytes, strlen(bytes),
			lines[i][0] == ' ' ? "line 4 does not end" : "line 3 does not end");
	}
}

Test(folded_read, rounds_fractions_so_that_sums_are_right)
{
	struct profile *p = read_folded("a;b 31.23\na;c 6.\na;d 19.0\na;e 0.0\na;f 4 \n");
	char *text = write_folded(p);

	cr_expect_str_eq(text, "a;b 31\na;c 6\na;d 19\na;f 4\n");
	free(text);
	profile_free(p);
	p = read_folded("a 0.4\nb 0.4\nc 0.4\nd 0.4\ne 0.4\nv1.2 7\n");
	text = write_folded(p);
	cr_expect_str_eq(text, "b 1\nd 1\nv1.2 7\n", "2 of 5 times 0.4");
	free(text);
	profile_free(p);
	p = read_folded("a 0.5\nb 1.4999999999999999999999\n");
	text = write_folded(p);
	cr_expect_str_eq(text, "a 1\nb 1\n");
	free(text);
	profile_free(p);
}

Test(folded_read, refuses_counts_that_are_too_large)
{
	struct profile *p = read_folded("a 9223372036854775807\n");
	static const char big[] = "a 9223372036854775808\n", more[] = "a 9223372036854775807.5\n";

	cr_assert_eq(profile_value(p, 0, 0), INT64_MAX);
	refused(big, strlen(big), "count in line 1 is too large");
	refused(more, strlen(more), "count in line 1 is too large");
	profile_free(p);
}

Test(folded_read, refuses_lines_without_end)
{
	size_t n = (size_t)17 << 20;
	char *bytes = malloc(n);

	memset(bytes, 'x', n);
	memcpy(bytes, "a 1\n", 4);
	refused(bytes, n, "line 2 is longer than 16 MiB");
	free(bytes);
}

Test(folded_read, reads_long_lines)
{
	size_t frames = 100000, n = 0;
	char *bytes = malloc(frames * 8 + 100);
	struct profile *p;

	for (size_t i = 0; i < frames; i++)
		n += (size_t)sprintf(bytes + n, "f%zu;", i % 1000);
	memcpy(bytes + n, "leaf 1\n", 8);
	p = read_folded(bytes);
	cr_assert_eq(p->samples.items[0].loc_n, frames + 1);
	cr_assert_eq(p->functions.n, 1001);
	profile_free(p);
	free(bytes);
}

Test(folded_read, hands_the_error_of_the_source_on)
{
	struct buffer buf = { .fail_at = 2, .chunk = 4 };
	struct source in = buffer_source(&buf);
	struct profile *p = NULL;

	buffer_add(&buf, "a;b 1\na;b 2\n", 12);
	cr_assert_eq(folded_read(&in, &p, NULL), -EIO);
	array_free(&buf);
}

/* --- large ones, which a thread scans --------------------------------------------------------- */

/* Lines of @n bytes at least, with all that a frame can be. */
static struct buffer large_text(size_t n)
{
	static const char *const ends[] = { "", "_[i]", "_[k]", "_[j]", " ", "_[0]" };
	struct buffer b = { 0 };
	uint64_t state = 3;
	char line[600];

	while (b.n < n) {
		size_t k = 0, frames = next_random(&state) % 20 + 1;

		for (size_t i = 0; i < frames; i++) {
			unsigned frame = (unsigned)(next_random(&state) % 4000);

			k += (size_t)sprintf(line + k, "%sframe %u%s", i ? ";" : "", frame,
					     ends[next_random(&state) % ARRAY_LEN(ends)]);
		}
		k += (size_t)sprintf(line + k, " %u\n", (unsigned)(next_random(&state) % 4));
		buffer_add(&b, line, k);
	}
	return b;
}

static struct profile *read_bytes(const uint8_t *bytes, size_t n, size_t chunk)
{
	struct buffer b = { .items = (uint8_t *)bytes, .n = n, .chunk = chunk };
	struct source in = buffer_source(&b);
	struct profile *p = NULL;

	cr_assert_eq(folded_read(&in, &p, NULL), 0);
	return p;
}

/* Reads @text in parts that are too small for a thread. */
static struct profile *read_parts(const struct buffer *text)
{
	struct profile_builder *b = NULL;
	struct profile *p = NULL;
	size_t end;

	cr_assert_eq(profile_new(&p), 0);
	cr_assert_eq(profile_builder_new(&b, p), 0);
	for (size_t at = 0; at < text->n; at = end) {
		struct profile *part;

		end = at + ((size_t)1 << 20);
		for (end = end < text->n ? end : text->n; text->items[end - 1] != '\n';)
			end--;
		part = read_bytes(text->items + at, end - at, 0);
		cr_assert_eq(profile_builder_merge(b, part), 0);
		profile_free(part);
	}
	profile_builder_free(b);
	return p;
}

static void must_be_written_alike(const struct profile *p, const struct profile *q)
{
	struct buffer a = { 0 }, b = { 0 };
	struct sink to_a = buffer_sink(&a), to_b = buffer_sink(&b);

	cr_assert_eq(folded_write(p, 0, true, &to_a, NULL), 0);
	cr_assert_eq(folded_write(q, 0, true, &to_b, NULL), 0);
	cr_assert_eq(a.n, b.n);
	cr_assert(memcmp(a.items, b.items, a.n) == 0);
	array_free(&a);
	array_free(&b);
}

Test(folded_read, large_texts_are_read_as_their_parts_are)
{
	static const size_t chunks[] = { 0, 5000 };
	struct buffer text = large_text((size_t)6 << 20);
	struct profile *parts = read_parts(&text);

	for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
		struct profile *p = read_bytes(text.items, text.n, chunks[i]);

		cr_assert_eq(profile_check(p), 0);
		cr_expect_eq(p->samples.n, parts->samples.n);
		must_be_written_alike(p, parts);
		profile_free(p);
	}
	profile_free(parts);
	array_free(&text);
}

Test(folded_read, refuses_what_is_wrong_in_a_large_text)
{
	struct buffer text = large_text((size_t)5 << 20);
	size_t lines = 1, at = text.n / 5 * 4;
	char why[60];

	for (; text.items[at - 1] != '\n';)
		at--;
	for (size_t i = 0; i < at; i++)
		lines += text.items[i] == '\n';
	strchr((char *)text.items + at, '\n')[-1] = 'x'; /* of the count */
	snprintf(why, sizeof(why), "line %zu does not end in", lines);
	refused((char *)text.items, text.n, why);
	array_free(&text);
}
