/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call tree as text. Real stacks are deep and mostly straight, so what is straight takes
 * little:
 *
 *   - calls that keep all of the time, to the digit that is shown, are one line, "main → run", its
 *     middle left out where it is too long;
 *   - an only child stands below its parent, not to the right of it: only branches indent;
 *   - where branches indent more than half of the line, the outer ones are written as a number.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "err.h"
#include "funcdiff.h"
#include "profile.h"
#include "report.h"
#include "termtext.h"
#include "textview.h"

#define DEFAULT_PERCENT 1.0
#define ARROW		" → "
#define ARROW_COLUMNS	3
#define NO_NODE		UINT32_MAX

/* Children that are still to be written. */
struct siblings {
	uint32_t next, end; /* the next one; the node after their parent's subtree */
	uint32_t level;	    /* branches above them and at them */
	bool branch;	    /* they are several */
};

/* Several calls of a chain that are the same. */
struct part {
	uint32_t frame;
	uint32_t times;
};

struct callview {
	struct textview v;
	const struct tree_opts *o;
	struct calltree *tree;
	int64_t threshold; /* of what is shown, at least */
	size_t value_columns;
	ARRAY(struct siblings) open; /* outermost first */
	ARRAY(bool) more;	     /* by level: whether siblings follow below */
	ARRAY(struct part) chain;    /* of the line that is written */
	size_t n_lines;
	double shown_self; /* Σ of self of what was shown */
	bool cut;	   /* there were more rows than are wanted */
};

static int64_t size_of(int64_t v)
{
	return v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
}

/* What counts for being shown. */
static int64_t node_size(const struct callview *c, uint32_t i)
{
	int64_t size = size_of(c->tree->nodes[i].total), base;

	if (!c->tree->base_total)
		return size;
	base = size_of(c->tree->base_total[i]);
	return base > size ? base : size;
}

static bool is_shown(const struct callview *c, uint32_t i)
{
	return node_size(c, i) >= c->threshold;
}

static uint32_t node_end(const struct callview *c, uint32_t i)
{
	return i + c->tree->nodes[i].size;
}

/* The first node at or after @i, before @end, that is shown; subtrees that are not are skipped. */
static uint32_t next_shown(const struct callview *c, uint32_t i, uint32_t end)
{
	while (i < end && !is_shown(c, i))
		i = node_end(c, i);
	return i < end ? i : NO_NODE;
}

/* The only child of @i that is shown, NO_NODE when there is none or more than one. */
static uint32_t only_child(const struct callview *c, uint32_t i)
{
	uint32_t end = node_end(c, i), child = next_shown(c, i + 1, end);

	if (child == NO_NODE || next_shown(c, node_end(c, child), end) != NO_NODE)
		return NO_NODE;
	return child;
}

/* Tenths of a percent, as they are shown. */
static long tenths(const struct callview *c, int64_t value)
{
	double t = 10 * textview_percent(&c->v, value);

	return (long)(t < 0 ? t - 0.5 : t + 0.5);
}

/* The child that is written in the line of @i: all of the time is in it. */
static uint32_t joined_child(const struct callview *c, uint32_t i)
{
	const struct calltree *t = c->tree;
	uint32_t child = only_child(c, i);

	if (i == 0 || child == NO_NODE || tenths(c, t->nodes[i].self) ||
	    tenths(c, t->nodes[i].total) != tenths(c, t->nodes[child].total))
		return NO_NODE;
	if (t->base_total && (tenths(c, t->base_self[i]) ||
			      tenths(c, t->base_total[i]) != tenths(c, t->base_total[child])))
		return NO_NODE;
	return child;
}

/* --- a line ---------------------------------------------------------------------------------- */

static struct text frame_name(const struct callview *c, uint32_t frame)
{
	uint32_t name = c->tree->frames[frame].name;

	return (struct text){ strtab_get(c->tree->strings, name),
			      strtab_len(c->tree->strings, name) };
}

static bool is_kernel(const struct callview *c, uint32_t frame)
{
	return c->tree->frames[frame].kind == FRAME_KERNEL;
}

