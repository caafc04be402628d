/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the image of a unit: what passes the check answers any question. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symunit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symunit_frame f[SYMUNIT_DEPTH_MAX];
	struct symunit *u = malloc(size + !size); /* aligned, and of just that size */
	uint64_t lo, hi;

	if (!u)
		return 0;
	if (size > 0)
		memcpy(u, data, size);
	if (symunit_check(u, size) < 0) {
		free(u);
		return 0;
	}
	symunit_extent(u, &lo, &hi);
	for (uint64_t i = 0; i < 256; i++)
		if (symunit_find(u, lo + i * i, f) > SYMUNIT_DEPTH_MAX)
			abort();
	symunit_find(u, hi, f);
	symunit_find(u, hi - 1, f);
	symunit_find(u, lo - 1, f);
	symunit_find(u, lo + UINT32_MAX, f);
	/* Records of no bits cost nothing to claim. */
	for (size_t i = 0; i < symunit_names(u) && i < 100000; i++)
		(void)strref_off(symunit_name(u, i).name);
	for (size_t i = 0; i < symunit_files(u) && i < 100000; i++)
		(void)strref_off(symunit_file(u, i).name);
	free(u);
	return 0;
}
