/* SPDX-License-Identifier: Apache-2.0 */
#include "linereader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define CHUNK ((size_t)64 << 10)

static int read_more(struct linereader *l, struct err *e)
{
	ssize_t got;

	if (l->pos > 0) {
		memmove(l->buf, l->buf + l->pos, l->n - l->pos);
		l->n -= l->pos;
		l->pos = 0;
	}
	if (l->n >= l->max)
		return err_set(e, -EBADMSG, "line %zu is longer than %zu MiB", l->line_no + 1,
			       l->max >> 20);
	if (l->cap - l->n < CHUNK) {
		size_t cap = l->cap + l->cap / 2 + CHUNK;
		char *bigger = reallocarray(l->buf, cap, 1);

		if (!bigger)
			return -ENOMEM;
		l->buf = bigger;
		l->cap = cap;
	}
	got = source_read(l->in, l->buf + l->n, CHUNK);
	if (got < 0)
		return (int)got;
	l->n += (size_t)got;
	l->eof = got == 0;
	return 0;
}

int linereader_next(struct linereader *l, const char **ret, size_t *ret_n, struct err *e)
{
	size_t seen = 0; /* bytes of this line that were searched already */

	for (;;) {
		size_t left = l->n - l->pos, n;
		const char *line = left ? l->buf + l->pos : NULL;
		const char *end = left > seen ? memchr(line + seen, '\n', left - seen) : NULL;
		int r;

		if (end || (l->eof && left)) {
			n = end ? (size_t)(end - line) : left;
			l->pos += n + (end != NULL);
			l->line_no++;
			*ret = line;
			*ret_n = n && line[n - 1] == '\r' ? n - 1 : n;
			return 1;
		}
		if (l->eof)
			return 0;
		seen = left;
		r = read_more(l, e);
		if (r < 0)
			return r;
	}
}

void linereader_done(struct linereader *l)
{
	free(l->buf);
	*l = (struct linereader){ 0 };
}
