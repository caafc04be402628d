/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an index on disk. Checksums would keep a fuzzer out, so the last one is made right;
 * and of an input that begins with a 1 the rest is what is behind the checksums: the directory,
 * ranges, words of names, and one piece that is the first unit, block of names and block of
 * symbols.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symstore.h"
#include "symstore_format.h"

enum { FILE_MAX = 1 << 20, COUNTS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void close_tail(uint8_t *tail)
{
	uint32_t crc = symstore_crc(tail, offsetof(struct store_tail, crc));

	memcpy(tail + offsetof(struct store_tail, crc), &crc, sizeof(crc));
}

/* Takes @n bytes of the input as a piece, as far as they are there. */
static struct store_piece take(const uint8_t *data, size_t size, size_t n, size_t *at)
{
	size_t left = size - *at;
	struct store_piece p = { *at, (uint32_t)(n < left ? n : left), 0 };

	p.crc = symstore_crc(data + *at, p.size);
	*at += p.size;
	return p;
}

/*
 * The numbers of units, blocks, ranges and words are bytes; what they are of follows. The directory
 * of the input is taken as it is, but for the pieces that are there.
 */
static size_t pack(const uint8_t *data, size_t size, uint8_t *ret)
{
	struct store_tail t = { .magic = STORE_MAGIC,
				.version = STORE_VERSION,
				.machine = STORE_MACHINE,
				.has_symbols = 1 };
	size_t at = COUNTS, n, bytes;
	struct store_piece piece;

	if (size < COUNTS)
		return 0;
	t.n_units = data[0];
	t.n_names = data[1];
	t.n_symbols = data[2];
	memcpy(ret, data, size);
	n = (size_t)t.n_units + t.n_names + t.n_symbols;
	bytes = n * sizeof(piece) + t.n_symbols * sizeof(uint64_t);
	t.ranges = take(data, size, data[3] * sizeof(struct dwdir_range), &at);
	t.more = t.ranges;
	t.words = take(data, size, data[4] * sizeof(struct namepool_word), &at);
	t.directory = take(data, size, bytes, &at);
	piece = take(data, size, size, &at);
	for (size_t i = 0, k = t.directory.off; i < n && t.directory.size == bytes;
	     i++, k += sizeof(piece))
		if (i == 0 || i == t.n_units || i == (size_t)t.n_units + t.n_names)
			memcpy(ret + k, &piece, sizeof(piece));
	t.directory.crc = symstore_crc(ret + t.directory.off, t.directory.size);
	memcpy(ret + size, &t, sizeof(t));
	return size + sizeof(t);
}

static void look_at_units(struct symstore *s)
{
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	uint32_t n = symstore_units(s) < 300 ? (uint32_t)symstore_units(s) : 300;
	struct symstore_piece buf = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		struct symunit *u;
		uint64_t lo, hi;
		size_t bytes;

		if (symstore_unit(s, i, &buf, &u, &bytes) < 0)
			continue;
		symunit_extent(u, &lo, &hi);
		for (uint64_t k = 0; k < 64; k++)
			if (symunit_find(u, lo + k * k, f) > 0)
				(void)strlen(symstore_name(s, f[0].name.name, NAMEPOOL_BOTH)->text);
	}
	symstore_piece_done(&buf);
}

static void look_at_ranges(const struct symstore *s, const struct dwdir *d)
{
	for (uint64_t addr = 0; addr < 0x2000; addr += 0x111) {
		size_t pos = SIZE_MAX;

		for (uint32_t unit; (unit = dwdir_next(d, addr, &pos)) != UINT32_MAX;)
			if (unit >= symstore_units(s))
				abort();
	}
}

static void look(struct symstore *s, const struct dwdir *d)
{
	struct dwdir more = { 0 };
	uint64_t end;

	look_at_units(s);
	for (uint64_t block = 0; block < 4; block++)
		for (uint64_t off = 0; off < 300; off += 7) {
			const struct namepool_name *name = symstore_name(
				s, strref(STRREF_OWN, block << STORE_BLOCK_SHIFT | off),
				NAMEPOOL_BOTH);

			if (name->n >= NAMEPOOL_TEXT_MAX || name->shown_n >= NAMEPOOL_TEXT_MAX)
				abort();
		}
	for (uint64_t addr = 0; addr < 0x2000; addr += 0x11)
		(void)symstore_name(s, symstore_symbol(s, addr, &end), NAMEPOOL_BOTH);
	look_at_ranges(s, d);
	if (symstore_more(s, &more) == 0)
		look_at_ranges(s, &more);
	dwdir_done(&more);
	(void)symstore_image_bytes(s);
	(void)symstore_bytes(s);
	(void)symstore_is_broken(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_MAX + sizeof(struct store_tail)];
	char dir[] = "/tmp/wick-fuzz-XXXXXX", path[64];
	struct dwdir d = { 0 };
	struct symstore *s;
	size_t n = size;
	int fd;

	if (size > FILE_MAX / 4)
		return 0;
	if (size > 0 && data[0] == 1)
		n = pack(data + 1, size - 1, file);
	else if (size > 0)
		memcpy(file, data, size);
	if (n >= sizeof(struct store_tail))
		close_tail(file + n - sizeof(struct store_tail));
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/key" STORE_SUFFIX, dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, file, n) != (ssize_t)n)
		abort();
	close(fd);
	if (symstore_open(dir, "key", &d, &s) == 0) {
		look(s, &d);
		symstore_free(s);
	}
	dwdir_done(&d);
	unlink(path);
	rmdir(dir);
	return 0;
}
