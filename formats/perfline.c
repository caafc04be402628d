/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What perf prints depends on its version and on -F, so a header is searched for: the first word
 * that can be a process or thread and is followed by nothing but the parts that may follow it, ends
 * the name before it, which may hold spaces and numbers itself. Of two numbers the columns tell
 * which is the thread: perf prints it 7 wide at most, a period 10 wide, an address 16.
 */
#include "perfline.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "foldedcount.h"

#define NS_PER_S       1000000000
#define PERIOD_WIDTH   10 /* columns */
#define ADDRESS_WIDTH  16
#define ADDRESS_DIGITS 4 /* at least, of a frame behind an event */

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct perf_text trim(const char *s, const char *end)
{
	while (s < end && is_space(*s))
		s++;
	while (s < end && is_space(end[-1]))
		end--;
	return (struct perf_text){ s, (size_t)(end - s) };
}

static const char *skip_spaces(const char *s, const char *end)
{
	while (s < end && is_space(*s))
		s++;
	return s;
}

static const char *skip_word(const char *s, const char *end)
{
	while (s < end && !is_space(*s))
		s++;
	return s;
}

/* Digits at *@s, which moves past them. */
static bool take_number(const char **s, const char *end, int64_t *ret)
{
	const char *p = *s;
	int64_t v = 0;

	for (; p < end && isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			return false;
	if (p == *s)
		return false;
	*s = p;
	*ret = v;
	return true;
}

/* --- headers ---------------------------------------------------------------------------------- */

/* "-1" stands for what is gone. */
static bool take_id(const char **s, const char *end, int64_t *ret)
{
	if (end - *s >= 2 && memcmp(*s, "-1", 2) == 0) {
		*s += 2;
		*ret = -1;
		return true;
	}
	return take_number(s, end, ret);
}

/* "123", "123/124": one number is the thread, as perf prints it by default. */
static bool parse_ids(const char *s, const char *end, struct perf_header *h)
{
	int64_t first, second = -1;
	bool pair;

	if (!take_id(&s, end, &first))
		return false;
	pair = s < end && *s == '/';
	if (pair) {
		s++;
		if (!take_id(&s, end, &second))
			return false;
	}
	if (s != end)
		return false;
	h->pid = pair ? first : -1;
	h->tid = pair ? second : first;
	return true;
}

/* "1257.936080:", with six or nine digits behind the point. */
static bool parse_time(const char *s, const char *end, uint64_t *ret)
{
	int64_t seconds, fraction;
	const char *point;
	size_t digits;

	if (!take_number(&s, end, &seconds) || s == end || *s != '.')
		return false;
	point = ++s;
	if (!take_number(&s, end, &fraction) || end - s != 1 || *s != ':')
		return false;
	digits = (size_t)(s - point);
	if (digits > 9 || seconds > INT64_MAX / NS_PER_S - 1)
		return false;
	for (; digits < 9; digits++)
		fraction *= 10;
	*ret = (uint64_t)seconds * NS_PER_S + (uint64_t)fraction;
	return true;
}

static bool parse_cpu(const char *s, const char *end)
{
	int64_t cpu;

	if (end - s < 3 || *s++ != '[')
		return false;
	return take_number(&s, end, &cpu) && end - s == 1 && *s == ']';
}

/* What stands before a colon of modifiers ("cycles:ppp", "cpu/event=0x3c/u"), for the same event
 * counted in another mode is the same event. A tracepoint ("sched:sched_switch") is called by its
 * whole name. */
static struct perf_text event_name(const char *s, size_t n)
{
	const char *colon = memrchr(s, ':', n);

	if (colon && colon > s && colon + 1 < s + n &&
	    strspn(colon + 1, "ukhvpPHGSDWeIb") >= (size_t)(s + n - colon - 1))
		n = (size_t)(colon - s);
	return (struct perf_text){ s, n };
}

/* A word, and what is before it. */
struct column {
	const char *from, *s, *end;
};

static struct column next_column(const char *from, const char *end)
{
	const char *s = skip_spaces(from, end);

	return (struct column){ from, s, skip_word(s, end) };
}

/* Whether it is at least @n wide; a space is between columns. */
static bool is_wide(const struct column *c, int n)
{
	return c->end - c->from > n;
}

static bool is_time(const struct column *c)
{
	uint64_t ns;

	return parse_time(c->s, c->end, &ns);
}

static bool is_misc(const struct column *c)
{
	static const char letters[] = "KUHGgMESp";
	const char *p = c->s;

	while (p < c->end && memchr(letters, *p, sizeof(letters) - 1))
		p++;
	return p == c->end && p > c->s;
}

static bool is_event(const struct column *c)
{
	return c->end - c->s >= 2 && c->end[-1] == ':' && !is_time(c);
}

static bool is_address(const struct column *c)
{
	const char *p = c->s;

	while (p < c->end && isxdigit((unsigned char)*p))
		p++;
	return p == c->end && is_wide(c, ADDRESS_WIDTH);
}

/* The period, whatever its width where a number cannot be the thread. */
static bool is_period(const struct column *c, const struct column *next, bool any_width,
		      int64_t *ret)
{
	const char *after = c->s;

	return take_number(&after, c->end, ret) && after == c->end &&
	       (any_width || is_wide(c, PERIOD_WIDTH)) && (is_event(next) || !is_address(c));
}

/* All that may follow the process: [cpu], misc, time, period, event, and what follows that; or an
 * address. */
static bool parse_tail(const char *s, const char *end, struct perf_header *h)
{
	struct column c = next_column(s, end), next;
	bool any_width = h->pid >= 0 || h->tid < 0;

	if (parse_cpu(c.s, c.end)) {
		c = next_column(c.end, end);
		any_width = true;
	}
	if (is_misc(&c))
		c = next_column(c.end, end);
	h->has_time = parse_time(c.s, c.end, &h->time_ns);
	if (h->has_time)
		c = next_column(c.end, end);
	next = next_column(c.end, end);
	h->has_period = is_period(&c, &next, any_width || h->has_time, &h->period);
	if (h->has_period)
		c = next;
	if (is_event(&c)) {
		h->event = event_name(c.s, (size_t)(c.end - c.s - 1));
		h->rest = trim(c.end, end);
		return true;
	}
	h->rest = trim(c.s, end);
	return c.s == end || is_address(&c);
}

/* With @nameless, the process must be the first word, else it must not. */
static bool find_process(const char *s, const char *end, bool nameless, struct perf_header *ret)
{
	const char *begin = skip_spaces(s, end);
	bool after_id = false; /* what is so wide is its period, then */

	for (struct column c = next_column(s, end); c.s < end; c = next_column(c.end, end)) {
		struct perf_header h = { .pid = -1, .tid = -1 };
		bool id = parse_ids(c.s, c.end, &h);

		if (is_time(&c))
			return false;
		if (id && (c.s == begin) == nameless &&
		    !(after_id && h.pid < 0 && is_wide(&c, PERIOD_WIDTH)) &&
		    parse_tail(c.end, end, &h)) {
			h.comm = trim(begin, c.s);
			*ret = h;
			return true;
		}
		after_id = id;
	}
	return false;
}

bool perf_header_parse(const char *s, size_t n, struct perf_header *ret)
{
	/* A name without anything else would be a number. */
	return find_process(s, s + n, false, ret) || find_process(s, s + n, true, ret);
}

bool perf_line_has_time(const char *s, size_t n)
{
	const char *end = s + n;

	for (struct column c = next_column(s, end); c.s < end; c = next_column(c.end, end))
		if (is_time(&c))
			return true;
	return false;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Length of "+0x12" at the end, 0 when there is none. */
static size_t offset_length(struct perf_text t)
{
	size_t i = t.n;

	while (i > 0 && isxdigit((unsigned char)t.s[i - 1]))
		i--;
	return i < t.n && i >= 3 && memcmp(t.s + i - 3, "+0x", 3) == 0 ? t.n - i + 3 : 0;
}

/* Cuts the "(…)" off the end, which may hold brackets itself: "(/bin/a (deleted))". */
static bool cut_brackets(struct perf_text *t, struct perf_text *ret)
{
	size_t i = t->n, depth = 0;

	if (i == 0 || t->s[i - 1] != ')')
		return false;
	while (i > 0) {
		i--;
		depth += t->s[i] == ')';
		depth -= t->s[i] == '(';
		if (depth == 0)
			break;
	}
	if (depth || (i > 0 && !is_space(t->s[i - 1])))
		return false;
	*ret = trim(t->s + i + 1, t->s + t->n - 1);
	*t = trim(t->s, t->s + i);
	return true;
}

static bool is_unknown(struct perf_text t)
{
	static const char unknown[] = "[unknown]";

	return t.n == sizeof(unknown) - 1 && memcmp(t.s, unknown, t.n) == 0;
}

bool perf_frame_parse(const char *s, size_t n, bool need_ip, struct perf_frame *ret)
{
	const char *end = s + n, *begin = skip_spaces(s, end), *p = begin;
	struct perf_frame f = { 0 };
	struct perf_text dso = { 0 };

	if (end - p > 2 && p[0] == '0' && p[1] == 'x')
		p += 2;
	while (p < end && isxdigit((unsigned char)*p))
		p++;
	if (p == begin || (p < end && !is_space(*p)) ||
	    (skip_spaces(p, end) < end && *skip_spaces(p, end) == '(')) {
		if (need_ip || begin == end)
			return false;
		p = begin; /* a symbol that looks like a number, or none before the object */
	}
	f.symbol = trim(p, end);
	if (cut_brackets(&f.symbol, &dso)) {
		f.inlined = dso.n == 7 && memcmp(dso.s, "inlined", 7) == 0;
		f.dso = f.inlined ? (struct perf_text){ 0 } : dso;
	}
	n = offset_length(f.dso);
	if (n) {
		f.dso.n -= n;
		f.dso_off = (struct perf_text){ f.dso.s + f.dso.n + 1, n - 1 };
	}
	f.symbol.n -= offset_length(f.symbol);
	if (is_unknown(f.symbol))
		f.symbol.n = 0;
	if (is_unknown(f.dso))
		f.dso.n = 0;
	*ret = f;
	return true;
}

/* A tracepoint's fields may look like a shorter address. No two spaces in a row are in a name. */
static bool begins_frame(const struct column *c, const char *begin)
{
	const char *p = c->s;

	while (p < c->end && isxdigit((unsigned char)*p))
		p++;
	return p == c->end && p - c->s >= ADDRESS_DIGITS &&
	       (c->s == begin || c->s - c->from > 1 || p - c->s == ADDRESS_WIDTH);
}

bool perf_frame_find(struct perf_text rest, struct perf_frame *ret)
{
	const char *end = rest.s + rest.n, *begin = NULL;
	struct perf_text found = { 0 };
	bool has_name = false;

	for (struct column c = next_column(rest.s, end);; c = next_column(c.end, end)) {
		if (c.s < end && !begins_frame(&c, rest.s))
			continue;
		if (begin) { /* of what could be a frame, which ends here */
			struct perf_text t = trim(begin, c.s);
			const char *name = next_column(skip_word(t.s, c.s), t.s + t.n).s;
			bool named = name < t.s + t.n;

			if ((named && *name != '|') || (!named && !has_name)) {
				found = t;
				has_name = named;
			}
		}
		if (c.s == end)
			return found.n && perf_frame_parse(found.s, found.n, true, ret);
		begin = c.s;
	}
}

bool perf_srcline_parse(const char *s, size_t n, struct perf_text *ret_file, int64_t *ret_line)
{
	struct perf_text t = trim(s, s + n);
	const char *colon = t.n ? memrchr(t.s, ':', t.n) : NULL, *digits;
	int64_t line;

	if (!colon || colon == t.s)
		return false;
	digits = colon + 1;
	if (!take_number(&digits, t.s + t.n, &line) || digits != t.s + t.n)
		return false;
	*ret_file = (struct perf_text){ t.s, (size_t)(colon - t.s) };
	*ret_line = line;
	return true;
}

/* --- telling it from other text --------------------------------------------------------------- */

static bool begins_with(const char *s, size_t n, const char *what)
{
	return n >= strlen(what) && memcmp(s, what, strlen(what)) == 0;
}

bool perf_preamble_begins(const char *s, size_t n)
{
	return begins_with(s, n, "# captured on");
}

bool perf_preamble_ends(const char *s, size_t n)
{
	return begins_with(s, n, "# ========");
}

/* As a line of folded stacks does. */
static bool ends_in_number(const char *s, size_t n)
{
	int64_t carry = 0, v;

	return folded_take_count(s, &n, &carry, &v) != -EINVAL;
}

/* What a line says of the text: 1 = perf's, 0 = not, -EAGAIN = the next one tells. */
static int judge_line(const char *s, size_t n, bool *after_header)
{
	struct perf_header h;
	struct perf_frame f;

	if (*after_header) /* of few words: the frame below it must decide */
		return *s == '\t' && !ends_in_number(s, n) && perf_frame_parse(s, n, true, &f);
	if (memmem(s, n, " PERF_RECORD_", 13))
		return 1;
	if (!perf_header_parse(s, n, &h))
		return perf_line_has_time(s, n); /* then it is to be told what is wrong */
	if ((h.event.n || h.rest.n) && (h.has_time || !ends_in_number(s, n)))
		return 1;
	*after_header = true;
	return -EAGAIN;
}

bool perf_script_sniff(const char *s, size_t n)
{
	const char *end = s + n, *next;
	bool preamble = false, header = false;

	for (; s < end; s = next) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((stop ? stop : end) - s);
		int r = -EAGAIN;

		next = stop ? stop + 1 : end;
		len -= len && s[len - 1] == '\r';
		if (preamble)
			preamble = !perf_preamble_ends(s, len);
		else if (perf_preamble_begins(s, len))
			preamble = true;
		else if (len && *s != '#')
			r = judge_line(s, len, &header);
		if (r != -EAGAIN)
			return r;
	}
	return preamble;
}
