/* SPDX-License-Identifier: Apache-2.0 */
/* What the text views of a profile have in common: what they are of, their head and their end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "funcname.h"
#include "units.h"

struct err;
struct profile;
struct report_opts;

#define SGR_HEADING	     "\033[1m"
#define SGR_HOT		     "\033[31m"
#define SGR_WARM	     "\033[33m"
#define SGR_DIM		     "\033[2m"
#define SGR_END		     "\033[0m"

#define TEXT_KERNEL_MARK     " [k]"
#define TEXT_PERCENT_COLUMNS 6 /* "100.0%" */

struct textview {
	const struct profile *p;
	FILE *out;
	size_t type; /* index into sample_types */
	size_t columns;
	size_t rows;
	bool color;
	/* Of the values of that type; as in struct functable. */
	int64_t total;
	uint64_t weight;
	size_t n_stacks;
	char *shorter; /* the last short name */
	size_t shorter_cap;
};

/* Prepares a view of @p, which is borrowed, for @out: 0 or -EINVAL with a sentence. Release @ret
 * with textview_done() in either case. */
int textview_begin(struct textview *ret, const struct profile *p, const struct report_opts *opts,
		   size_t default_rows, FILE *out, struct err *e);
void textview_done(struct textview *v);

/* Flushes: 0, or -errno with a sentence when anything could not be written. */
int textview_flush(const struct textview *v, struct err *e);

/* Says what was measured, each line after @label, and if nothing was, why; whether there is
 * anything to show. */
bool textview_head(const struct textview *v, const char *label);

/* The same of a view that compares with @base. */
bool textview_heads(const struct textview *v, const struct profile *base);

/* Says what became of each sample, how it was recorded, and what was left out before. */
void textview_account(const struct textview *v);

/* A line between the head and a table, broken where it is too long. */
__attribute__((format(printf, 2, 3))) void textview_say(const struct textview *v, const char *fmt,
							...);

const char *textview_string(const struct textview *v, uint32_t id);
const char *textview_value(const struct textview *v, char buf[UNITS_TEXT_MAX], int64_t value);
double textview_percent(const struct textview *v, int64_t value);

/* The sequence that a row with @share (0 to 1) begins with, "" for none. */
const char *textview_row_color(const struct textview *v, double share);

/* Writes @text in @color when the view has colours. */
void textview_colored(const struct textview *v, const char *color, const char *text);

/* @name, its short form where it does not fit into @columns. Borrowed until the next call. */
struct text textview_fitting(struct textview *v, struct text name, size_t columns);

/* The columns @name takes, at most @columns, when written by textview_write_name(). */
size_t textview_name_width(struct textview *v, struct text name, const char *mark, size_t columns);

/* Writes @name and @mark in at most @columns, both ends of a long one readable; columns used. */
size_t textview_write_name(struct textview *v, struct text name, const char *mark, size_t columns);

/* " [k]" for code of the kernel, "" for other code. */
const char *textview_mark(const struct textview *v, uint32_t file);

/* A sentence in the making: text past the end is cut, which no sentence of ours reaches. */
struct sentence {
	char s[4096];
	size_t n;
};

__attribute__((format(printf, 2, 3))) void say(struct sentence *t, const char *fmt, ...);
void textview_sentence(const struct textview *v, const struct sentence *t);

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}
