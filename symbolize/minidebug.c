/* SPDX-License-Identifier: Apache-2.0 */
/* The small symbol table that some distributions put into every stripped program, as an xz stream.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#include "cleanup.h"
#include "debugfile.h"

enum {
	DECODER_MAX = 80 << 20, /* bytes: `xz -9`, the most that xz is set to, needs 65 MiB */
	FIRST_GUESS = 4,	/* times the size of what is compressed */
	OUT_MIN = 16 << 10,
};

struct output {
	uint8_t *p; /* owned */
	size_t n, cap;
};

/* The funnel from liblzma's codes; only for those that end the stream badly. */
static int lzma_to_errno(lzma_ret r)
{
	switch (r) {
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return -EFBIG;
	default:
		return -EBADMSG;
	}
}

/* One byte more than @max may be had, which tells "exactly full" from "too much". */
static int grow(struct output *o, size_t guess, size_t max)
{
	size_t limit = max < SIZE_MAX ? max + 1 : max;
	size_t want = o->cap == 0 ? guess : o->cap > limit / 2 ? limit : o->cap * 2;
	uint8_t *p;

	if (want > limit)
		want = limit;
	if (want <= o->cap)
		return -EFBIG;
	p = realloc(o->p, want);
	if (!p)
		return -ENOMEM;
	o->p = p;
	o->cap = want;
	return 0;
}

static int decode(lzma_stream *xz, size_t max, struct output *o)
{
	size_t guess = xz->avail_in > (SIZE_MAX - OUT_MIN) / FIRST_GUESS
			       ? SIZE_MAX
			       : OUT_MIN + xz->avail_in * FIRST_GUESS;

	for (;;) {
		lzma_ret code;

		if (o->n == o->cap) {
			int r = grow(o, guess, max);

			if (r < 0)
				return r;
		}
		xz->next_out = o->p + o->n;
		xz->avail_out = o->cap - o->n;
		/* All input is there: a stream that wants more is cut off, and says so here. */
		code = lzma_code(xz, LZMA_FINISH);
		o->n = o->cap - xz->avail_out;
		if (o->n > max)
			return -EFBIG;
		if (code == LZMA_STREAM_END)
			return 0;
		if (code != LZMA_OK)
			return lzma_to_errno(code);
	}
}

static int unxz(const void *data, size_t n, size_t max, void **ret, size_t *ret_n)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	struct output out = { 0 };
	lzma_ret code = lzma_stream_decoder(&xz, DECODER_MAX, 0);
	int r;

	if (code != LZMA_OK)
		return lzma_to_errno(code);
	xz.next_in = data;
	xz.avail_in = n;
	r = decode(&xz, max, &out);
	lzma_end(&xz);
	if (r < 0) {
		free(out.p);
		return r;
	}
	*ret = out.p;
	*ret_n = out.n;
	return 0;
}

int debugfile_minidebug(const struct elf_file *f, size_t max_bytes, void **ret, size_t *ret_n)
{
	_cleanup_(elf_file_closep) struct elf_file own = elf_file_again(f);
	_cleanup_free_ void *data = NULL;
	const Elf64_Shdr *sh;
	size_t n;
	int r;

	r = elf_file_read_sections(&own);
	if (r < 0)
		return r;
	sh = elf_file_section_named(&own, ".gnu_debugdata");
	if (!sh)
		return -ENOENT;
	r = elf_file_read_section(&own, sh, max_bytes, &data, &n);
	return r < 0 ? r : unxz(data, n, max_bytes, ret, ret_n);
}