/* What stands behind the name of part @i: " [k]" where the kernel begins, " ×3". */
static const char *part_mark(const struct callview *c, size_t i, char buf[40])
{
	const struct part *p = &c->chain.items[i];
	bool kernel = is_kernel(c, p->frame) && !(i && is_kernel(c, p[-1].frame));

	if (p->times > 1)
		snprintf(buf, 40, "%s ×%u", kernel ? TEXT_KERNEL_MARK : "", p->times);
	else
		snprintf(buf, 40, "%s", kernel ? TEXT_KERNEL_MARK : "");
	return buf;
}

/* Whether a line has room to say how many calls it leaves out. */
static bool is_roomy(size_t columns)
{
	return columns >= 30;
}

/* The columns that one part of a chain may take of @columns. */
static size_t part_room(const struct callview *c, size_t columns)
{
	if (c->chain.n == 1)
		return columns;
	return is_roomy(columns) ? columns / 2 : columns - ARROW_COLUMNS - 1;
}

/* The columns that part @i takes when a line has @columns for all of a chain. */
static size_t part_width(struct callview *c, size_t i, size_t columns)
{
	char mark[40];

	part_mark(c, i, mark);
	return textview_name_width(&c->v, frame_name(c, c->chain.items[i].frame), mark,
				   part_room(c, columns));
}

static void write_part(struct callview *c, size_t i, size_t columns)
{
	char mark[40];

	part_mark(c, i, mark);
	textview_write_name(&c->v, frame_name(c, c->chain.items[i].frame), mark,
			    part_room(c, columns));
}

/* How many parts of the chain's beginning and end fit into @columns beside a note of those between:
 * the end tells more. All of them in *@ret_head when they fit. */
static void fit_chain(struct callview *c, size_t columns, size_t *ret_head, size_t *ret_tail)
{
	const size_t note = is_roomy(columns) ? ARROW_COLUMNS + 12 : 1; /* "(1,234 more)" */
	size_t n = c->chain.n, used = 0, head = 0, tail = 0;

	for (size_t i = 0; i < n && used <= columns; i++)
		used += part_width(c, i, columns) + (i ? ARROW_COLUMNS : 0);
	if (used <= columns) {
		*ret_head = n;
		*ret_tail = 0;
		return;
	}
	used = note;
	for (;;) {
		bool at_end = tail <= head;
		size_t width = part_width(c, at_end ? n - 1 - tail : head, columns);

		if ((used += width + ARROW_COLUMNS) > columns || head + tail + 1 >= n)
			break;
		if (at_end)
			tail++;
		else
			head++;
	}
	if (!tail)
		tail = 1;
	*ret_head = head;
	*ret_tail = tail;
}

static void write_chain(struct callview *c, size_t columns)
{
	size_t head, tail, n = c->chain.n, left_out;
	char buf[UNITS_TEXT_MAX];

	fit_chain(c, columns, &head, &tail);
	for (size_t i = 0; i < head; i++) {
		fputs(i ? ARROW : "", c->v.out);
		write_part(c, i, columns);
	}
	left_out = n - head - tail;
	if (left_out)
		fputs(head ? ARROW : "", c->v.out);
	if (left_out && is_roomy(columns))
		fprintf(c->v.out, "(%s more)", units_count(buf, left_out));
	else if (left_out)
		fputs("…", c->v.out);
	for (size_t i = n - tail; i < n; i++) {
		fputs(i ? ARROW : "", c->v.out);
		write_part(c, i, columns);
	}
}

/* The lines that lead to the branches above; the columns used. */
static size_t write_guides(const struct callview *c, const struct siblings *s, size_t room)
{
	size_t shown = min_size(s->level, room / 5), used = 2 * shown;

	if (shown < s->level)
		used += (size_t)fprintf(c->v.out, "+%zu ", s->level - shown);
	fputs(c->v.color ? SGR_DIM : "", c->v.out);
	for (size_t l = s->level - shown; l < s->level; l++) {
		bool more = c->more.items[l];

		if (l + 1 == s->level && s->branch)
			fputs(more ? "├ " : "└ ", c->v.out);
		else
			fputs(more ? "│ " : "  ", c->v.out);
	}
	fputs(c->v.color ? SGR_END : "", c->v.out);
	return used;
}

