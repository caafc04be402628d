/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as kallsyms, in one piece and in two, which must make no difference. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(struct kallsyms *k, const char *text, size_t n, size_t cut)
{
	int r = kallsyms_start(k);

	if (r == 0)
		r = kallsyms_feed(k, text, cut);
	if (r == 0)
		r = kallsyms_feed(k, text + cut, n - cut);
	return r < 0 ? r : kallsyms_finish(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kallsyms whole, halves;

	if (load(&whole, (const char *)data, size, 0) < 0 ||
	    load(&halves, (const char *)data, size, size / 2) < 0)
		abort();
	if (whole.syms.n != halves.syms.n || whole.names.n != halves.names.n)
		abort();
	for (size_t i = 0; i < whole.syms.n; i++) {
		const struct kallsym *s = &whole.syms.items[i];
		const struct kallsym *found = kallsyms_find(&whole, s->addr);

		if (i > 0 && s->addr <= s[-1].addr)
			abort();
		if ((s->name != KALLSYMS_HOLE) != (found == s))
			abort();
		if (found &&
		    (strlen(kallsyms_name(&whole, found)) == 0 ||
		     s->name != halves.syms.items[i].name || !kallsyms_module(&whole, found)))
			abort();
	}
	(void)kallsyms_find(&whole, 0);
	(void)kallsyms_find(&whole, UINT64_MAX);
	kallsyms_done(&whole);
	kallsyms_done(&halves);
	return 0;
}
