/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file that libdw reads for us. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libdwsource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct libdwsource *s, const struct elf_object *o)
{
	struct dwframes frames = { 0 };
	struct dwquery q[16] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(q); i++)
		q[i].addr = o->n_code ? o->code[o->n_code * i / ARRAY_LEN(q)].vaddr + i : i;
	if (libdwsource_find(s, q, ARRAY_LEN(q), &frames) == 0)
		array_each(&frames.frames, f)
			(void)strlen(libdwsource_string(s, f->name.name));
	(void)libdwsource_address(s, SYM_VADDR, 5);
	array_free(&frames.frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const dirs[] = { NULL };
	const struct libdwsource_opts opts = { .max_file_bytes = 1 << 20,
					       .max_inflated = 1 << 20,
					       .max_images = 1 << 20,
					       .max_ns = 2000000000,
					       .debug_dirs = dirs,
					       .path = "",
					       .root_fd = -1 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct libdwsource *s;
	struct elf_object o;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size && libdwsource_open(fd, &opts, &o, &s) == 0) {
		ask(s, &o);
		elf_object_done(&o);
		libdwsource_free(s);
	}
	close(fd);
	return 0;
}
