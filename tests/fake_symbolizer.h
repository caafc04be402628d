/* SPDX-License-Identifier: Apache-2.0 */
/* A symbolizer that knows what a test tells it, in the place of the real one: symbolizer_run() is
 * wrapped where a program is linked with it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "symbolize.h"

struct fake_frame {
	const char *name, *system_name, *file;
	uint32_t line, start_line;
};

struct fake_place {
	uint64_t off;
	enum sym_reason reason;
	const struct fake_frame *frames; /* innermost first */
	size_t n;
};

/* From now on these @n places are all that is known; others are SYM_NO_MATCH. NULL: the real one.
 */
void fake_symbolizer_set(const struct fake_place *places, size_t n);

/* The last request, without its offsets, and the number of requests since the places were set. */
const struct sym_request *fake_symbolizer_asked(size_t *ret_n);
