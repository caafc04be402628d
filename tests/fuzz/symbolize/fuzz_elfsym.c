/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an object: symbols, and the build id through a file. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demangle.h"
#include "dwobject.h"
#include "elffile.h"
#include "elfsym.h"
#include "symasked.h"

enum { FEW = 3 };

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

static const char *name_in(const struct symtab *t, uint64_t addr)
{
	const struct symtab_range *r = symtab_find(t, addr);

	return r ? t->strings + r->name : "";
}

/* What is said of a few addresses has to be what all symbols say. */
static void ask_few(const struct elf_file *f, const struct elf_object *whole, const uint64_t *addrs,
		    size_t n)
{
	struct dwquery queries[FEW] = { 0 };
	struct symasked asked = { 0 };
	struct elf_object o = { 0 };

	for (size_t i = 0; i < n; i++)
		queries[i].addr = addrs[i];
	if (symasked_note(&asked, queries, n) == 0 &&
	    elf_object_load_some(&o, f, NULL, 0, &asked) == 1)
		for (size_t i = 0; i < asked.n; i++)
			if (strcmp(name_in(&asked.syms, asked.addrs[i]),
				   name_in(&whole->syms, asked.addrs[i])) != 0)
				abort();
	symasked_done(&asked);
	elf_object_done(&o);
}

static void ask_some(const uint8_t *data, size_t size, const struct elf_object *whole)
{
	struct elf_file f;

	if (elf_file_open_mem(&f, data, size) == 0 && elf_file_read_sections(&f) == 0) {
		for (size_t i = 0; i + FEW <= whole->syms.n && i < 64; i++) {
			const struct symtab_range *r = &whole->syms.ranges[i];
			const uint64_t addrs[FEW] = { r[0].start, r[1].start - 1, r[2].start };

			ask_few(&f, whole, addrs, FEW);
			ask_few(&f, whole, addrs + 1, 1);
		}
	}
	elf_file_close(&f);
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
	ask_some(data, size, &o);
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
