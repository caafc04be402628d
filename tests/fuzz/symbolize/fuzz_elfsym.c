/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an object: symbols, and the build id through a file. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demangle.h"
#include "elfsym.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct elf_object *o, uint64_t off)
{
	const struct symtab_range *r = elf_object_find(o, off);
	char buf[DEMANGLE_OUT_MAX];

	if (!r)
		return;
	if (strlen(o->syms.strings + r->name) != r->name_n)
		abort();
	(void)demangle(o->syms.strings + r->name, buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char id[BUILD_ID_HEX_MAX];
	struct elf_object o;
	int fd;

	if (elf_object_load_mem(data, size, &o) < 0)
		return 0;
	for (size_t i = 0; i + 1 < o.syms.n; i++)
		if (o.syms.ranges[i].start >= o.syms.ranges[i + 1].start)
			abort();
	for (uint64_t off = 0; off < size; off += 16)
		look(&o, off);
	for (size_t i = 0; i < o.n_code; i++) {
		look(&o, o.code[i].off);
		look(&o, o.code[i].off + o.code[i].n - 1);
	}
	elf_object_done(&o);

	if (size < EI_NIDENT || memcmp(data, ELFMAG, SELFMAG) != 0)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, data, size) == (ssize_t)size && elf_build_id(fd, id) == 0 &&
	    strlen(id) % 2 != 0)
		abort();
	close(fd);
	return 0;
}
