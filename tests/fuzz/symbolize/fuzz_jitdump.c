/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a jitdump, read at once and as it grows, which must make no difference. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "jitdump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_to(struct jitdump *d, int fd, uint64_t bytes)
{
	return jitdump_read(d, fd, &(struct jitdump_until){ .bytes = bytes });
}

static void same_place(const struct jitdump *a, const struct jitdump *b, uint64_t addr)
{
	struct jitdump_place x = { 0 }, y = { 0 };

	if (jitdump_find(a, addr, &x) != jitdump_find(b, addr, &y) || x.line != y.line ||
	    strcmp(strtab_get(&a->names, x.name), strtab_get(&b->names, y.name)) != 0 ||
	    strcmp(strtab_get(&a->names, x.file), strtab_get(&b->names, y.file)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct jitdump whole, steps;
	int r = 0;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || jitdump_start(&whole) < 0 ||
	    jitdump_start(&steps) < 0)
		abort();
	for (size_t i = 0; i <= 8 && r == 0; i++)
		r = read_to(&steps, fd, size * i / 8);
	if (read_to(&whole, fd, UINT64_MAX) != r || whole.codes.n != steps.codes.n ||
	    whole.n_bad != steps.n_bad)
		abort();
	array_each(&whole.codes, c) {
		same_place(&whole, &steps, c->start);
		same_place(&whole, &steps, c->start + 8);
	}
	same_place(&whole, &steps, 0);
	same_place(&whole, &steps, UINT64_MAX);
	jitdump_done(&whole);
	jitdump_done(&steps);
	close(fd);
	return 0;
}
