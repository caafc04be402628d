/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over the name from left to right copies what is kept and jumps over groups in brackets.
 * Only what demanglers and Go's linker write is understood; the first thing that they would not
 * have written ends the walk, and the name stays whole.
 */
#include "shortname.h"

#include <stdbool.h>
#include <string.h>

#include "array.h"

enum {
	NESTING_MAX = 512,   /* of brackets; deeper names stay whole */
	DECLARATORS_MAX = 4, /* functions that return pointers to functions that return … */
	PREFIXES_MAX = 4,    /* "transaction clone for non-virtual thunk to …" */
};

struct walk {
	const char *s;
	size_t i, n;
	char *out; /* never gets ahead of `s`: there is room for n bytes */
	size_t len;
	size_t word;  /* in `out`: behind the last space outside of brackets */
	size_t kept;  /* in `out`: where the outermost '<' of Rust stands, while `inside` */
	int inside;   /* how many '<' of Rust paths are open: "<T as Trait>" */
	bool has_end; /* parameters were seen: only qualifiers and "::" can follow */
	bool spaced;  /* something stands before the name */
	bool is_cut;  /* a group was not closed, as the name was cut before */
};

static char at(const struct walk *w, size_t i)
{
	return i < w->n ? w->s[i] : '\0';
}

static bool begins(const struct walk *w, size_t i, const char *what)
{
	size_t n = strlen(what);

	return i <= w->n && w->n - i >= n && memcmp(w->s + i, what, n) == 0;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* What stands in names outside of brackets beside '::': '.', '/', '%' and '-' in Go's paths, '@' of
 * "f@plt", '\'' of "'lambda'", '*' of "*T". */
static bool is_plain(char c)
{
	return is_word(c) || (c && strchr("~./%-+@'*#!?", c));
}

static void put(struct walk *w, const char *s, size_t n)
{
	memcpy(w->out + w->len, s, n);
	w->len += n;
}

static void put_text(struct walk *w, const char *s)
{
	put(w, s, strlen(s));
}

static void take(struct walk *w, size_t end)
{
	put(w, w->s + w->i, end - w->i);
	w->i = end;
}

/* --- operators ------------------------------------------------------------------------------- */

/* Whether the word "operator" stands at @i, and is not the end of another one. */
static bool is_operator(const struct walk *w, size_t i)
{
	return begins(w, i, "operator") && !is_word(at(w, i + 8)) &&
	       (i == 0 || !is_word(w->s[i - 1]));
}

/* The end of the symbol after "operator" at @i; @i when there is none: a conversion. */
static size_t operator_symbol_end(const struct walk *w, size_t i)
{
	static const char *const symbols[] = {
		"()", "[]", "->*", "->", "<=>", "<<=", ">>=", "<<", ">>", "<=", ">=",
		"==", "!=", "&&",  "||", "++",	"--",  "+=",  "-=", "*=", "/=", "%=",
		"^=", "&=", "|=",  "<",	 ">",	"+",   "-",   "*",  "/",  "%",	"^",
		"&",  "|",  "~",   "!",	 "=",	",",   "??",  "?",
	};
	static const char *const words[] = {
		" new[]", " new", " delete[]", " delete", " co_await",
	};

	for (size_t k = 0; k < ARRAY_LEN(symbols); k++)
		if (begins(w, i, symbols[k]))
			return i + strlen(symbols[k]);
	for (size_t k = 0; k < ARRAY_LEN(words); k++)
		if (begins(w, i, words[k]) && !is_word(at(w, i + strlen(words[k]))))
			return i + strlen(words[k]);
	if (begins(w, i, "\"\"") || begins(w, i, " \"\"")) {
		for (i += at(w, i) == ' ' ? 3 : 2; at(w, i) == ' ';)
			i++;
		while (is_word(at(w, i)))
			i++;
	}
	return i;
}

/* --- groups ---------------------------------------------------------------------------------- */

static char closing(char c)
{
	switch (c) {
	case '(':
		return ')';
	case '[':
		return ']';
	case '{':
		return '}';
	case '<':
		return '>';
	default:
		return '\0';
	}
}

static bool is_closing(char c)
{
	return c == ')' || c == ']' || c == '}' || c == '>';
}

/* Demanglers put operands into parentheses: "((a)>(b))" and "(a)<(b)" compare. */
static bool is_comparison(const struct walk *w, size_t i, char innermost)
{
	char c = w->s[i], before = i ? w->s[i - 1] : '\0';

	if (c == '>' && before == '-') /* "->" */
		return true;
	if (c == '>')
		return innermost == ')';
	return before == ')' || before == '<' || at(w, i + 1) == '=';
}

/*
 * The place behind the group that opens at @i; 0 when it is not closed, or too deep. A name that
 * was cut ends in "..." and closes all groups.
 */
static size_t group_end(const struct walk *w, size_t i)
{
	char stack[NESTING_MAX];
	size_t depth = 0;

	while (i < w->n) {
		char c = w->s[i];

		if (depth && is_operator(w, i)) {
			size_t end = operator_symbol_end(w, i + 8);

			i = end > i + 8 ? end : i + 8;
			continue;
		}
		if (depth && (c == '<' || c == '>') && is_comparison(w, i, stack[depth - 1])) {
			i++;
			continue;
		}
		if (closing(c)) {
			if (depth == NESTING_MAX)
				return 0;
			stack[depth++] = closing(c);
		} else if (is_closing(c)) {
			if (!depth || stack[depth - 1] != c)
				return 0;
			if (--depth == 0)
				return i + 1;
		}
		i++;
	}
	return w->n >= 3 && begins(w, w->n - 3, "...") ? w->n : 0;
}

/* Copies a whole group. */
static bool take_group(struct walk *w)
{
	size_t end = group_end(w, w->i);

	if (!end)
		return false;
	take(w, end);
	return true;
}

/* Jumps over a group that ends at @end. */
static void skip(struct walk *w, size_t end)
{
	w->is_cut = end == w->n && w->s[end - 1] == '.';
	w->i = end;
}

static bool skip_group(struct walk *w)
{
	size_t end = group_end(w, w->i);

	if (end)
		skip(w, end);
	return end != 0;
}

/* --- parts of names -------------------------------------------------------------------------- */

/* Whether a type goes on behind its group that ends at @end: "(*)(int)", "(&) [3]". */
static bool goes_on(const struct walk *w, size_t end)
{
	return at(w, end) == '(' || at(w, end) == '[' || begins(w, end, " [");
}

/* The type of "operator TYPE()": it ends before the last group, which holds the parameters. */
static bool walk_conversion(struct walk *w)
{
	while (w->i < w->n) {
		char c = w->s[w->i];
		size_t end;

		if (c != '(' && c != '<' && c != '[') {
			if (!is_plain(c) && c != ' ' && c != ':' && c != '&')
				return false;
			take(w, w->i + 1);
			continue;
		}
		end = group_end(w, w->i);
		if (!end)
			return false;
		if (c == '(' && !goes_on(w, end) && !begins(w, w->i, "(anonymous "))
			return true;
		if (c == '<')
			skip(w, end);
		else
			take(w, end);
	}
	return true;
}

static bool walk_operator(struct walk *w)
{
	size_t end = operator_symbol_end(w, w->i + 8);
	bool is_symbol = end > w->i + 8;

	take(w, is_symbol ? end : w->i + 8);
	if (!is_symbol)
		return at(w, w->i) == ' ' ? walk_conversion(w) : true;
	if (at(w, w->i) == ' ' && at(w, w->i + 1) == '<') /* "operator<< <char>" */
		w->i++;
	return true;
}

/* "{lambda(int)#1}" loses its parameters; "{closure#0}", "{{vtable.shim}}" stay. */
static bool walk_braces(struct walk *w)
{
	static const char lambda[] = "{lambda";

	if (!begins(w, w->i, lambda))
		return take_group(w);
	take(w, w->i + strlen(lambda));
	while (at(w, w->i) == '<' || at(w, w->i) == '(')
		if (!skip_group(w))
			return false;
	while (w->i < w->n && w->s[w->i] != '}') {
		if (!is_plain(w->s[w->i]))
			return false;
		take(w, w->i + 1);
	}
	if (w->i < w->n)
		take(w, w->i + 1);
	return true;
}

/* The end of a Rust path in '<' and '>'. One that is no more than a path needs no brackets. */
static bool close_path(struct walk *w)
{
	put(w, ">", 1);
	w->i++;
	if (--w->inside)
		return true;
	for (size_t i = w->kept + 1; i + 1 < w->len; i++)
		if (!is_word(w->out[i]) && w->out[i] != ':')
			return true;
	w->len -= 2;
	memmove(w->out + w->kept, w->out + w->kept + 1, w->len - w->kept);
	return true;
}

/* "<" where a path of Rust begins; the group has to be closed somewhere. */
static bool open_path(struct walk *w)
{
	if (!w->inside) {
		if (!group_end(w, w->i))
			return false;
		w->kept = w->len;
	}
	if (++w->inside > NESTING_MAX)
		return false;
	take(w, w->i + 1);
	return true;
}

/* '<': arguments, which go, or a part of a Rust path, which stays. */
static bool walk_angle(struct walk *w)
{
	bool after_colons = w->i >= 2 && w->s[w->i - 1] == ':';
	char before = w->i ? w->s[w->i - 1] : '\0';
	size_t end;

	if (w->i == 0 || begins(w, w->i, "<impl ") ||
	    (w->inside && !is_word(before) && !after_colons))
		return open_path(w);
	end = group_end(w, w->i);
	if (!end)
		return false;
	if (begins(w, w->i, "<lambda(")) { /* as gcc calls the class of a lambda */
		put_text(w, "<lambda>");
		skip(w, end);
		return true;
	}
	if (before == '.' || begins(w, w->i, "<lambda>")) /* Foo.<init>, <listcomp> */
		return take_group(w);
	if (after_colons) { /* f::<u8>, but not py::<module>:/app.py */
		if (at(w, end) == ':' && at(w, end + 1) != ':')
			return false;
		if (w->len >= 2)
			w->len -= 2;
	}
	skip(w, end);
	return true;
}

/* '[': "[abi:cxx11]" goes, generics of Go become "[...]". */
static bool walk_square(struct walk *w)
{
	size_t start = w->i, end = group_end(w, start);

	if (start == 0 || !end)
		return false;
	if (begins(w, start, "[abi:")) {
		skip(w, end);
		return true;
	}
	if (end - start < 5 || w->inside || !memchr(w->s, '.', start))
		return take_group(w);
	put_text(w, "[...]");
	w->i = end;
	return true;
}

/* "main.(*T[int]).f": the receiver's type stays, without its arguments. */
static bool walk_receiver(struct walk *w)
{
	size_t end = group_end(w, w->i);

	if (!end)
		return false;
	while (w->i < end) {
		size_t before = w->i;

		if (w->s[w->i] == '[' && !walk_square(w))
			return false;
		if (w->i == before)
			take(w, w->i + 1);
	}
	return true;
}

/* What stood before the name was its type, now that there are parameters. */
static void drop_type(struct walk *w)
{
	memmove(w->out, w->out + w->word, w->len - w->word);
	w->len -= w->word;
	w->word = 0;
	w->spaced = false;
}

/* "int (*f(int))(char)": goes on inside of the first group. */
static bool enter_declarator(struct walk *w, size_t end, int *declarators)
{
	size_t i = w->i + 1;

	if (++*declarators > DECLARATORS_MAX || !goes_on(w, end))
		return false;
	while (i < end - 1 && (w->s[i] == '*' || w->s[i] == '&'))
		i++;
	for (;;) {
		if (begins(w, i, " const"))
			i += strlen(" const");
		else if (at(w, i) == ' ')
			i++;
		else
			break;
	}
	if (i >= end)
		return false;
	w->i = i;
	w->n = end - 1;
	w->len = w->word;
	return true;
}

static bool ends_in_decltype(const struct walk *w)
{
	static const char word[] = "decltype";
	size_t n = strlen(word);

	return w->len - w->word == n && memcmp(w->out + w->word, word, n) == 0;
}

static bool walk_round(struct walk *w, int *declarators)
{
	size_t start = w->i, end;
	char before = start ? w->s[start - 1] : '\0';

	if (begins(w, start, "(anonymous ") || begins(w, start, "(lambda at ") || w->inside)
		return take_group(w);
	if (before == '.')
		return walk_receiver(w);
	end = group_end(w, start);
	if (!end)
		return false;
	if (w->len == w->word) {
		bool entered = !w->has_end && (at(w, start + 1) == '*' || at(w, start + 1) == '&');

		return entered && enter_declarator(w, end, declarators);
	}
	skip(w, end);
	if (ends_in_decltype(w)) /* the type "decltype(x+y)" */
		return true;
	if (!w->has_end)
		drop_type(w);
	w->has_end = true;
	return true;
}

/* After parameters: " const &", " [clone .cold]". False: something else. */
static bool walk_qualifiers(struct walk *w)
{
	static const char *const words[] = { " const",	  " volatile", " &&",	     " &",
					     " noexcept", " restrict", " __restrict" };

	for (size_t k = 0; k < ARRAY_LEN(words); k++) {
		size_t end = w->i + strlen(words[k]);

		if (begins(w, w->i, words[k]) && !is_word(at(w, end))) {
			w->i = end;
			return true;
		}
	}
	if (begins(w, w->i, " requires ")) {
		w->i = w->n;
		return true;
	}
	if (!begins(w, w->i, " [clone ") && !begins(w, w->i, " (."))
		return false;
	take(w, w->i + 1);
	return take_group(w);
}

static bool walk_space(struct walk *w)
{
	if (w->has_end || begins(w, w->i, " [clone "))
		return walk_qualifiers(w);
	if (w->inside) {
		take(w, w->i + 1);
		return true;
	}
	if (ends_in_decltype(w) && at(w, w->i + 1) == '(') {
		w->i++; /* "decltype (x+y) f<int>(int)" */
		return skip_group(w);
	}
	take(w, w->i + 1);
	w->word = w->len;
	w->spaced = true;
	return true;
}

/* --- the walk -------------------------------------------------------------------------------- */

/* What demanglers write in front of names of data and of code that the compiler made. */
static void take_prefixes(struct walk *w)
{
	static const char *const prefixes[] = {
		"vtable for ",
		"VTT for ",
		"typeinfo for ",
		"typeinfo name for ",
		"typeinfo fn for ",
		"guard variable for ",
		"non-virtual thunk to ",
		"virtual thunk to ",
		"covariant return thunk to ",
		"construction vtable for ",
		"hidden alias for ",
		"TLS init function for ",
		"TLS wrapper function for ",
		"transaction clone for ",
		"non-transaction clone for ",
		"global constructors keyed to ",
		"global destructors keyed to ",
	};

	for (size_t k = 0, found = 0; k < ARRAY_LEN(prefixes) && found < PREFIXES_MAX; k++)
		if (begins(w, w->i, prefixes[k])) {
			take(w, w->i + strlen(prefixes[k]));
			found++;
			k = (size_t)-1;
		}
}

static bool walk_one(struct walk *w, int *declarators)
{
	char c = w->s[w->i];

	if (is_operator(w, w->i))
		return walk_operator(w);
	switch (c) {
	case '<':
		return walk_angle(w);
	case '>':
		if (!w->inside)
			return false;
		if (w->s[w->i - 1] != '-') /* "fn(u8) -> u8" */
			return close_path(w);
		take(w, w->i + 1);
		return true;
	case '(':
		return walk_round(w, declarators);
	case '[':
		return w->inside ? take_group(w) : walk_square(w);
	case '{':
		return walk_braces(w);
	case ' ':
		return walk_space(w);
	case ':':
		if (at(w, w->i + 1) != ':')
			return false;
		take(w, w->i + 2);
		w->has_end = false; /* f(int)::Local */
		return true;
	case '&':
	case ',':
		/* "T const& f<T>()": of the type, if anything. */
		if (!w->inside && w->has_end)
			return false;
		w->spaced |= !w->inside;
		take(w, w->i + 1);
		return true;
	default:
		if (w->has_end && c != '@')
			return false;
		if (!is_plain(c))
			return false;
		take(w, w->i + 1);
		w->has_end = false;
		return true;
	}
}

/* Whether all of the name was understood. */
static bool walk(struct walk *w)
{
	int declarators = 0;

	while (w->i < w->n)
		if (!walk_one(w, &declarators))
			return false;
	return w->len > 0 && !w->inside && !w->spaced;
}

size_t short_name(const char *name, size_t n, char *buf)
{
	static const char dots[] = "...";
	struct walk w = { .s = name, .n = n, .out = buf };
	size_t prefix;

	/* What follows a prefix is a name of its own. */
	take_prefixes(&w);
	prefix = w.len;
	w = (struct walk){ .s = name + prefix, .n = n - prefix, .out = buf + prefix };
	if (!walk(&w)) {
		memcpy(buf, name, n);
		buf[n] = '\0';
		return n;
	}
	n = prefix + w.len;
	if (w.is_cut) {
		memcpy(buf + n, dots, strlen(dots));
		n += strlen(dots);
	}
	buf[n] = '\0';
	return n;
}