static size_t write_numbers(const struct callview *c, uint32_t first, uint32_t last)
{
	const struct calltree *t = c->tree;
	char buf[UNITS_TEXT_MAX];
	int n = fprintf(c->v.out, "%5.1f%% ", textview_percent(&c->v, t->nodes[first].total));
	int64_t change;

	if (t->base_total) {
		change = t->nodes[first].total - t->base_total[first];
		n += fprintf(c->v.out, "%+6.1f ", textview_percent(&c->v, change));
		textview_value(&c->v, buf, change);
	} else {
		if (!c->o->invert)
			n += fprintf(c->v.out, "%5.1f%% ",
				     textview_percent(&c->v, t->nodes[last].self));
		textview_value(&c->v, buf, t->nodes[first].total);
	}
	return (size_t)(n + fprintf(c->v.out, "%*s  ", (int)c->value_columns, buf));
}

static void write_heading(const struct callview *c)
{
	fprintf(c->v.out, "\n%s%6s ", c->v.color ? SGR_HEADING : "", "total%");
	if (c->tree->base_total || !c->o->invert)
		fprintf(c->v.out, "%6s ", c->tree->base_total ? "change" : "self%");
	fprintf(c->v.out, "%*s  function%s\n", (int)c->value_columns,
		c->tree->base_total ? "change" : "total", c->v.color ? SGR_END : "");
}

static void write_line(struct callview *c, const struct siblings *s, uint32_t first, uint32_t last)
{
	double share = textview_percent(&c->v, node_size(c, first)) / 100;
	const char *color = textview_row_color(&c->v, share);
	size_t used, room;

	fputs(color, c->v.out);
	used = write_numbers(c, first, last);
	fputs(*color ? SGR_END : "", c->v.out);
	room = c->v.columns - used;
	used = write_guides(c, s, room);
	if (first == 0)
		fputs("all", c->v.out);
	else
		write_chain(c, room > used + 10 ? room - used : 10);
	fputc('\n', c->v.out);
}

/* --- the walk -------------------------------------------------------------------------------- */

/* Collects the line that begins with node @i: its last node, or NO_NODE without memory. */
static uint32_t collect_line(struct callview *c, uint32_t i)
{
	c->chain.n = 0;
	for (;;) {
		uint32_t frame = c->tree->nodes[i].frame, child = joined_child(c, i);
		struct part *end = c->chain.items + c->chain.n;

		if (c->chain.n && end[-1].frame == frame)
			end[-1].times++;
		else if (array_push(&c->chain, (struct part){ frame, 1 }) < 0)
			return NO_NODE;
		c->shown_self += (double)c->tree->nodes[i].self;
		if (child == NO_NODE)
			return i;
		i = child;
	}
}

/* Opens the children of @i, the last node of a line on @level. */
static int open_children(struct callview *c, uint32_t i, uint32_t level)
{
	struct siblings s = { .end = node_end(c, i), .level = level };

	s.next = next_shown(c, i + 1, s.end);
	if (s.next == NO_NODE)
		return 0;
	s.branch = only_child(c, i) == NO_NODE;
	s.level += s.branch;
	while (c->more.n < s.level)
		if (array_push(&c->more, false) < 0)
			return -ENOMEM;
	return array_push(&c->open, s);
}

/* Goes through all lines that are shown, or counts them (@dry). 0, -ENOMEM. */
static int walk(struct callview *c, bool dry)
{
	struct siblings s = { .next = 0, .end = node_end(c, 0) };
	int r;

	c->open.n = 0;
	c->n_lines = 0;
	c->shown_self = 0;
	c->cut = false;
	r = array_push(&c->open, s);
	while (r == 0 && c->open.n) {
		struct siblings *top = &c->open.items[c->open.n - 1];
		uint32_t first = top->next, last;

		if (first == NO_NODE) {
			c->open.n--;
			continue;
		}
		top->next = next_shown(c, node_end(c, first), top->end);
		if (top->branch)
			c->more.items[top->level - 1] = top->next != NO_NODE;
		if (!dry && c->v.rows && c->n_lines == c->v.rows) {
			c->cut = true;
			break;
		}
		last = collect_line(c, first);
		if (last == NO_NODE)
			return -ENOMEM;
		c->n_lines++;
		s = *top;
		if (!dry)
			write_line(c, &s, first, last);
		r = open_children(c, last, s.level);
	}
	return r;
}

