/* SPDX-License-Identifier: Apache-2.0 */
#include "symunit.h"

#include <string.h>

enum { PART_MAX = 4096 }; /* bytes of a part of a path: longer ones are cut */

/* Appends one part of a path; an absolute one replaces what is before it. */
static size_t add_part(const char *s, size_t n, size_t size, char *ret)
{
	size_t len = strlen(s);

	if (len == 0)
		return n;
	if (s[0] == '/')
		n = 0;
	else if (n > 0 && n < size - 1 && ret[n - 1] != '/')
		ret[n++] = '/';
	if (len > size - 1 - n)
		len = size - 1 - n;
	memcpy(ret + n, s, len);
	return n + len;
}

size_t symunit_file_path(const struct symunit_file *f, symunit_string_fn string, void *ctx,
			 size_t size, char *ret)
{
	const strref_t parts[] = { f->base, f->dir, f->name };
	char buf[PART_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i] != STRREF_NONE)
			n = add_part(string(ctx, parts[i], sizeof(buf), buf), n, size, ret);
	ret[n] = '\0';
	return n;
}
