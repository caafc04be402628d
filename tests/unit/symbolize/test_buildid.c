/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_fixture.h"

/* What readelf says. */
static void readelf_id(const char *path, char ret[BUILD_ID_HEX_MAX])
{
	char cmd[PATH_MAX + 64], line[1024];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "readelf -n '%s'", path);
	f = popen(cmd, "r");
	ret[0] = '\0';
	while (fgets(line, sizeof(line), f)) {
		const char *id = strstr(line, "Build ID: ");

		if (id)
			sscanf(id + 10, "%128[0-9a-f]", ret);
	}
	pclose(f);
}

Test(buildid, agrees_with_readelf)
{
	static const char *const fixtures[] = { "odd", "names-pie", "names-stripped" };

	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++) {
		int fd = fixture_open(fixtures[i]);
		char want[BUILD_ID_HEX_MAX], got[BUILD_ID_HEX_MAX];
		int r = elf_build_id(fd, got);

		readelf_id(fixture_path(fixtures[i]), want);
		cr_expect_eq(r, want[0] ? 0 : -ENOENT);
		if (want[0])
			cr_expect_str_eq(got, want);
		close(fd);
	}
}

/* The bytes of `odd`, changed by @change, as a file; its build id or the error. */
static int id_of_changed(void (*change)(uint8_t *p, size_t n), char ret[BUILD_ID_HEX_MAX])
{
	int src = fixture_open("odd"), fd, r;
	size_t n;
	uint8_t *p = fixture_read(src, &n);

	change(p, n);
	fd = fixture_memfd(p, n);
	r = elf_build_id(fd, ret);
	free(p);
	close(fd);
	close(src);
	return r;
}

static void hide_segments(uint8_t *p, size_t n)
{
	Elf64_Phdr *ph = (Elf64_Phdr *)(p + ((Elf64_Ehdr *)p)->e_phoff);

	(void)n;
	for (int i = 0; i < ((Elf64_Ehdr *)p)->e_phnum; i++)
		if (ph[i].p_type == PT_NOTE)
			ph[i].p_type = PT_NULL;
}

static void hide_sections(uint8_t *p, size_t n)
{
	(void)n;
	((Elf64_Ehdr *)p)->e_shoff = 0;
}

static void hide_both(uint8_t *p, size_t n)
{
	hide_segments(p, n);
	hide_sections(p, n);
}

static void make_core(uint8_t *p, size_t n)
{
	(void)n;
	((Elf64_Ehdr *)p)->e_type = ET_CORE;
}

static void make_text(uint8_t *p, size_t n)
{
	memset(p, 'a', n);
}

/* The note claims a description that reaches past the segment. */
static void overlong_note(uint8_t *p, size_t n)
{
	Elf64_Phdr *ph = (Elf64_Phdr *)(p + ((Elf64_Ehdr *)p)->e_phoff);

	(void)n;
	for (int i = 0; i < ((Elf64_Ehdr *)p)->e_phnum; i++)
		if (ph[i].p_type == PT_NOTE)
			((Elf64_Nhdr *)(p + ph[i].p_offset))->n_descsz = UINT32_MAX;
}

Test(buildid, looks_in_segments_and_sections)
{
	char want[BUILD_ID_HEX_MAX], got[BUILD_ID_HEX_MAX];

	readelf_id(fixture_path("odd"), want);
	cr_assert_eq(strlen(want), 40);
	cr_expect_eq(id_of_changed(hide_segments, got), 0);
	cr_expect_str_eq(got, want);
	cr_expect_eq(id_of_changed(hide_sections, got), 0);
	cr_expect_str_eq(got, want);
	cr_expect_eq(id_of_changed(hide_both, got), -ENOENT);
}

Test(buildid, refuses_what_it_cannot_read)
{
	char got[BUILD_ID_HEX_MAX] = "unchanged";

	cr_expect_eq(id_of_changed(make_core, got), -ENOTSUP);
	cr_expect_eq(id_of_changed(make_text, got), -EBADMSG);
	cr_expect_eq(id_of_changed(overlong_note, got), -ENOENT);
	cr_expect_eq(elf_build_id(-1, got), -EBADF);
	cr_expect_str_eq(got, "unchanged");
}

Test(buildid, survives_truncation)
{
	int src = fixture_open("odd"), fd;
	char got[BUILD_ID_HEX_MAX];
	size_t n;
	uint8_t *p = fixture_read(src, &n);

	fd = fixture_memfd(p, n);
	for (size_t i = n; i-- > 0;) {
		cr_assert_eq(ftruncate(fd, (off_t)i), 0);
		(void)elf_build_id(fd, got);
	}
	free(p);
	close(fd);
	close(src);
}

Test(buildid, of_the_kernel_is_hex)
{
	char id[BUILD_ID_HEX_MAX];
	int r = kernel_build_id(id);

	if (r == -ENOENT || r == -EACCES)
		cr_skip("this kernel shows no build id");
	cr_assert_eq(r, 0);
	cr_expect_geq(strlen(id), 16);
	cr_expect_eq(strspn(id, "0123456789abcdef"), strlen(id));
}
