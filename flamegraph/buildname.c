/* SPDX-License-Identifier: Apache-2.0 */
#include "buildname.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "array.h"

static bool has_prefix(const char *s, size_t n, const char *prefix)
{
	return n >= strlen(prefix) && memcmp(s, prefix, strlen(prefix)) == 0;
}

/* Whether @n bytes of @s, which follow a point, are what compilers call copies of a function. */
static bool is_copy(const char *s, size_t n)
{
	static const char *const words[] = { "cold", "constprop", "isra",	"part",	 "lto_priv",
					     "llvm", "clone",	  "localalias", "__uniq" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (has_prefix(s, n, words[i]) &&
		    (n == strlen(words[i]) || s[strlen(words[i])] == '.'))
			return true;
	return false;
}

/* "[object+0x1234]" */
static bool is_place(struct text name)
{
	size_t i = name.n;

	if (name.n < 6 || name.s[0] != '[' || name.s[--i] != ']')
		return false;
	while (i > 0 && isxdigit((unsigned char)name.s[i - 1]))
		i--;
	return i > 3 && i < name.n - 1 && memcmp(name.s + i - 3, "+0x", 3) == 0;
}

struct text func_any_build(struct text name)
{
	if (is_place(name))
		return (struct text){ name.s, 0 };
	for (size_t i = 1; i + 1 < name.n; i++)
		if (name.s[i] == '.' && is_copy(name.s + i + 1, name.n - i - 1))
			return (struct text){ name.s, i };
	return name;
}

/* The length of @n bytes of @s without a version at their end: "-2.31", "3.11". */
static size_t without_digits(const char *s, size_t n)
{
	size_t i = n;
	bool point = false;

	while (i > 0 && (isdigit((unsigned char)s[i - 1]) || s[i - 1] == '.'))
		point |= s[--i] == '.';
	if (!point || i == 0)
		return n;
	while (i > 1 && (s[i - 1] == '-' || s[i - 1] == '_'))
		i--;
	return i;
}

size_t object_any_version(struct text object, char *buf)
{
	static const char deleted[] = " (deleted)", kernel[] = "kernel";
	size_t n = object.n, k = strlen(deleted);
	const char *so;

	/* One kernel runs, whatever its file is called. */
	if (has_prefix(object.s, n, "vmlinu")) {
		memcpy(buf, kernel, sizeof(kernel));
		return strlen(kernel);
	}
	if (n > k && memcmp(object.s + n - k, deleted, k) == 0)
		n -= k;
	memcpy(buf, object.s, n);
	buf[n] = '\0';
	so = strstr(buf, ".so");
	if (!so || (so[3] && so[3] != '.')) {
		n = without_digits(buf, n);
		buf[n] = '\0';
		return n;
	}
	n = without_digits(buf, (size_t)(so - buf));
	memcpy(buf + n, ".so", 4);
	return n + 3;
}