/* Raises the threshold until what is shown fits into the rows, as far as a fifth of all. */
static int fit_rows(struct callview *c)
{
	double low = 0, high = (double)c->v.weight / 5;
	int r = walk(c, true);

	if (r < 0 || c->n_lines <= c->v.rows)
		return r;
	for (int i = 0; i < 40 && r == 0 && high - low >= 1; i++) {
		c->threshold = (int64_t)((low + high) / 2);
		r = walk(c, true);
		if (c->n_lines <= c->v.rows)
			high = (double)c->threshold;
		else
			low = (double)c->threshold;
	}
	c->threshold = (int64_t)high;
	return r;
}

static void write_rest(const struct callview *c, double min_percent)
{
	double left = (double)c->tree->nodes[0].total - c->shown_self;
	double percent = c->v.weight ? 100 * left / (double)c->v.weight : 0;
	double threshold = textview_percent(&c->v, c->threshold);

	if (c->cut)
		textview_say(&c->v, "… and more rows; --rows N shows them.");
	/* Where stacks end is not what an inverted tree is about. */
	if (c->cut || c->o->invert || percent < 0.05)
		return;
	if (threshold > min_percent)
		textview_say(&c->v,
			     "Left out: %.1f%% that ends in branches below %.2g%% each; --rows N "
			     "shows more.",
			     percent, threshold);
	else if (c->o->max_depth)
		textview_say(&c->v,
			     "Left out: %.1f%% that ends deeper than %u frames or in branches "
			     "below %.2g%% each; --depth N and --min-percent P show more.",
			     percent, c->o->max_depth, min_percent);
	else
		textview_say(&c->v,
			     "Left out: %.1f%% that ends in branches below %.2g%% each; "
			     "--min-percent P shows more.",
			     percent, min_percent);
}

static void fit_values(struct callview *c)
{
	char buf[UNITS_TEXT_MAX];

	c->value_columns = 6; /* "change" */
	for (uint32_t i = next_shown(c, 0, node_end(c, 0)); i != NO_NODE;
	     i = next_shown(c, i + 1, node_end(c, 0))) {
		int64_t v = c->tree->nodes[i].total;

		if (c->tree->base_total)
			v -= c->tree->base_total[i];
		c->value_columns =
			max_size(c->value_columns, strlen(textview_value(&c->v, buf, v)));
	}
}

static int write_view(struct callview *c, double min_percent)
{
	int r = c->v.rows ? fit_rows(c) : 0;

	if (r < 0)
		return r;
	fit_values(c);
	write_heading(c);
	r = walk(c, false);
	if (r == 0)
		write_rest(c, min_percent);
	return r;
}

int tree_write(const struct profile *p, const struct profile *base, const struct report_opts *opts,
	       const struct tree_opts *o, FILE *out, struct err *e)
{
	struct callview c = { .o = o, .threshold = 1 };
	double min_percent = o->min_percent < 0 ? DEFAULT_PERCENT : o->min_percent;
	struct calltree_opts co = {
		.order = ORDER_WEIGHT,
		.min_share = min_percent / 100,
		.max_depth = o->max_depth,
		.by_leaf = o->invert,
	};
	size_t base_type;
	int r = textview_begin(&c.v, p, opts, 0, out, e);

	if (r == 0 && base)
		r = funcdiff_base_type(p, c.v.type, base, &base_type, e);

	if (r == 0 && (base ? textview_heads(&c.v, base) : textview_head(&c.v, ""))) {
		co.sample_type = c.v.type;
		r = base ? calltree_diff(&c.tree, p, base, &co,
					 opts->as_is ? SCALE_NONE : SCALE_TOTAL, e)
			 : calltree_new(&c.tree, p, &co, e);
		if (r == 0 && (r = write_view(&c, min_percent)) < 0)
			err_set(e, r, "there is not enough memory to write the tree");
	}
	if (r == 0) {
		textview_account(&c.v);
		r = textview_flush(&c.v, e);
	}
	array_free(&c.open);
	array_free(&c.more);
	array_free(&c.chain);
	calltree_free(c.tree);
	textview_done(&c.v);
	return r;
}
