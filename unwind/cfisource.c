/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an ELF file to the bytes of its call frame information. Files are read with pread, never
 * mapped: their owner may truncate them meanwhile, which would be a SIGBUS in a mapping.
 */
#include "cfisource.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cfipointer.h"
#include "cleanup.h"

#define MAX_HEADERS    65536	  /* program and section headers each */
#define MAX_NAME_BYTES (16 << 20) /* section names */

/* A part of the file: borrowed from memory or read into @owned. */
struct chunk {
	struct bytes b;
	void *owned;
};

static void chunk_done(struct chunk *c)
{
	free(c->owned);
}

#define _cleanup_chunk_ _cleanup_(chunk_done)

static int pread_all(int fd, void *buf, size_t n, uint64_t off)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = pread(fd, (char *)buf + done, n - done, (off_t)(off + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -EBADMSG; /* became shorter */
		done += (size_t)r;
	}
	return 0;
}

static int chunk_read(const struct cfi_file *f, uint64_t off, uint64_t n, struct chunk *ret)
{
	_cleanup_free_ void *buf = NULL;
	int r;

	if (off > f->size || n > f->size - off)
		return -EBADMSG;
	if (f->mem) {
		*ret = (struct chunk){ .b = bytes_of(f->mem + off, (size_t)n) };
		return 0;
	}
	buf = malloc(n ? n : 1);
	if (!buf)
		return -ENOMEM;
	r = pread_all(f->fd, buf, (size_t)n, off);
	if (r < 0)
		return r;
	ret->b = bytes_of(buf, (size_t)n);
	ret->owned = take_ptr(buf);
	return 0;
}

