/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A byte for the format, three for the size, and the compressed bytes: pieces of it in several orders are
 * what all of it is, where that can be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zsection.h"

enum { PIECE = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pieces from @step * 0 on, each @step behind the one before, around the end and on. */
static void read_pieces(struct zsection *z, const uint8_t *want, size_t n, size_t step)
{
	uint8_t buf[PIECE];

	for (size_t i = 0; i < 16; i++) {
		size_t off = n ? i * step % n : 0, some = n - off < PIECE ? n - off : PIECE;
		bool ok = zsection_read(z, off, buf, some);

		if (want && (!ok || memcmp(buf, want + off, some) != 0))
			abort();
	}
	if (zsection_read(z, n, buf, 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	enum inflate_format format;
	struct zsection *z;
	uint8_t *all;
	size_t n;

	if (fd < 0 || size < 4 || write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	format = data[0] & 1 ? INFLATE_ZSTD : INFLATE_ZLIB;
	n = data[1] | (size_t)data[2] << 8 | (size_t)(data[3] & 0xf) << 16;
	all = malloc(n + 1);
	if (all && inflate_section(format, data + 4, size - 4, all, n) < 0) {
		free(all);
		all = NULL;
	}
	if (zsection_new(format, fd, 4, size - 4, n, true, &z) == 0) {
		read_pieces(z, all, n, PIECE);
		read_pieces(z, all, n, 300007);
		read_pieces(z, all, n, n / 2 + 7919);
		zsection_free(z);
	}
	free(all);
	close(fd);
	return 0;
}
