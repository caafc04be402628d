/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an object that asks for its debug files, as the debug file that is found, and as an
 * object with a small one inside.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "buildid.h"
#include "debugfile.h"

enum {
	INSIDE_MAX = 4 << 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct elf_file *f)
{
	const struct debugfile_search s = { .root_fd = -1, .path = "/nothing/prog" };
	int fd = -7, r = debugfile_find(f, &s, &fd);

	if (r == 0)
		close(fd);
	else if (fd != -7)
		abort();
	r = debugfile_find_alt(f, "/nothing/prog", &s, &fd);
	if (r == 0)
		close(fd);
}

static void look_inside(const struct elf_file *f)
{
	struct elf_file inside;
	void *p;
	size_t n;

	if (debugfile_minidebug(f, INSIDE_MAX, &p, &n) < 0)
		return;
	if (n > INSIDE_MAX)
		abort();
	if (elf_file_open_mem(&inside, p, n) == 0)
		ask(&inside);
	elf_file_close(&inside);
	free(p);
}

static void be_found(const struct elf_file *f, const uint8_t *data, size_t size)
{
	struct elf_file own = elf_file_again(f);
	char id[BUILD_ID_HEX_MAX] = "00";
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	(void)buildid_of_file(&own, id);
	elf_file_close(&own);
	if (fd >= 0 && write(fd, data, size) == (ssize_t)size) {
		(void)debugfile_check(fd, id, UINT64_MAX);
		if (debugfile_check(fd, "0123", UINT64_MAX) == 0 && strcmp(id, "0123") != 0)
			abort();
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file f;

	if (elf_file_open_mem(&f, data, size) == 0) {
		ask(&f);
		look_inside(&f);
		be_found(&f, data, size);
	}
	elf_file_close(&f);
	return 0;
}
