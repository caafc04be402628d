/* SPDX-License-Identifier: Apache-2.0 */
/* A byte for the format, three for the size, and the compressed bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum inflate_format format;
	size_t want;
	uint8_t *out;

	if (size < 4)
		return 0;
	format = data[0] & 1 ? INFLATE_ZSTD : INFLATE_ZLIB;
	want = data[1] | (size_t)data[2] << 8 | (size_t)(data[3] & 0xf) << 16;
	out = malloc(want ? want : 1);
	if (out && inflate_section(format, data + 4, size - 4, out, want) == 0 &&
	    !inflate_is_plausible(format, size - 4, want))
		abort();
	free(out);
	return 0;
}
