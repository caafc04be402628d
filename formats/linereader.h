/* SPDX-License-Identifier: Apache-2.0 */
/* Text from a source, line by line, with a limit to a line and no copy of the whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct err;

struct linereader {
	const struct source *in;
	size_t max;	/* bytes in a line */
	size_t line_no; /* of the line that was given last, from 1 on */
	char *buf;	/* private from here on */
	size_t pos, n, cap;
	bool eof;
};

static inline struct linereader linereader_of(const struct source *in, size_t max)
{
	return (struct linereader){ .in = in, .max = max };
}

/*
 * The next line without its end ("\n" or "\r\n"), borrowed until the next call: 1, 0 at the end of
 * the text, -EBADMSG with a sentence for a line that is too long, -ENOMEM, or what the source gave.
 */
int linereader_next(struct linereader *l, const char **ret, size_t *ret_n, struct err *e);

void linereader_done(struct linereader *l);
