/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain is a list of elements, each one frame that must or may be there, or may come again. A
 * stack is matched from its root by keeping the set of places in the list that it can have reached.
 */
#include "allowed.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ELEMENTS_MAX 4096
#define FRAMES_MAX   8192

enum kind { KIND_CHAIN, KIND_MAY, KIND_OUTSIDE, KIND_OWN, KIND_ROOT };

struct element {
	char *text; /* alternatives, separated by | */
	bool optional;
	bool repeats;
};

struct chain {
	enum kind kind;
	char *name; /* as written; of a root, its name */
	struct element *elements;
	size_t n;
	size_t root_n; /* so many of the elements come from a root */
	unsigned long seen;
};

struct allowed {
	struct chain *chains;
	size_t n;
	char *comm;
	double limits[VERDICT_N];
};

/* --- matching --------------------------------------------------------------------------------- */

/* Whether @s, of @s_n bytes, is @glob, of @n bytes, in which * stands for any text. */
static bool glob_matches(const char *glob, size_t n, const char *s, size_t s_n)
{
	size_t g = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < s_n) {
		if (g < n && glob[g] == '*') {
			star = g++;
			from = i;
		} else if (g < n && glob[g] == s[i]) {
			g++;
			i++;
		} else if (star != SIZE_MAX) {
			g = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (g < n && glob[g] == '*')
		g++;
	return g == n;
}

static bool name_matches(const char *alternatives, const char *s)
{
	size_t s_n = strlen(s);

	for (const char *at = alternatives;; at++) {
		size_t n = strcspn(at, "|");

		if (glob_matches(at, n, s, s_n))
			return true;
		at += n;
		if (!*at)
			return false;
	}
}

/* Adds the places that are reached without a frame. */
static void skip_optional(const struct chain *c, bool *at)
{
	for (size_t i = 0; i < c->n; i++)
		if (at[i] && c->elements[i].optional)
			at[i + 1] = true;
}

static void take_frame(const struct chain *c, bool *at, const char *frame)
{
	bool next[ELEMENTS_MAX + 1] = { false };

	for (size_t i = 0; i < c->n; i++) {
		const struct element *e = &c->elements[i];

		if (!at[i] || (frame && !name_matches(e->text, frame)))
			continue;
		next[i + 1] = true;
		next[i] |= e->repeats;
	}
	memcpy(at, next, (c->n + 1) * sizeof(*at));
	skip_optional(c, at);
}

/* Where a stack may begin in a chain. */
enum begin {
	BEGIN_ROOT,
	BEGIN_ABOVE_JUNK, /* or with whatever frames and then the last of the root */
	BEGIN_ANYWHERE,
};

/*
 * Whether frames[0..n) is a stack of @c; NULL is a frame of any name. *@ret_whole: it reaches the
 * chain's end.
 */
static bool chain_matches(const struct chain *c, char *const *frames, size_t n, enum begin begin,
			  bool *ret_whole)
{
	bool at[ELEMENTS_MAX + 1] = { false };
	size_t end_min = c->root_n ? c->root_n : 1;

	for (size_t i = 0; i <= (begin == BEGIN_ANYWHERE ? c->n : 0); i++)
		at[i] = true;
	skip_optional(c, at);
	for (size_t i = 0; i < n; i++) {
		at[end_min - 1] |= begin == BEGIN_ABOVE_JUNK;
		take_frame(c, at, frames[i]);
	}
	*ret_whole = at[c->n];
	if (c->kind == KIND_OUTSIDE)
		return at[c->n];
	for (size_t i = end_min; i <= c->n; i++)
		if (at[i])
			return true;
	return false;
}

static bool any_matches(struct allowed *a, char *const *frames, size_t n, enum begin begin,
			unsigned long count)
{
	bool found = false, whole;

	for (size_t i = 0; i < a->n; i++) {
		struct chain *c = &a->chains[i];

		if (c->kind > KIND_MAY || !chain_matches(c, frames, n, begin, &whole))
			continue;
		found = true;
		if (whole)
			c->seen += count;
	}
	return found;
}

/* Whether one of the frames is a function of the program: of its own:, or what a chain names in
 * full. */
static bool names_frame(const struct chain *c, char *const *frames, size_t n)
{
	for (size_t k = c->kind == KIND_OWN ? 0 : c->root_n; k < c->n; k++) {
		const struct element *e = &c->elements[k];

		if ((k > c->root_n && !strcmp(e->text, e[-1].text)) ||
		    (c->kind != KIND_OWN && strpbrk(e->text, "*|")))
			continue;
		for (size_t f = 0; f < n; f++)
			if (name_matches(e->text, frames[f]))
				return true;
	}
	return false;
}

static bool is_said_outside(const struct allowed *a, char *const *frames, size_t n)
{
	bool whole;

	for (size_t i = 0; i < a->n; i++) {
		const struct chain *c = &a->chains[i];

		if (c->kind == KIND_OUTSIDE && chain_matches(c, frames, n, BEGIN_ROOT, &whole))
			return true;
	}
	return false;
}

static bool is_outside(const struct allowed *a, char *const *frames, size_t n)
{
	bool has_own = false;

	for (size_t i = 0; i < a->n; i++) {
		const struct chain *c = &a->chains[i];

		if (c->kind == KIND_CHAIN || c->kind == KIND_OWN)
			has_own |= names_frame(c, frames, n);
	}
	return !has_own || is_said_outside(a, frames, n);
}

/* Takes @end off the end of @s; whether it was there. */
static bool strip_end(char *s, const char *end)
{
	size_t n = strlen(s), end_n = strlen(end);

	if (n < end_n || memcmp(s + n - end_n, end, end_n) != 0)
		return false;
	s[n - end_n] = '\0';
	return true;
}

/*
 * Splits a stack into its user frames. A frame that is kept loses _[j] and what compilers add to
 * the name of a function's cold part.
 */
static size_t split_stack(char *stack, char **frames, size_t max)
{
	size_t n = 0;
	char *save, *f;

	for (f = strtok_r(stack, ";", &save); f; f = strtok_r(NULL, ";", &save)) {
		if (strip_end(f, "_[k]") || strip_end(f, "_[i]"))
			continue;
		strip_end(f, "_[j]");
		strip_end(f, ".cold");
		strip_end(f, " [clone .cold]");
		if (n < max)
			frames[n++] = f;
	}
	return n;
}

int allowed_judge(struct allowed *a, char *stack, unsigned long count, bool no_root)
{
	char **frames = calloc(FRAMES_MAX + 1, sizeof(*frames));
	enum begin begin = no_root ? BEGIN_ABOVE_JUNK : BEGIN_ROOT;
	enum verdict v = VERDICT_WRONG;
	size_t n, comm_n = strcspn(stack, ";");
	bool is_cut;
	char **f;

	if (!frames)
		return -ENOMEM;
	n = split_stack(stack + comm_n + (stack[comm_n] == ';'), frames, FRAMES_MAX);
	is_cut = n && !strncmp(frames[0], "[truncated", 10);
	f = frames + is_cut;
	n -= is_cut;
	stack[comm_n] = '\0';
	if (a->comm && !name_matches(a->comm, stack)) {
		v = VERDICT_OUTSIDE;
	} else if (is_cut) {
		if (any_matches(a, frames, n + 1, begin, count))
			v = VERDICT_EXACT; /* its chain says that it is cut there */
		else if (is_said_outside(a, f, n))
			v = VERDICT_OUTSIDE;
		else if (any_matches(a, f, n, BEGIN_ANYWHERE, 0))
			v = VERDICT_CUT;
		else if (is_outside(a, f, n))
			v = VERDICT_OUTSIDE;
	} else if (n == 0) {
		v = VERDICT_OUTSIDE;
	} else if (any_matches(a, f, n, begin, count)) {
		v = VERDICT_EXACT;
	} else if (is_outside(a, f, n)) {
		v = VERDICT_OUTSIDE;
	} else if (any_matches(a, f, n, BEGIN_ANYWHERE, 0)) {
		v = VERDICT_SHORT;
	} else {
		f[n] = f[n - 1];
		f[n - 1] = NULL;
		if (any_matches(a, f, n + 1, begin, 0))
			v = VERDICT_SKIP;
	}
	free(frames);
	return (int)v;
}

const char *allowed_unseen(const struct allowed *a, size_t i)
{
	for (size_t k = 0; k < a->n; k++)
		if (a->chains[k].kind == KIND_CHAIN && !a->chains[k].seen && i-- == 0)
			return a->chains[k].name;
	return NULL;
}

double allowed_limit(const struct allowed *a, enum verdict what)
{
	return a->limits[what];
}

/* --- reading ---------------------------------------------------------------------------------- */

static int add_element(struct chain *c, const char *text, size_t n, bool optional, bool repeats)
{
	struct element *grown;

	if (c->n == ELEMENTS_MAX)
		return -EBADMSG;
	grown = realloc(c->elements, (c->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->elements = grown;
	grown[c->n] = (struct element){ strndup(text, n), optional, repeats };
	return grown[c->n++].text ? 0 : -ENOMEM;
}

/* The {N}, {N,M} or {N,} at the end of a frame; without one it is once. *@ret_max 0: no end. */
static int split_times(const char *text, size_t *n, unsigned long *ret_min, unsigned long *ret_max)
{
	const char *brace = memrchr(text, '{', *n);
	char *end;

	*ret_min = *ret_max = 1;
	if (!brace || text[*n - 1] != '}' || !isdigit((unsigned char)brace[1]))
		return 0;
	*ret_min = *ret_max = strtoul(brace + 1, &end, 10);
	if (*end == ',') {
		*ret_max = 0;
		if (end[1] != '}')
			*ret_max = strtoul(end + 1, &end, 10);
		else
			end++;
	}
	if (end != text + *n - 1 || (*ret_max && *ret_max < *ret_min) || *ret_min > ELEMENTS_MAX ||
	    *ret_max > ELEMENTS_MAX || (*ret_min == 0 && *ret_max == 0 && end[-1] == '0'))
		return -EBADMSG;
	*n = (size_t)(brace - text);
	return 0;
}

static int add_frames(struct chain *c, const char *text, size_t n)
{
	unsigned long min, max;
	int r = split_times(text, &n, &min, &max);

	if (r < 0 || n == 0)
		return r < 0 ? r : -EBADMSG;
	for (unsigned long i = 0; i < min && r >= 0; i++)
		r = add_element(c, text, n, false, max == 0 && i == min - 1);
	for (unsigned long i = min; i < max && r >= 0; i++)
		r = add_element(c, text, n, true, false);
	if (min == 0 && max == 0)
		r = add_element(c, text, n, true, true);
	return r;
}

static int add_root(const struct allowed *a, struct chain *c, const char *name, size_t n)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct chain *root = &a->chains[i];
		int r = 0;

		if (root->kind != KIND_ROOT || strlen(root->name) != n ||
		    memcmp(root->name, name, n) != 0)
			continue;
		for (size_t k = 0; k < root->n && r >= 0; k++)
			r = add_element(c, root->elements[k].text, strlen(root->elements[k].text),
					root->elements[k].optional, root->elements[k].repeats);
		c->root_n = c->n;
		return r;
	}
	return -EBADMSG;
}

static int add_chain(struct allowed *a, enum kind kind, const char *name, const char *text)
{
	struct chain *grown = realloc(a->chains, (a->n + 1) * sizeof(*grown)), *c;
	int r = 0;

	if (!grown)
		return -ENOMEM;
	a->chains = grown;
	c = &grown[a->n++];
	*c = (struct chain){ .kind = kind, .name = strdup(name) };
	if (!c->name)
		return -ENOMEM;
	for (const char *at = text; *at && r >= 0; at += *at == ';') {
		size_t n = strcspn(at, ";");

		if (*at == '@')
			r = add_root(a, c, at + 1, n - 1);
		else
			r = add_frames(c, at, n);
		at += n;
	}
	if (r >= 0 && c->n == 0)
		r = -EBADMSG;
	return r;
}

static int set_limit(struct allowed *a, const char *what, const char *value)
{
	static const struct {
		const char *name;
		enum verdict verdict;
	} limits[] = {
		{ "cut", VERDICT_CUT },
		{ "wrong", VERDICT_WRONG },
		{ "outside", VERDICT_OUTSIDE },
	};
	char *end;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (strcmp(what, limits[i].name) != 0)
			continue;
		a->limits[limits[i].verdict] = strtod(value, &end);
		return end == value || *end ? -EBADMSG : 0;
	}
	return -EBADMSG;
}

