/* SPDX-License-Identifier: Apache-2.0 */
#include "sinkfile.h"

#include <errno.h>

#define BUFFER ((size_t)256 << 10)

static ssize_t write_cookie(void *cookie, const char *data, size_t n)
{
	struct sinkfile *s = cookie;

	if (s->result == 0)
		s->result = sink_write(s->out, data, n);
	return s->result < 0 ? 0 : (ssize_t)n; /* 0 is how a stream is told of an error */
}

int sinkfile_open(struct sinkfile *s, const struct sink *out)
{
	static const cookie_io_functions_t calls = { .write = write_cookie };

	*s = (struct sinkfile){ .out = out };
	s->f = fopencookie(s, "w", calls);
	if (!s->f)
		return -ENOMEM;
	setvbuf(s->f, NULL, _IOFBF, BUFFER);
	return 0;
}

int sinkfile_close(struct sinkfile *s)
{
	int bad = ferror(s->f);

	bad |= fclose(s->f);
	return s->result < 0 ? s->result : bad ? -ENOMEM : 0;
}

void put_number(FILE *f, int64_t v)
{
	char text[24];
	size_t i = sizeof(text);
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do
		text[--i] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		text[--i] = '-';
	fwrite_unlocked(text + i, 1, sizeof(text) - i, f);
}
