/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a perf map, in one piece and in two, which must make no difference. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(struct perfmap *p, const char *text, size_t n, size_t cut)
{
	if (perfmap_start(p) < 0 || perfmap_feed(p, text, cut) < 0 ||
	    perfmap_feed(p, text + cut, n - cut) < 0 || perfmap_finish(p) < 0)
		abort();
}

/* Asks for the number that each word of the text may be, and for its neighbours. */
static void ask(const struct perfmap *whole, const struct perfmap *halves, const char *text,
		size_t n)
{
	char word[20];

	for (size_t i = 0; i < n; i++) {
		size_t len = n - i < sizeof(word) - 1 ? n - i : sizeof(word) - 1;
		uint64_t addr;

		if (i && text[i - 1] != '\n')
			continue;
		memcpy(word, text + i, len);
		word[len] = '\0';
		addr = strtoull(word, NULL, 16) - 1;
		for (int k = 0; k < 3; k++, addr++) {
			const char *a = strtab_get(&whole->names, perfmap_find(whole, addr));
			const char *b = strtab_get(&halves->names, perfmap_find(halves, addr));

			if (strcmp(a, b) != 0 || strlen(a) > PERFMAP_NAME_MAX)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct perfmap whole, halves;

	load(&whole, (const char *)data, size, 0);
	load(&halves, (const char *)data, size, size / 2);
	if (whole.n_lines != halves.n_lines || whole.n_bad != halves.n_bad)
		abort();
	ask(&whole, &halves, (const char *)data, size);
	perfmap_done(&whole);
	perfmap_done(&halves);
	return 0;
}
