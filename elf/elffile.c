/* SPDX-License-Identifier: Apache-2.0 */
#include "elffile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pages.h"

enum {
	SECTIONS_MAX = 100 * 1000, /* linked objects have dozens */
	SECTION_NAMES_MAX = 16 << 20,
};

int elf_file_read(const struct elf_file *f, uint64_t off, void *buf, size_t n)
{
	uint8_t *dst = buf;
	struct bytes part;

	if (off > f->size || n > f->size - off)
		return -EBADMSG;
	if (f->fd < 0) {
		int r = bytes_part(&f->mem, off, n, &part);

		return r < 0 ? r : bytes_copy(&part, buf, n);
	}
	while (n > 0) {
		ssize_t got = pread(f->fd, dst, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EBADMSG; /* truncated since it was opened */
		dst += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int elf_file_read_new(const struct elf_file *f, uint64_t off, uint64_t n, size_t max, void **ret)
{
	_cleanup_free_ char *p = NULL;
	int r;

	/* Before allocating: the size of the file bounds what a header can ask for. */
	if (off > f->size || n > f->size - off)
		return -EBADMSG;
	if (n > max)
		return -EFBIG;
	p = malloc((size_t)n + 1);
	if (!p)
		return -ENOMEM;
	pages_expect(p, (size_t)n);
	r = elf_file_read(f, off, p, (size_t)n);
	if (r < 0)
		return r;
	p[n] = '\0';
	*ret = take_ptr(p);
	return 0;
}

/* What is taken beside 64-bit little-endian executables and shared objects. */
enum kinds {
	KINDS_LINKED,
	KINDS_RELOCATABLE, /* those, too */
	KINDS_ANY,	   /* every class and byte order, too */
};

static int read_header(struct elf_file *f, enum kinds kinds)
{
	Elf64_Ehdr *h = &f->header;
	uint8_t raw[sizeof(*h)];
	struct elfwide wide;
	int r = elf_file_read(f, 0, raw, EI_NIDENT);

	if (r < 0)
		return r;
	if (memcmp(raw, ELFMAG, SELFMAG) != 0)
		return -EBADMSG;
	r = elfwide_of(raw, &wide);
	if (r < 0)
		return r;
	if ((wide.narrow || wide.swapped) && kinds != KINDS_ANY)
		return -ENOTSUP;
	r = elf_file_read(f, 0, raw, elfwide_ehdr_size(wide));
	if (r < 0)
		return r;
	f->wide = wide;
	elfwide_ehdr(wide, raw, h);
	if (h->e_type == ET_EXEC || h->e_type == ET_DYN ||
	    (h->e_type == ET_REL && kinds != KINDS_LINKED))
		return 0;
	return -ENOTSUP;
}

static int open_fd(struct elf_file *f, int fd, uint64_t max_bytes, enum kinds kinds)
{
	struct stat st;

	*f = (struct elf_file){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	f->size = (uint64_t)st.st_size;
	if (f->size > max_bytes)
		return -EFBIG;
	return read_header(f, kinds);
}

int elf_file_open_fd(struct elf_file *f, int fd, uint64_t max_bytes)
{
	return open_fd(f, fd, max_bytes, KINDS_LINKED);
}

int elf_file_open_dwo(struct elf_file *f, int fd, uint64_t max_bytes)
{
	return open_fd(f, fd, max_bytes, KINDS_RELOCATABLE);
}

int elf_file_open_any(struct elf_file *f, int fd, uint64_t max_bytes)
{
	return open_fd(f, fd, max_bytes, KINDS_ANY);
}

static int open_mem(struct elf_file *f, const void *p, size_t n, enum kinds kinds)
{
	*f = (struct elf_file){ .fd = -1, .mem = bytes_of(p, n), .size = n };
	return read_header(f, kinds);
}

int elf_file_open_mem(struct elf_file *f, const void *p, size_t n)
{
	return open_mem(f, p, n, KINDS_LINKED);
}

int elf_file_open_any_mem(struct elf_file *f, const void *p, size_t n)
{
	return open_mem(f, p, n, KINDS_ANY);
}

struct elf_file elf_file_again(const struct elf_file *f)
{
	return (struct elf_file){
		.fd = f->fd,
		.mem = f->mem,
		.size = f->size,
		.wide = f->wide,
		.header = f->header,
	};
}

void elf_file_close(struct elf_file *f)
{
	free(f->sections);
	free(f->names);
	f->sections = NULL;
	f->names = NULL;
	f->n_sections = f->n_names = 0;
}

int elf_file_read_segments(const struct elf_file *f, Elf64_Phdr **ret, size_t *ret_n)
{
	const Elf64_Ehdr *h = &f->header;
	_cleanup_free_ Elf64_Phdr *ph = calloc((size_t)h->e_phnum + 1, sizeof(*ph));
	_cleanup_free_ void *raw = NULL;
	size_t one = elfwide_phdr_size(f->wide), bytes = h->e_phnum * one;
	int r;

	if (!ph)
		return -ENOMEM;
	if (h->e_phnum > 0 && h->e_phentsize != one)
		return -EBADMSG;
	r = elf_file_read_new(f, h->e_phnum ? h->e_phoff : 0, bytes, bytes, &raw);
	if (r < 0)
		return r;
	for (size_t i = 0; i < h->e_phnum; i++)
		elfwide_phdr(f->wide, (const uint8_t *)raw + i * one, &ph[i]);
	*ret = take_ptr(ph);
	*ret_n = h->e_phnum;
	return 0;
}

/* Counts that do not fit into the header's 16 bits are in the first section header. */
static int section_counts(const struct elf_file *f, uint64_t *ret_n, uint64_t *ret_names)
{
	const Elf64_Ehdr *h = &f->header;
	uint8_t raw[sizeof(Elf64_Shdr)];
	Elf64_Shdr first;
	int r;

	*ret_n = h->e_shnum;
	*ret_names = h->e_shstrndx;
	if (h->e_shnum != 0 && h->e_shstrndx != SHN_XINDEX)
		return 0;
	r = elf_file_read(f, h->e_shoff, raw, elfwide_shdr_size(f->wide));
	if (r < 0)
		return r;
	elfwide_shdr(f->wide, raw, &first);
	if (h->e_shnum == 0)
		*ret_n = first.sh_size;
	if (h->e_shstrndx == SHN_XINDEX)
		*ret_names = first.sh_link;
	return 0;
}

/* The @n headers of sections: 0 and *@ret (caller frees), errors as of elf_file_read_new(). */
static int read_section_headers(const struct elf_file *f, size_t n, Elf64_Shdr **ret)
{
	size_t one = elfwide_shdr_size(f->wide);
	_cleanup_free_ void *raw = NULL;
	Elf64_Shdr *sh;
	int r = elf_file_read_new(f, f->header.e_shoff, n * one, SIZE_MAX, &raw);

	if (r < 0)
		return r;
	sh = calloc(n + 1, sizeof(*sh));
	if (!sh)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		elfwide_shdr(f->wide, (const uint8_t *)raw + i * one, &sh[i]);
	*ret = sh;
	return 0;
}

int elf_file_read_sections(struct elf_file *f)
{
	const Elf64_Ehdr *h = &f->header;
	uint64_t n, names;
	void *p;
	int r;

	if (f->sections || h->e_shoff == 0)
		return 0;
	if (h->e_shentsize != elfwide_shdr_size(f->wide))
		return -EBADMSG;
	r = section_counts(f, &n, &names);
	if (r < 0)
		return r;
	if (n > SECTIONS_MAX)
		return -EFBIG;
	r = read_section_headers(f, (size_t)n, &f->sections);
	if (r < 0)
		return r;
	f->n_sections = (size_t)n;
	if (names == SHN_UNDEF || names >= n)
		return 0;
	r = elf_file_read_section(f, &f->sections[names], SECTION_NAMES_MAX, &p, &f->n_names);
	if (r == 0)
		f->names = p;
	/* Names are wanted for little: a file without them is still good. */
	return r == -ENOMEM ? r : 0;
}

static bool has_bytes(const Elf64_Shdr *sh)
{
	return sh->sh_type != SHT_NOBITS && sh->sh_type != SHT_NULL &&
	       !(sh->sh_flags & SHF_COMPRESSED);
}

const Elf64_Shdr *elf_file_section_of_type(const struct elf_file *f, uint32_t type)
{
	for (size_t i = 0; i < f->n_sections; i++)
		if (f->sections[i].sh_type == type && has_bytes(&f->sections[i]))
			return &f->sections[i];
	return NULL;
}

const Elf64_Shdr *elf_file_section_named(const struct elf_file *f, const char *name)
{
	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		/* The table ends in a NUL of our own, so a name inside it always ends. */
		if (has_bytes(sh) && sh->sh_name < f->n_names &&
		    strcmp(f->names + sh->sh_name, name) == 0)
			return sh;
	}
	return NULL;
}

int elf_file_read_section(const struct elf_file *f, const Elf64_Shdr *sh, size_t max, void **ret,
			  size_t *ret_n)
{
	int r;

	if (!has_bytes(sh))
		return -EBADMSG;
	r = elf_file_read_new(f, sh->sh_offset, sh->sh_size, max, ret);
	if (r == 0)
		*ret_n = (size_t)sh->sh_size;
	return r;
}
