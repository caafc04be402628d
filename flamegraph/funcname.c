/* SPDX-License-Identifier: Apache-2.0 */
#include "funcname.h"

#include <stdio.h>
#include <string.h>

#include "array.h"
#include "funcmap.h"
#include "profile.h"

static struct text text_of(const char *s)
{
	return (struct text){ s, strlen(s) };
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

struct text object_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	struct text t = text_of(slash && slash[1] ? slash + 1 : file);

	if (has_prefix(t.s, "[kernel"))
		return text_of("kernel");
	if (t.n > 2 && t.s[0] == '[' && t.s[t.n - 1] == ']')
		return (struct text){ t.s + 1, t.n - 2 };
	return t;
}

struct text func_name(const struct profile *p, const struct func *f, char buf[FUNC_NAME_MAX])
{
	struct text object;

	switch (f->kind) {
	case FUNC_NAMED:
		return (struct text){ strtab_get(&p->strings, f->name),
				      strtab_len(&p->strings, f->name) };
	case FUNC_OFFSET:
		object = object_name(strtab_get(&p->strings, f->file));
		if (object.n == 0)
			object = text_of("unknown");
		if (object.n > 255)
			object.n = 255; /* a name in a file system has no more */
		snprintf(buf, FUNC_NAME_MAX, "[%.*s+0x%llx]", (int)object.n, object.s,
			 (unsigned long long)f->off);
		return text_of(buf);
	case FUNC_NO_STACK:
		return text_of("[no stack]");
	case FUNC_UNKNOWN:
		break;
	}
	return text_of("[unknown]");
}