static int read_ehdr(const struct cfi_file *f, Elf64_Ehdr *ret)
{
	_cleanup_chunk_ struct chunk c = { 0 };
	int r;

	if (f->size < SELFMAG)
		return -ENOEXEC;
	r = chunk_read(f, 0, f->size < sizeof(*ret) ? f->size : sizeof(*ret), &c);
	if (r < 0)
		return r;
	if (memcmp(c.b.p, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	r = bytes_copy(&c.b, ret, sizeof(*ret));
	if (r < 0)
		return r;
	if (ret->e_ident[EI_CLASS] != ELFCLASS64 || ret->e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	if (ret->e_machine != EM_X86_64 && ret->e_machine != EM_AARCH64)
		return -ENOTSUP;
	return 0;
}

static bool is_loaded(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_vaddr + ph->p_memsz > ph->p_vaddr;
}

static bool next_phdr(struct bytes *phdrs, Elf64_Phdr *ret)
{
	return bytes_copy(phdrs, ret, sizeof(*ret)) == 0;
}

/* Learns the address space from the PT_LOADs. @phdrs is a copy: the caller's stays at its start. */
static int learn_segments(struct bytes phdrs, struct cfi_source *s)
{
	Elf64_Phdr ph;

	s->base = s->text_lo = UINT64_MAX;
	while (next_phdr(&phdrs, &ph)) {
		if (!is_loaded(&ph))
			continue;
		if (ph.p_vaddr < s->base)
			s->base = ph.p_vaddr;
		if (!(ph.p_flags & PF_X))
			continue;
		if (ph.p_vaddr < s->text_lo)
			s->text_lo = ph.p_vaddr;
		if (ph.p_vaddr + ph.p_memsz > s->text_hi)
			s->text_hi = ph.p_vaddr + ph.p_memsz;
		if (s->n_segments < UNWIND_SEGMENTS_MAX)
			s->segments[s->n_segments++] =
				(struct unwind_segment){ ph.p_vaddr, ph.p_offset, ph.p_filesz };
	}
	if (s->text_lo >= s->text_hi)
		return -ENOTSUP;
	/* Rows have 32-bit addresses. */
	if (s->text_hi - s->base > UINT32_MAX)
		s->text_hi = s->base + UINT32_MAX;
	return 0;
}

static int keep(const struct cfi_file *f, uint64_t off, uint64_t n, uint64_t max,
		struct cfi_section *s)
{
	struct chunk c = { 0 };
	int r;

	if (n > max)
		return -EFBIG;
	r = chunk_read(f, off, n, &c);
	if (r < 0)
		return r;
	s->data = c.b;
	s->owned = c.owned;
	return 0;
}

/* --- through sections ---------------------------------------------------------------------------
 */
struct sections {
	struct chunk headers, names;
};

static void sections_done(struct sections *s)
{
	chunk_done(&s->headers);
	chunk_done(&s->names);
}

static int read_sections(const struct cfi_file *f, const Elf64_Ehdr *eh, struct sections *ret)
{
	uint64_t n = eh->e_shnum, names = eh->e_shstrndx;
	struct bytes b;
	Elf64_Shdr sh;
	int r;

	if (eh->e_shoff == 0 || eh->e_shentsize != sizeof(sh))
		return -ENODATA;
	if (n == 0 || names == SHN_XINDEX) { /* the numbers did not fit: they are in header 0 */
		_cleanup_chunk_ struct chunk c = { 0 };

		r = chunk_read(f, eh->e_shoff, sizeof(sh), &c);
		if (r < 0)
			return r;
		memcpy(&sh, c.b.p, sizeof(sh));
		n = n ? n : sh.sh_size;
		names = names == SHN_XINDEX ? sh.sh_link : names;
	}
	if (n > MAX_HEADERS || names >= n)
		return -EBADMSG;
	r = chunk_read(f, eh->e_shoff, n * sizeof(sh), &ret->headers);
	if (r < 0)
		return r;
	r = bytes_part(&ret->headers.b, names * sizeof(sh), sizeof(sh), &b);
	if (r < 0)
		return r;
	memcpy(&sh, b.p, sizeof(sh));
	if (sh.sh_type != SHT_STRTAB || sh.sh_size > MAX_NAME_BYTES)
		return -EBADMSG;
	return chunk_read(f, sh.sh_offset, sh.sh_size, &ret->names);
}

/* Finds the first section called @name: 0; -ENODATA when its bytes are elsewhere (a file of debug
 * information keeps the header only) or compressed; -ENOENT. */
static int find_section(const struct sections *s, const char *name, Elf64_Shdr *ret)
{
	struct bytes headers = s->headers.b;
	Elf64_Shdr sh;

	while (bytes_copy(&headers, &sh, sizeof(sh)) == 0) {
		struct bytes names = s->names.b;
		const char *its;

		if (bytes_seek(&names, sh.sh_name) < 0 || bytes_str(&names, &its) < 0)
			continue;
		if (sh.sh_type == SHT_NULL || strcmp(its, name) != 0)
			continue;
		if (sh.sh_type == SHT_NOBITS || (sh.sh_flags & SHF_COMPRESSED))
			return -ENODATA;
		*ret = sh;
		return 0;
	}
	return -ENOENT;
}

static int by_section(const struct cfi_file *f, const struct sections *secs, bool is_eh,
		      uint64_t max, struct cfi_section *s)
{
	Elf64_Shdr sh, other;
	int r = find_section(secs, is_eh ? ".eh_frame" : ".debug_frame", &sh);

	if (r < 0)
		return r;
	s->vaddr = is_eh ? sh.sh_addr : 0;
	s->is_eh = is_eh;
	s->is_exact = true;
	if (find_section(secs, ".text", &other) == 0)
		s->text_base = other.sh_addr;
	if (find_section(secs, ".got.plt", &other) == 0 || find_section(secs, ".got", &other) == 0)
		s->data_base = other.sh_addr;
	return keep(f, sh.sh_offset, sh.sh_size, max, s);
}

/* --- through segments ---------------------------------------------------------------------------
 */
/* The file bytes from @vaddr to the end of its segment. */
static int segment_rest(struct bytes phdrs, uint64_t vaddr, uint64_t *ret_off, uint64_t *ret_n)
{
	Elf64_Phdr ph;

	while (next_phdr(&phdrs, &ph)) {
		if (!is_loaded(&ph) || vaddr < ph.p_vaddr || vaddr - ph.p_vaddr >= ph.p_filesz)
			continue;
		*ret_off = ph.p_offset + (vaddr - ph.p_vaddr);
		*ret_n = ph.p_filesz - (vaddr - ph.p_vaddr);
		return 0;
	}
	return -ENODATA;
}

/* Reads the start of .eh_frame_hdr, which says where .eh_frame is. */
static int read_eh_frame_hdr(const struct cfi_file *f, const Elf64_Phdr *ph, uint64_t *ret_vaddr)
{
	_cleanup_chunk_ struct chunk c = { 0 };
	struct cfi_bases bases = { .vaddr = ph->p_vaddr, .data = ph->p_vaddr };
	uint8_t version, enc;
	int r = chunk_read(f, ph->p_offset, ph->p_filesz < 32 ? ph->p_filesz : 32, &c);

	if (r < 0)
		return r;
	if (bytes_u8(&c.b, &version) < 0 || bytes_u8(&c.b, &enc) < 0 || bytes_skip(&c.b, 2) < 0 ||
	    version != 1)
		return -EBADMSG;
	return cfi_pointer(&c.b, enc, &bases, ret_vaddr);
}

static int by_segment(const struct cfi_file *f, struct bytes phdrs, uint64_t max,
		      struct cfi_section *s)
{
	struct bytes walk = phdrs;
	uint64_t off, n;
	Elf64_Phdr ph;
	int r;

	do {
		if (!next_phdr(&walk, &ph))
			return -ENODATA;
	} while (ph.p_type != PT_GNU_EH_FRAME);
	r = read_eh_frame_hdr(f, &ph, &s->vaddr);
	if (r < 0)
		return r;
	r = segment_rest(phdrs, s->vaddr, &off, &n);
	if (r < 0)
		return r;
	s->is_eh = true;
	s->is_exact = false;
	s->data_base = ph.p_vaddr;
	/* The segment may hold much more than .eh_frame, whose end a terminator marks. */
	return keep(f, off, n < max ? n : max, max, s);
}

/* Whether there is no point in looking elsewhere. */
static bool is_final(int r)
{
	return r == 0 || r == -ENOMEM || r == -EFBIG;
}

static int open_sections(const struct cfi_file *f, const Elf64_Ehdr *eh, struct bytes phdrs,
			 uint64_t max, enum cfi_want want, struct cfi_source *s)
{
	_cleanup_(sections_done) struct sections secs = { 0 };
	/* Section headers are not needed to run a file and may be missing or nonsense. */
	int r = read_sections(f, eh, &secs);
	bool has_sections = r == 0;

	if (want == CFI_WANT_ALL) {
		if (has_sections)
			r = by_section(f, &secs, true, max, &s->sections[0]);
		if (!is_final(r) && !(has_sections && r == -ENODATA))
			r = by_segment(f, phdrs, max, &s->sections[0]);
		if (r < 0 && is_final(r))
			return r;
		s->n_sections = r == 0;
	}
	if (has_sections) {
		r = by_section(f, &secs, false, max, &s->sections[s->n_sections]);
		s->n_sections += r == 0;
	}
	return s->n_sections && r != -ENOMEM ? 0 : r;
}

int cfi_source_open(const struct cfi_file *f, size_t max_bytes, enum cfi_want want,
		    struct cfi_source *ret)
{
	_cleanup_chunk_ struct chunk phdrs = { 0 };
	struct cfi_source s = { .file = *f };
	Elf64_Ehdr eh;
	int r = read_ehdr(f, &eh);

	if (r < 0)
		return r;
	s.machine = eh.e_machine;
	s.entry = eh.e_entry;
	if (eh.e_phnum == 0 || eh.e_phentsize != sizeof(Elf64_Phdr))
		return -ENOTSUP;
	r = chunk_read(f, eh.e_phoff, eh.e_phnum * sizeof(Elf64_Phdr), &phdrs);
	if (r == 0)
		r = learn_segments(phdrs.b, &s);
	if (r == 0)
		r = open_sections(f, &eh, phdrs.b, max_bytes, want, &s);
	if (r < 0) {
		cfi_source_done(&s);
		return r == -ENOENT ? -ENODATA : r;
	}
	*ret = s;
	return 0;
}

int cfi_source_code(const struct cfi_source *s, uint64_t vaddr, void *buf, size_t n)
{
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct unwind_segment *seg = &s->segments[i];
		uint64_t in = vaddr - seg->vaddr, off = seg->off + in;

		if (vaddr < seg->vaddr || in > seg->filesz || n > seg->filesz - in)
			continue;
		if (off > s->file.size || n > s->file.size - off)
			return -EBADMSG;
		if (!s->file.mem)
			return pread_all(s->file.fd, buf, n, off);
		memcpy(buf, s->file.mem + off, n);
		return 0;
	}
	return -EBADMSG;
}

void cfi_source_done(struct cfi_source *s)
{
	for (size_t i = 0; i < s->n_sections; i++)
		free(s->sections[i].owned);
	s->n_sections = 0;
}
