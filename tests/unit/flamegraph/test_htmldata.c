/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a page's data, read back by a reader of the test's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocfail.h"
#include "flamegraph.h"
#include "htmldata.h"
#include "outfile.h"
#include "scratch.h"
#include "timeline.h"
#include "treetext.h"

struct page {
	struct bytebuf bytes;
	size_t at;
	unsigned int flags;
	char *blob; /* strings, each with a NUL */
	size_t n_strings;
};

static uint64_t get_uint(struct page *d)
{
	uint64_t v = 0;
	unsigned int shift = 0, c;

	do {
		cr_assert_lt(d->at, d->bytes.n);
		c = d->bytes.items[d->at++];
		v |= (uint64_t)(c & 0x7f) << shift;
		shift += 7;
	} while (c & 0x80);
	return v;
}

static int64_t get_int(struct page *d)
{
	uint64_t v = get_uint(d);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static const char *string_at(const struct page *d, uint64_t id)
{
	const char *s = d->blob;

	cr_assert_lt(id, d->n_strings);
	while (id--)
		s += strlen(s) + 1;
	return s;
}

static void read_head(struct page *d)
{
	size_t n;

	cr_assert_eq(memcmp(d->bytes.items, "wick1", 5), 0);
	d->at = 5;
	d->flags = (unsigned int)get_uint(d);
	d->n_strings = get_uint(d);
	n = get_uint(d);
	d->blob = calloc(1, n + 1);
	memcpy(d->blob, d->bytes.items + d->at, n);
	d->at += n;
}

static void expect_string(struct page *d, const char *want)
{
	cr_expect_str_eq(string_at(d, get_uint(d)), want);
}

static void skip(struct page *d, size_t n)
{
	while (n--)
		get_uint(d);
}

static void page_of(struct page *d, const struct profile *p, const struct calltree *t,
		    const struct html_opts *o)
{
	struct timeline time = { 0 };

	*d = (struct page){ 0 };
	if (t->ends)
		cr_assert_eq(timeline_make(&time, p, 0, t), 0);
	cr_assert_eq(htmldata_make(
			     &(struct htmldata){
				     .tree = t, .p = p, .time = time.n ? &time : NULL, .opts = o },
			     &d->bytes),
		     0);
	timeline_done(&time);
	read_head(d);
}

static void page_done(struct page *d)
{
	free(d->bytes.items);
	free(d->blob);
}

static void add_timed(struct maker *m, const char *stack, int64_t value, int64_t time)
{
	struct profile_label l = { .key = make_string(m, "time"),
				   .num = time,
				   .num_unit = make_string(m, "nanoseconds"),
				   .is_num = true };
	uint32_t locs[64];
	size_t n = strlen(stack);

	for (size_t i = 0; i < n; i++)
		locs[n - 1 - i] = letter(m, stack[i]);
	cr_assert_geq(profile_builder_sample(m->b, locs, n, &l, 1, &value), 0);
}

/* Reads up to the nodes. */
static uint64_t read_frames(struct page *d)
{
	uint64_t comments, frames;

	skip(d, 12);
	comments = get_uint(d);
	skip(d, comments);
	skip(d, 5 * get_uint(d)); /* other types */
	frames = get_uint(d);
	skip(d, 6 * frames);
	return frames;
}

Test(htmldata, says_what_it_is_of)
{
	struct maker m;
	struct calltree *t;
	struct page d;

	begin_letters(&m);
	add_letters(&m, "ab", 3);
	make_comment(&m, "wick: ticks=3");
	m.p->time_ns = 1700000000000000000;
	m.p->duration_ns = 5;
	t = tree_of(m.p, &(struct calltree_opts){ 0 });
	page_of(&d, m.p, t, &(struct html_opts){ .title = "T", .icicle = true });
	cr_expect_eq(d.flags, FLAG_ICICLE | FLAG_BY_WEIGHT);
	expect_string(&d, "T");
	expect_string(&d, "base");
	expect_string(&d, "samples");
	expect_string(&d, "count");
	cr_expect_eq(get_uint(&d), 3);
	cr_expect_eq(get_uint(&d), 0);
	cr_expect_eq(get_uint(&d), 0);
	cr_expect_eq(get_uint(&d), 1700000000000000000);
	cr_expect_eq(get_uint(&d), 5);
	cr_expect_eq(get_int(&d), 0);
	skip(&d, 2);
	cr_expect_eq(get_uint(&d), 1);
	expect_string(&d, "wick: ticks=3");
	cr_expect_eq(get_uint(&d), 0, "there is no other type");
	page_done(&d);
	calltree_free(t);
	make_end(&m);
}

Test(htmldata, has_every_node_with_its_own_and_what_was_pruned)
{
	static const unsigned int up[] = { 0, 0, 0, 1, 2 };
	static const int64_t self[] = { 0, 7, 20, 10, 30 }, rest[] = { 1, 3, 0, 0, 0 };
	struct maker m;
	struct calltree *t;
	struct page d;

	begin_letters(&m);
	add_letters(&m, "a", 7);
	add_letters(&m, "ab", 20);
	add_letters(&m, "ac", 10);
	add_letters(&m, "ad", 3);
	add_letters(&m, "b", 30);
	add_letters(&m, "c", 1);
	t = tree_of(m.p, &(struct calltree_opts){ .min_share = 0.1 });
	page_of(&d, m.p, t, &(struct html_opts){ .by_name = true });
	cr_expect_eq(d.flags, FLAG_REST);
	cr_expect_eq(read_frames(&d), 3);
	cr_assert_eq(get_uint(&d), 5);
	cr_expect_eq(get_uint(&d), 2);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(get_uint(&d), up[i]);
	skip(&d, 5);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(get_int(&d), self[i]);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(get_int(&d), rest[i]);
	cr_expect_eq(d.at, d.bytes.n);
	page_done(&d);
	calltree_free(t);
	make_end(&m);
}

Test(htmldata, tells_when_samples_were_taken_also_of_pruned_stacks)
{
	/* node, window, pruned, value */
	static const int64_t want[][4] = { { 1, 0, 0, 5 }, { 1, 2, 1, 1 }, { 2, 1, 0, 40 } };
	struct maker m;
	struct calltree *t;
	struct page d;
	uint64_t node = 0, nodes[3], places[3];

	begin_letters(&m);
	add_timed(&m, "a", 5, 1000);
	add_timed(&m, "ab", 40, 1010);
	add_timed(&m, "ac", 1, 1030);
	add_letters(&m, "a", 2); /* of no time */
	t = tree_of(m.p, &(struct calltree_opts){ .min_share = 0.1, .want_ends = true });
	page_of(&d, m.p, t, &(struct html_opts){ 0 });
	cr_expect(d.flags & FLAG_TIME);
	read_frames(&d);
	skip(&d, 2 + 4 * 3);
	cr_assert_eq(get_uint(&d), 3);
	cr_expect_eq(get_uint(&d), 1000);
	cr_expect_eq(get_uint(&d), 10);
	cr_expect_eq(get_uint(&d), 20);
	cr_assert_eq(get_uint(&d), 3);
	cr_expect_eq(get_uint(&d), 10, "the shortest time between two");
	for (size_t i = 0; i < 3; i++)
		nodes[i] = node += get_uint(&d);
	for (size_t i = 0; i < 3; i++)
		places[i] = get_uint(&d);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(nodes[i], (uint64_t)want[i][0]);
		cr_expect_eq(places[i], (uint64_t)(want[i][1] * 2 + want[i][2]));
		cr_expect_eq(get_int(&d), want[i][3]);
	}
	cr_expect_eq(d.at, d.bytes.n);
	page_done(&d);
	calltree_free(t);
	make_end(&m);
}

