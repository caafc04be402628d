/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as lines of addresses, read strictly and as addr2line does. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addrreader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(int fd, bool guess)
{
	struct addr_reader r = { .fd = fd, .guess = guess };
	struct addr_batch b = { 0 };

	if (lseek(fd, 0, SEEK_SET) < 0)
		abort();
	while (addr_reader_next(&r, &b) > 0) {
		if (b.addrs.n > ADDR_BATCH_MAX + 1 || b.wrong.n > b.addrs.n || (guess && b.wrong.n))
			abort();
		array_each(&b.wrong, w)
			if (w->i >= b.addrs.n || w->text + w->n > b.texts.n)
				abort();
	}
	addr_reader_done(&r);
	addr_batch_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("lines", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	read_all(fd, false);
	read_all(fd, true);
	close(fd);
	return 0;
}
