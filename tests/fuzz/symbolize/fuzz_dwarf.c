/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file with debug information, and as the common file of dwz beside itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dwobject.h"

enum { ASKED = 96, ANSWER_NAME = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

/* Opens @data; NULL when it cannot be. */
static struct dwobject *open_data(const uint8_t *data, size_t size, size_t max_images)
{
	static const struct dwline_span code[] = { { 0, 0x800 }, { 0x1000, 0x3000 } };
	const struct dwobject_opts opts = { .alt_fd = size % 2 ? file_of(data, size) : -1,
					    .code = code,
					    .n_code = 2,
					    .max_inflated = 1 << 20,
					    .max_held = size % 3 ? 1 << 20 : 1,
					    .max_images = max_images,
					    .threads = 1 };
	int fd = file_of(data, size);
	struct dwobject *o;

	if (dwobject_open(fd, &opts, &o) == 0)
		return o;
	/* Both are the caller's still. */
	if (close(fd) < 0 || (opts.alt_fd >= 0 && close(opts.alt_fd) < 0))
		abort();
	return NULL;
}

static void ask(struct dwobject *o, struct dwquery *queries, struct dwframes *frames)
{
	for (uint64_t i = 0; i < ASKED; i++)
		queries[i] = (struct dwquery){ .addr = i < 32 ? i * 67 : 0x1000 + (i - 32) * 16 };
	queries[ASKED - 1].addr = UINT64_MAX;
	if (dwobject_find(o, queries, ASKED, frames) < 0)
		abort();
}

static void look(const struct dwobject *o, const struct dwquery *q, const struct dwframes *frames)
{
	char buf[ANSWER_NAME];

	if (q->n > SYMUNIT_DEPTH_MAX || q->first + (size_t)q->n > frames->frames.n ||
	    (q->line_only && q->n != 1))
		abort();
	for (uint32_t i = 0; i < q->n; i++) {
		const struct symunit_frame *f = &frames->frames.items[q->first + i];

		(void)strlen(dwobject_string(o, f->name.name, sizeof(buf), buf));
		(void)strlen(dwobject_string(o, f->file.base, sizeof(buf), buf));
		(void)strlen(dwobject_string(o, f->file.dir, sizeof(buf), buf));
		(void)strlen(dwobject_string(o, f->file.name, sizeof(buf), buf));
	}
}

/* One address as the first question: it reads the units that .debug_aranges names. */
static void ask_first(struct dwobject *o, size_t size)
{
	struct dwquery q = { .addr = 0x1000 + size / 4 % 64 * 16 };
	struct dwframes frames = { 0 };

	if (dwobject_find(o, &q, 1, &frames) < 0)
		abort();
	look(o, &q, &frames);
	array_free(&frames.frames);
}

/* Another object of the same bytes, which knows that nothing else will be asked, answers as one that does
 * not: @want is what that one said, and @frames. */
static void ask_only(const uint8_t *data, size_t size, const struct dwquery *want,
		     const struct dwframes *frames)
{
	struct dwobject *o = open_data(data, size, SIZE_MAX);
	struct dwquery queries[ASKED];
	struct dwframes found = { 0 };
	uint64_t addrs[ASKED];

	if (!o)
		abort();
	for (size_t i = 0; i < ASKED; i++)
		addrs[i] = want[i].addr;
	dwobject_expect_only(o, addrs, ASKED);
	ask(o, queries, &found);
	for (size_t i = 0; i < ASKED; i++)
		look(o, &queries[i], &found);
	for (size_t i = 0; i < ASKED && dwobject_limited(o) == 0; i++) {
		if (queries[i].n != want[i].n || queries[i].line_only != want[i].line_only)
			abort();
		for (uint32_t k = 0; k < want[i].n; k++) {
			const struct symunit_frame *a = &frames->frames.items[want[i].first + k];
			const struct symunit_frame *b = &found.frames.items[queries[i].first + k];

			if (a->name.name != b->name.name || a->file.name != b->file.name ||
			    a->line != b->line)
				abort();
		}
	}
	array_free(&found.frames);
	dwobject_free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dwquery first[ASKED], second[ASKED];
	struct dwframes frames = { 0 };
	struct dwobject *o = open_data(data, size, SIZE_MAX);

	if (!o)
		return 0;
	if (size / 2 % 2 == 0)
		ask_first(o, size);
	ask(o, first, &frames);
	for (size_t i = 0; i < ASKED; i++)
		look(o, &first[i], &frames);
	if (dwobject_limited(o) == 0)
		ask_only(data, size, first, &frames);
	ask(o, second, &frames);
	/* What is known stays known; what units without a place say comes with the first question.
	 */
	for (size_t i = 0; i < ASKED && dwobject_limited(o) == 0; i++)
		if (first[i].n != second[i].n || first[i].line_only != second[i].line_only)
			abort();
	array_free(&frames.frames);
	dwobject_free(o);
	return 0;
}