Test(htmldata, puts_many_windows_together)
{
	struct maker m;
	struct calltree *t;
	struct timeline tl;
	int64_t sum = 0;

	begin_letters(&m);
	for (int i = 0; i < 5000; i++)
		add_timed(&m, i % 2 ? "ab" : "ac", i % 7 + 1, 1000000 + i * 999);
	t = tree_of(m.p, &(struct calltree_opts){ .want_ends = true });
	cr_assert_eq(timeline_make(&tl, m.p, 0, t), 0);
	cr_expect_leq(tl.n_starts, (size_t)TIMELINE_WINDOWS);
	cr_expect_gt(tl.n_starts, (size_t)TIMELINE_WINDOWS / 2);
	for (size_t i = 0; i < tl.n; i++) {
		sum += tl.entries[i].value;
		cr_assert_lt(tl.entries[i].window, tl.n_starts);
		cr_assert_lt(tl.entries[i].node, t->n);
	}
	cr_expect_eq(sum, t->nodes[0].total);
	for (size_t i = 1; i < tl.n_starts; i++)
		cr_assert_geq(tl.starts[i] - tl.starts[i - 1], tl.step);
	timeline_done(&tl);
	calltree_free(t);
	make_end(&m);
}

/* Of so many that a thread of their own puts the nodes together. */
Test(htmldata, large_trees_are_whole)
{
	struct maker m;
	struct calltree *t;
	struct page d;

	begin_letters(&m);
	for (int i = 0; i < 26 * 26 * 26; i++)
		for (char leaf = 'a'; leaf < 'g'; leaf++) {
			char stack[] = { (char)('a' + i / 676), (char)('a' + i / 26 % 26),
					 (char)('a' + i % 26), leaf, 0 };

			add_letters(&m, stack, i % 100 + 1);
		}
	t = tree_of(m.p, &(struct calltree_opts){ .order = ORDER_NAME });
	cr_assert_geq(t->n, 100000);
	page_of(&d, m.p, t, &(struct html_opts){ .by_name = true });
	cr_expect_eq(read_frames(&d), 26);
	cr_assert_eq(get_uint(&d), t->n);
	cr_expect_eq(get_uint(&d), 4);
	skip(&d, t->n);
	get_uint(&d);
	for (size_t i = 1; i < t->n; i++)
		cr_assert_eq(get_uint(&d), t->nodes[i].frame);
	for (size_t i = 0; i < t->n; i++)
		cr_assert_eq(get_int(&d), t->nodes[i].self);
	cr_expect_eq(d.at, d.bytes.n);
	page_done(&d);
	calltree_free(t);
	make_end(&m);
}

