/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a symbol name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1), *buf = malloc(DEMANGLE_OUT_MAX);

	if (!name || !buf)
		abort();
	if (size > 0)
		memcpy(name, data, size);
	name[size] = '\0';
	if (demangle(name, buf) &&
	    (name[0] == '\0' || strnlen(buf, DEMANGLE_OUT_MAX) == DEMANGLE_OUT_MAX))
		abort();
	free(name);
	free(buf);
	return 0;
}
