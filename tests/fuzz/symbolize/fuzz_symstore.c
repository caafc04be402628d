/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an index on disk. Checksums would keep a fuzzer out, so the last one is made right;
 * and of an input that begins with a 1 the rest is what is behind the compression: the directory,
 * and one piece that is the first unit and the first chunk of strings.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lzma.h>
#include <zstd.h>

#include "symstore.h"
#include "symstore_format.h"

enum { FILE_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void close_tail(uint8_t *tail)
{
	uint32_t crc = lzma_crc32(tail, offsetof(struct store_tail, crc), 0);

	memcpy(tail + offsetof(struct store_tail, crc), &crc, sizeof(crc));
}

/* The numbers of units, chunks and ranges are bytes; the directory follows, then the piece. */
static size_t pack(const uint8_t *data, size_t size, uint8_t *ret)
{
	struct store_tail t = { .magic = STORE_MAGIC, .version = STORE_VERSION };
	static uint8_t
		directory[256 * (2 * sizeof(struct store_piece) + sizeof(struct store_range))];
	size_t bytes, piece, at;

	if (size < 3)
		return 0;
	t.n_units = data[0];
	t.n_chunks = data[1];
	t.n_ranges = data[2];
	bytes = (t.n_units + t.n_chunks) * sizeof(struct store_piece) +
		t.n_ranges * sizeof(struct store_range);
	if (bytes == 0 || bytes > size - 3)
		return 0;
	memcpy(directory, data + 3, bytes);
	piece = size - 3 - bytes;
	at = ZSTD_compress(ret, FILE_MAX / 2, data + 3 + bytes, piece, 1);
	if (ZSTD_isError(at))
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (i == 0 ? t.n_units > 0 : t.n_chunks > 0) {
			struct store_piece p = { 0, (uint32_t)at, (uint32_t)piece };

			memcpy(directory + (i ? t.n_units : 0) * sizeof(p), &p, sizeof(p));
		}
	t.directory.off = at;
	t.directory.size = (uint32_t)bytes;
	t.directory.packed = (uint32_t)ZSTD_compress(ret + at, FILE_MAX / 2, directory, bytes, 1);
	if (ZSTD_isError(t.directory.packed))
		return 0;
	memcpy(ret + at + t.directory.packed, &t, sizeof(t));
	return at + t.directory.packed + sizeof(t);
}

static void look(struct symstore *s, const struct dwdir *d)
{
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	uint32_t n = symstore_units(s) < 300 ? (uint32_t)symstore_units(s) : 300;

	for (uint32_t i = 0; i < n; i++) {
		struct symunit *u;
		uint64_t lo, hi;
		size_t bytes;

		if (symstore_unit(s, i, &u, &bytes) < 0)
			continue;
		symunit_extent(u, &lo, &hi);
		for (uint64_t k = 0; k < 64; k++)
			if (symunit_find(u, lo + k * k, f) > 0)
				(void)strlen(symstore_string(s, f[0].name.name));
		free(u);
	}
	for (uint64_t chunk = 0; chunk < 4; chunk++)
		for (uint64_t off = 0; off < 300; off += 13)
			(void)strlen(symstore_string(
				s, strref(STRREF_OWN, chunk << STORE_CHUNK_SHIFT | off)));
	for (uint64_t addr = 0; addr < 0x2000; addr += 0x111) {
		size_t pos = SIZE_MAX;

		for (uint32_t unit; (unit = dwdir_next(d, addr, &pos)) != UINT32_MAX;)
			if (unit >= symstore_units(s))
				abort();
	}
	(void)symstore_image_bytes(s);
	(void)symstore_bytes(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t file[FILE_MAX + 65536];
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
