/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that knows yajl. */
#include "jsonread.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "err.h"

#define CHUNK	   ((size_t)64 << 10)
#define DEPTH_MAX  512
#define TOKEN_MAX  ((uint64_t)16 << 20)
#define NUMBER_MAX 64 /* digits; no writer gives a tenth of a quintillionth */

struct reading {
	const struct json_reader *calls;
	void *ctx;
	struct err *e;
	size_t depth;
	bool heard; /* a token came since the last look */
	int result; /* of the call that ended the reading */
};

/* yajl wants 1 to go on. */
static int answer(struct reading *j, int r)
{
	j->heard = true;
	j->result = r;
	return r == 0;
}

static int on_begin(struct reading *j, bool is_map)
{
	if (++j->depth > DEPTH_MAX)
		return answer(j, err_set(j->e, -EBADMSG, "its JSON nests deeper than %d levels",
					 DEPTH_MAX));
	return answer(j, j->calls->begin(j->ctx, is_map));
}

static int on_map(void *ctx)
{
	return on_begin(ctx, true);
}

static int on_array(void *ctx)
{
	return on_begin(ctx, false);
}

static int on_end(void *ctx)
{
	struct reading *j = ctx;

	j->depth--;
	return answer(j, j->calls->end(j->ctx));
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
	struct reading *j = ctx;

	return answer(j, j->calls->key(j->ctx, (const char *)s, n));
}

static int on_string(void *ctx, const unsigned char *s, size_t n)
{
	struct reading *j = ctx;

	return answer(j, j->calls->string(j->ctx, (const char *)s, n));
}

static int on_number(void *ctx, const char *s, size_t n)
{
	struct reading *j = ctx;
	char text[NUMBER_MAX + 1];

	if (n > NUMBER_MAX)
		return answer(j, err_set(j->e, -EBADMSG, "its JSON has a number of %zu digits", n));
	memcpy(text, s, n);
	text[n] = 0;
	return answer(j, j->calls->number(j->ctx, strtod(text, NULL)));
}

static int on_boolean(void *ctx, int value)
{
	(void)value;
	return answer(ctx, 0);
}

static int on_null(void *ctx)
{
	return answer(ctx, 0);
}

static int syntax_error(struct reading *j, yajl_handle h, uint64_t before)
{
	unsigned char *why = yajl_get_error(h, 0, NULL, 0);
	int r;

	if (!why)
		return -ENOMEM;
	why[strcspn((char *)why, "\n")] = 0;
	r = err_set(j->e, -EBADMSG, "its JSON is broken at byte %llu: %s",
		    (unsigned long long)(before + yajl_get_bytes_consumed(h)), why);
	yajl_free_error(h, why);
	return r;
}

/* The first bytes, without the mark that some editors put before text: how many, or -errno. */
static ssize_t read_first(const struct source *in, unsigned char *buf)
{
	static const unsigned char mark[3] = { 0xef, 0xbb, 0xbf };
	size_t n = 0;
	ssize_t got = 1;

	while (n < sizeof(mark) && got > 0) {
		got = source_read(in, buf + n, CHUNK - n);
		if (got < 0)
			return got;
		n += (size_t)got;
	}
	if (n >= sizeof(mark) && memcmp(buf, mark, sizeof(mark)) == 0) {
		n -= sizeof(mark);
		memmove(buf, buf + sizeof(mark), n);
		if (n == 0)
			return source_read(in, buf, CHUNK);
	}
	return (ssize_t)n;
}

static int parse(struct reading *j, yajl_handle h, const struct source *in, unsigned char *buf)
{
	uint64_t before = 0, heard = 0; /* bytes: read, and when the last token had come */
	ssize_t n = read_first(in, buf);
	yajl_status s;

	for (;; n = source_read(in, buf, CHUNK)) {
		if (n < 0)
			return (int)n;
		j->heard = false;
		s = n ? yajl_parse(h, buf, (size_t)n) : yajl_complete_parse(h);
		if (s == yajl_status_client_canceled)
			return j->result;
		if (s != yajl_status_ok)
			return syntax_error(j, h, before);
		if (n == 0)
			return 0;
		before += (uint64_t)n;
		if (j->heard)
			heard = before;
		if (before - heard > TOKEN_MAX)
			return err_set(j->e, -EBADMSG, "its JSON has a value of more than 16 MiB");
	}
}

int json_read(const struct source *in, const struct json_reader *calls, void *ctx, struct err *e)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_map,
		.yajl_map_key = on_key,
		.yajl_end_map = on_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_end,
	};
	struct reading j = { .calls = calls, .ctx = ctx, .e = e };
	unsigned char *buf = malloc(CHUNK);
	yajl_handle h = yajl_alloc(&callbacks, NULL, &j);
	int r = -ENOMEM;

	if (buf && h) {
		yajl_config(h, yajl_dont_validate_strings, 1); /* names may be any bytes */
		r = parse(&j, h, in, buf);
	}
	if (h)
		yajl_free(h);
	free(buf);
	return r;
}
