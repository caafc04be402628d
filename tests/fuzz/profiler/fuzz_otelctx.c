/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the message of a process context, and as the text of /proc/PID/maps. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "otelctx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *ctx, const char *key, const char *value)
{
	++*(size_t *)ctx;
	if (!*key || !*value || strlen(key) > OTELCTX_KEY_MAX || strlen(value) > OTELCTX_VALUE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	size_t given = 0;
	uint64_t at;
	int n;

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	n = otelctx_decode(data, size, 8, check, &given);
	if (given > 8 || (n >= 0 && (size_t)n != given))
		abort();
	at = otelctx_find(text, makedev(0, 1));
	if (at)
		otelctx_is_safe(text, makedev(0, 1), at, 64);
	free(text);
	return 0;
}
