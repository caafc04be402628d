/* SPDX-License-Identifier: Apache-2.0 */
#include "elf_fixture.h"

#include <criterion/criterion.h>
#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *fixture_path(const char *name)
{
	static char path[PATH_MAX + 64];
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	cr_assert(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	snprintf(path, sizeof(path), "%s/fixtures/symbolize/%s", exe, name);
	return path;
}

int fixture_open(const char *name)
{
	int fd = open(fixture_path(name), O_RDONLY | O_CLOEXEC);

	cr_assert(fd >= 0, "%s: %m", fixture_path(name));
	return fd;
}

uint8_t *fixture_read(int fd, size_t *ret_n)
{
	struct stat st;
	uint8_t *p;

	cr_assert_eq(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size);
	cr_assert(p && pread(fd, p, (size_t)st.st_size, 0) == st.st_size);
	*ret_n = (size_t)st.st_size;
	return p;
}

int fixture_memfd(const void *p, size_t n)
{
	int fd = memfd_create("fixture", MFD_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	return fd;
}

uint64_t fixture_offset(int fd, uint64_t vaddr)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	cr_assert_eq(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	for (int i = 0; i < eh.e_phnum; i++) {
		cr_assert_eq(pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))),
			     sizeof(ph));
		if (ph.p_type == PT_LOAD && vaddr >= ph.p_vaddr && vaddr - ph.p_vaddr < ph.p_filesz)
			return ph.p_offset + (vaddr - ph.p_vaddr);
	}
	return UINT64_MAX;
}

uint64_t fixture_nm(const char *options, const char *path, const char *name)
{
	char cmd[PATH_MAX + 64], line[1024], type, sym[1000];
	uint64_t addr, found = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "nm %s '%s'", options, path);
	f = popen(cmd, "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 " %c %999s", &addr, &type, sym) == 3 &&
		    strcmp(sym, name) == 0)
			found = addr;
	pclose(f);
	cr_assert(found, "nm does not know %s in %s", name, path);
	return found;
}

bool libdw_reads_lines(const char *name)
{
	int fd = fixture_open(name);
	Dwarf *dw = dwarf_begin(fd, DWARF_C_READ);
	Dwarf_CU *cu = NULL;
	bool ok = true;
	Dwarf_Die die;

	cr_assert(dw);
	while (dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, NULL) == 0) {
		Dwarf_Lines *lines;
		size_t n;

		ok &= !dwarf_hasattr(&die, DW_AT_stmt_list) ||
		      dwarf_getsrclines(&die, &lines, &n) == 0;
	}
	dwarf_end(dw);
	close(fd);
	return ok;
}

const char *fixture_name(struct symbolizer *s, enum sym_kind kind, int fd, uint64_t off)
{
	static char text[16384];
	struct sym_request req = { .kind = kind, .fd = fd, .build_id = "", .offs = &off, .n = 1 };
	struct sym_batch b;

	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	if (b.answers[0].reason != SYM_OK) {
		cr_expect_eq(b.answers[0].frame_n, 0);
		snprintf(text, sizeof(text), "!%s", sym_reason_text(b.answers[0].reason));
	} else {
		const struct sym_frame *f = &b.frames[b.answers[0].frame_first];

		cr_assert_eq(b.answers[0].frame_n, 1);
		snprintf(text, sizeof(text), "%s|%s|%s", b.strings + f->name,
			 b.strings + f->system_name, b.strings + f->module);
	}
	sym_batch_done(&b);
	return text;
}

/* --- the wrapped allocator: the linker sends the calls of the code under test here ------- */

static long fail_at = -1, live;

void alloc_fail_at(long n)
{
	fail_at = n;
	live = 0;
}

long alloc_live(void)
{
	return live;
}

static bool fails(void)
{
	if (fail_at < 0)
		return false;
	if (fail_at > 0) {
		fail_at--;
		return false;
	}
	return true;
}

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

#define WRAP(type, name, params, args, is_new)                                      \
	type __real_##name params;                                                  \
	type __wrap_##name params;                                                  \
	type __wrap_##name params                                                   \
	{                                                                           \
		if (fails())                                                        \
			return NULL;                                                \
		return (is_new) ? counted(__real_##name args) : __real_##name args; \
	}

WRAP(void *, malloc, (size_t n), (n), true)
WRAP(void *, calloc, (size_t n, size_t size), (n, size), true)
WRAP(void *, realloc, (void *p, size_t n), (p, n), p == NULL)
WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), p == NULL)
WRAP(char *, strdup, (const char *s), (s), true)

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}
