/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file with debug information. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dwsection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct dwsections d;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) != (ssize_t)size ||
	    dwsections_open_held(fd, size % 2 == 0, 1 << 20, size % 3 ? 1 << 20 : 0, &d) < 0) {
		close(fd);
		return 0;
	}
	for (int id = 0; id < DW_SECTIONS; id++) {
		uint64_t n = d.s[id].size;
		uint8_t first[16];
		char buf[300];

		if (n >= sizeof(first) && !d.s[id].z &&
		    !dwsection_window(&d, id, n - sizeof(first), sizeof(first), first))
			abort(); /* the file does not change */
		if (dwsection_window(&d, id, n, 1, first))
			abort();
		for (uint64_t off = 0; off < n && off < 64; off += 7)
			if (strlen(dwsection_str(&d, id, off, sizeof(buf), buf)) > n)
				abort();
	}
	dwsections_close(&d);
	return 0;
}
