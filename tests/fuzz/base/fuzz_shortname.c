/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the name of a function: its short form is not longer and is not lost. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shortname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = calloc(1, size + 1), *buf = malloc(size + 1);
	size_t n;

	if (!name || !buf)
		abort();
	if (size > 0)
		memcpy(name, data, size);
	n = short_name(name, size, buf);
	if (n > size || (n == 0) != (size == 0) || buf[n] != '\0')
		abort();
	free(name);
	free(buf);
	return 0;
}
