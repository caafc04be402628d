/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the GNU build id among the notes of an ELF file or of the running kernel. */
#include "buildid.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"
#include "elffile.h"
#include "fdutil.h"

enum {
	NOTES_MAX = 1 << 20, /* bytes of one note segment; real ones hold some hundred */
};

void buildid_to_hex(const void *id, size_t n, char ret[BUILD_ID_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = id;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = '\0';
}

/* Moves to the next multiple of @align, or to the end when padding is missing there. */
static int skip_padding(struct bytes *b, size_t align)
{
	size_t to = (b->pos + align - 1) / align * align;

	return bytes_seek(b, to < b->n ? to : b->n);
}

/* Walks notes laid out with @align (4, or 8 in segments that ask for it): 0, -ENOENT, -EBADMSG. */
static int find_in_notes(struct bytes b, struct elfwide wide, size_t align,
			 char ret[BUILD_ID_HEX_MAX])
{
	while (bytes_left(&b) > 0) {
		uint32_t head[3], name_n, desc_n, type;
		const void *name, *desc;

		if (bytes_copy(&b, head, sizeof(head)) < 0)
			return -EBADMSG;
		name_n = elfwide_u32(wide, &head[0]);
		desc_n = elfwide_u32(wide, &head[1]);
		type = elfwide_u32(wide, &head[2]);
		if (bytes_take(&b, name_n, &name) < 0 || skip_padding(&b, align) < 0 ||
		    bytes_take(&b, desc_n, &desc) < 0 || skip_padding(&b, align) < 0)
			return -EBADMSG;
		if (type == NT_GNU_BUILD_ID && name_n == sizeof(ELF_NOTE_GNU) &&
		    memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 && desc_n > 0 &&
		    desc_n <= BUILD_ID_BYTES_MAX) {
			buildid_to_hex(desc, desc_n, ret);
			return 0;
		}
	}
	return -ENOENT;
}

static int find_in_part(const struct elf_file *f, uint64_t off, uint64_t n, uint64_t align,
			char ret[BUILD_ID_HEX_MAX])
{
	_cleanup_free_ void *p = NULL;
	int r = elf_file_read_new(f, off, n, NOTES_MAX, &p);

	return r < 0 ? r : find_in_notes(bytes_of(p, (size_t)n), f->wide, align == 8 ? 8 : 4, ret);
}

/* A broken part of the file does not hide the id in a sound one; only no memory ends the search. */
static int find_in_segments(const struct elf_file *f, char ret[BUILD_ID_HEX_MAX])
{
	_cleanup_free_ Elf64_Phdr *ph = NULL;
	size_t n;
	int r = elf_file_read_segments(f, &ph, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type != PT_NOTE)
			continue;
		r = find_in_part(f, ph[i].p_offset, ph[i].p_filesz, ph[i].p_align, ret);
		if (r == 0 || r == -ENOMEM)
			return r;
	}
	return -ENOENT;
}

static int find_in_sections(struct elf_file *f, char ret[BUILD_ID_HEX_MAX])
{
	int r = elf_file_read_sections(f);

	if (r < 0)
		return r;
	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		if (sh->sh_type != SHT_NOTE)
			continue;
		r = find_in_part(f, sh->sh_offset, sh->sh_size, sh->sh_addralign, ret);
		if (r == 0 || r == -ENOMEM)
			return r;
	}
	return -ENOENT;
}

int buildid_of_file(struct elf_file *f, char ret[BUILD_ID_HEX_MAX])
{
	int r = find_in_segments(f, ret), r2;

	if (r == 0 || r == -ENOMEM)
		return r;
	/* Separate debug files may lack the bytes of segments, but keep the section. */
	r2 = find_in_sections(f, ret);
	return r2 == -ENOENT && r != -ENOENT ? r : r2;
}

int elf_build_id(int fd, char ret[BUILD_ID_HEX_MAX])
{
	_cleanup_(elf_file_closep) struct elf_file f;
	int r = elf_file_open_any(&f, fd, UINT64_MAX);

	return r < 0 ? r : buildid_of_file(&f, ret);
}

int kernel_build_id(char ret[BUILD_ID_HEX_MAX])
{
	_cleanup_free_ char *notes = NULL;
	size_t n;
	int r = read_whole_file("/sys/kernel/notes", NOTES_MAX, &notes, &n);

	return r < 0 ? r : find_in_notes(bytes_of(notes, n), (struct elfwide){ 0 }, 4, ret);
}