int allowed_set_comm(struct allowed *a, const char *comm)
{
	if (!a->comm)
		a->comm = strdup(comm);
	return a->comm ? 0 : -ENOMEM;
}

static int read_directive(struct allowed *a, char *line)
{
	char *value = strstr(line, ": ");

	if (!value)
		return -EBADMSG;
	*value = '\0';
	value += 2 + strspn(value + 2, " \t");
	if (!strcmp(line, "chain"))
		return add_chain(a, KIND_CHAIN, value, value);
	if (!strcmp(line, "may"))
		return add_chain(a, KIND_MAY, value, value);
	if (!strcmp(line, "outside"))
		return add_chain(a, KIND_OUTSIDE, value, value);
	if (!strcmp(line, "own"))
		return add_chain(a, KIND_OWN, value, value);
	if (!strncmp(line, "root ", 5))
		return add_chain(a, KIND_ROOT, line + 5, value);
	if (!strncmp(line, "limit ", 6))
		return set_limit(a, line + 6, value);
	if (!strcmp(line, "comm"))
		return allowed_set_comm(a, value);
	return -EBADMSG;
}

static bool has_kind(const struct allowed *a, enum kind kind)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->chains[i].kind == kind)
			return true;
	return false;
}

int allowed_read(FILE *in, const char *name, struct allowed **ret)
{
	struct allowed *a = calloc(1, sizeof(*a));
	size_t size = 0, line_no = 0;
	char *line = NULL;
	ssize_t n;
	int r = a ? 0 : -ENOMEM;

	if (a)
		a->limits[VERDICT_OUTSIDE] = 2;
	while (r >= 0 && (n = getline(&line, &size, in)) >= 0) {
		line_no++;
		while (n > 0 && isspace((unsigned char)line[n - 1]))
			line[--n] = '\0';
		if (n && line[0] != '#')
			r = read_directive(a, line);
	}
	free(line);
	if (r >= 0)
		r = add_chain(a, KIND_OWN, "main", "main");
	if (r >= 0 && !has_kind(a, KIND_CHAIN))
		r = -EBADMSG;
	if (r == -EBADMSG)
		fprintf(stderr, "corpus-check: %s:%zu: no chain, or not a directive\n", name,
			line_no);
	if (r < 0) {
		allowed_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void allowed_free(struct allowed *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < a->chains[i].n; k++)
			free(a->chains[i].elements[k].text);
		free(a->chains[i].elements);
		free(a->chains[i].name);
	}
	free(a->chains);
	free(a->comm);
	free(a);
}