Test(htmldata, cuts_long_names_between_characters_and_shows_nul)
{
	char name[8192];
	struct maker m;
	struct calltree *t;
	struct page d;
	uint32_t id, loc;
	int64_t value = 1;
	const char *s;

	memset(name, 'x', sizeof(name));
	memcpy(name + 4095, "é", 2);
	name[8191] = '\0';
	begin_letters(&m);
	loc = make_loc(&m, NULL, 0, "short");
	make_stack(&m, &value, &loc, 1);
	cr_assert_eq(strtab_add(&m.p->strings, "nul\0in it", 9, &id), 0);
	m.p->functions.items[0].name = id;
	t = tree_of(m.p, &(struct calltree_opts){ 0 });
	page_of(&d, m.p, t, &(struct html_opts){ .title = name });
	s = string_at(&d, get_uint(&d));
	cr_expect_eq(strlen(s), 4095 + strlen("…"));
	cr_expect_str_eq(s + 4094, "x…");
	skip(&d, 11);
	skip(&d, get_uint(&d));
	skip(&d, 5 * get_uint(&d));
	cr_assert_eq(get_uint(&d), 1);
	expect_string(&d, "nul\u2400in it");
	page_done(&d);
	calltree_free(t);
	make_end(&m);
}

/* --- the page --------------------------------------------------------------------------------- */

static char *write_page(const struct profile *p, const struct profile *base,
			const struct html_opts *o)
{
	struct scratch_dir dir;
	struct outfile *out;
	struct err e = { 0 };
	char *text;
	FILE *f;
	size_t n;

	scratch_enter(&dir);
	cr_assert_eq(outfile_open("x.html", &out, &e), 0);
	cr_assert_eq(html_write(p, base, o, out, &e), 0, "%s", e.text);
	cr_assert_eq(outfile_commit(out, &e), 0);
	f = fopen("x.html", "r");
	text = calloc(1, 1 << 20);
	n = fread(text, 1, (1 << 20) - 1, f);
	cr_assert_gt(n, 1000);
	fclose(f);
	scratch_leave(&dir);
	return text;
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	for (const char *s = text; (s = strstr(s, what)); s++)
		n++;
	return n;
}

Test(html, no_name_gets_into_the_markup)
{
	static const struct html_opts o = { .title = "</title><script>evil()</script>",
					    .sample_type = -1 };
	struct maker m;
	char *text;
	int64_t value = 1;
	uint32_t loc;

	begin_letters(&m);
	loc = make_loc(&m, "/<b>/x", 1, "</script><script>evil()");
	make_stack(&m, &value, &loc, 1);
	text = write_page(m.p, NULL, &o);
	cr_expect_eq(count(text, "<script"), 2);
	cr_expect_eq(count(text, "</script>"), 2);
	cr_expect_null(strstr(text, "evil"));
	cr_expect_eq(count(text, "script-src 'sha256-"), 1);
	cr_expect_eq(count(text, "unsafe-"), 0);
	cr_expect_eq(count(text, "http"), 1, "http-equiv and no address");
	free(text);
	make_end(&m);
}

Test(html, leaves_out_what_is_light_when_there_are_too_many_nodes)
{
	struct maker m;
	struct outfile *out;
	struct err e = { 0 };

	begin_letters(&m);
	for (char c = 'a'; c <= 'z'; c++)
		add_letters(&m, (const char[]){ 'm', c, '\0' }, c == 'b' ? 100000 : 1);
	cr_assert_eq(outfile_open("/dev/null", &out, &e), 0);
	cr_expect_eq(html_write(m.p, NULL, &(struct html_opts){ .max_nodes = 5 }, out, &e), 0);
	outfile_abort(out);
	make_end(&m);
}

Test(html, a_sample_type_that_is_not_there_is_told)
{
	struct maker m;
	struct outfile *out;
	struct err e = { 0 };

	begin_letters(&m);
	add_letters(&m, "ab", 1);
	cr_assert_eq(outfile_open("/dev/null", &out, &e), 0);
	cr_expect_eq(html_write(m.p, NULL, &(struct html_opts){ .sample_type = 7 }, out, &e),
		     -EINVAL);
	cr_expect_not_null(strstr(e.text, "sample type 7"));
	outfile_abort(out);
	make_end(&m);
}

static int attempt_page(void)
{
	static struct maker m;
	struct outfile *out = NULL;
	struct err e = { 0 };
	int r;

	if (!m.p) {
		allocfail_stop();
		begin_letters(&m);
		add_timed(&m, "abc", 3, 10);
		add_timed(&m, "abd", 3, 20);
	}
	r = outfile_open("/dev/null", &out, &e);
	if (r == 0)
		r = html_write(m.p, NULL, &(struct html_opts){ .title = "t" }, out, &e);
	outfile_abort(out);
	return r;
}

Test(html, fails_whole_without_memory)
{
	attempt_page(); /* makes the profile */
	allocfail_each_tolerant(attempt_page);
}
