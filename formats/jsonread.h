/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from a source, token by token, with limits to nesting and to the length of a token. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stream.h"

struct err;

/* What is called for each token: 0, or -errno, which ends the reading. Texts are borrowed, may hold
 * any character and no NUL follows them. true, false and null are passed over. */
struct json_reader {
	int (*begin)(void *ctx, bool is_map); /* a map, or an array */
	int (*end)(void *ctx);		      /* of either */
	int (*key)(void *ctx, const char *s, size_t n);
	int (*string)(void *ctx, const char *s, size_t n);
	int (*number)(void *ctx, double v); /* the nearest, infinite when too large */
};

/*
 * Reads one value and nothing behind it. 0, -EBADMSG with a sentence for what is no JSON, nests
 * deeper than 512 levels or has a string of 16 MiB, -ENOMEM, what @in or a call gave.
 */
int json_read(const struct source *in, const struct json_reader *calls, void *ctx, struct err *e);
