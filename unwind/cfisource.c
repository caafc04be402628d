/* SPDX-License-Identifier: Apache-2.0 */
#include "cfisource.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "cfipointer.h"
#include "cleanup.h"

#define HDR_BYTES 32 /* of .eh_frame_hdr: more than what leads to .eh_frame takes */

static int open_file(const struct cfi_file *f, struct elf_file *ret)
{
	char magic[SELFMAG];
	int r = f->mem ? elf_file_open_mem(ret, f->mem, (size_t)f->size)
		       : elf_file_open_fd(ret, f->fd, UINT64_MAX);

	if (r == -EBADMSG && (elf_file_read(ret, 0, magic, sizeof(magic)) < 0 ||
			      memcmp(magic, ELFMAG, sizeof(magic)) != 0))
		return -ENOEXEC;
	if (r < 0)
		return r;
	if (ret->header.e_machine != EM_X86_64 && ret->header.e_machine != EM_AARCH64)
		return -ENOTSUP;
	if (ret->header.e_phnum == 0 || ret->header.e_phentsize != sizeof(Elf64_Phdr))
		return -ENOTSUP;
	return 0;
}

static bool is_loaded(const Elf64_Phdr *ph)
{
	return ph->p_type == PT_LOAD && ph->p_vaddr + ph->p_memsz > ph->p_vaddr;
}

/* The program headers. */
struct phdrs {
	Elf64_Phdr *items;
	size_t n;
};

static void phdrs_done(struct phdrs *p)
{
	free(p->items);
}

/* Learns the address space from the PT_LOADs. */
static int learn_segments(const struct phdrs *phdrs, struct cfi_source *s)
{
	s->base = s->text_lo = UINT64_MAX;
	for (size_t i = 0; i < phdrs->n; i++) {
		const Elf64_Phdr *ph = &phdrs->items[i];

		if (!is_loaded(ph))
			continue;
		if (ph->p_vaddr < s->base)
			s->base = ph->p_vaddr;
		if (!(ph->p_flags & PF_X))
			continue;
		if (ph->p_vaddr < s->text_lo)
			s->text_lo = ph->p_vaddr;
		if (ph->p_vaddr + ph->p_memsz > s->text_hi)
			s->text_hi = ph->p_vaddr + ph->p_memsz;
		if (s->n_segments < UNWIND_SEGMENTS_MAX)
			s->segments[s->n_segments++] =
				(struct unwind_segment){ ph->p_vaddr, ph->p_offset, ph->p_filesz };
	}
	if (s->text_lo >= s->text_hi)
		return -ENOTSUP;
	/* Rows have 32-bit addresses. */
	if (s->text_hi - s->base > UINT32_MAX)
		s->text_hi = s->base + UINT32_MAX;
	return 0;
}

static int keep(const struct elf_file *f, uint64_t off, uint64_t n, uint64_t max,
		struct cfi_section *s)
{
	void *p;
	int r = elf_file_read_new(f, off, n, (size_t)max, &p);

	if (r < 0)
		return r;
	s->owned = p;
	s->data = bytes_of(p, (size_t)n);
	return 0;
}

/* --- through sections ---------------------------------------------------------------------------
 */
/* Finds the first section called @name: 0; -ENODATA when its bytes are elsewhere (a file of debug
 * information keeps the header only) or compressed; -ENOENT. */
static int find_section(const struct elf_file *f, const char *name, const Elf64_Shdr **ret)
{
	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		/* The names end in a NUL of the reader's. */
		if (sh->sh_type == SHT_NULL || sh->sh_name >= f->n_names ||
		    strcmp(f->names + sh->sh_name, name) != 0)
			continue;
		if (sh->sh_type == SHT_NOBITS || (sh->sh_flags & SHF_COMPRESSED))
			return -ENODATA;
		*ret = sh;
		return 0;
	}
	return -ENOENT;
}

static int by_section(const struct elf_file *f, bool is_eh, uint64_t max, struct cfi_section *s)
{
	const Elf64_Shdr *sh, *other;
	int r = find_section(f, is_eh ? ".eh_frame" : ".debug_frame", &sh);

	if (r < 0)
		return r;
	s->vaddr = is_eh ? sh->sh_addr : 0;
	s->is_eh = is_eh;
	s->is_exact = true;
	if (find_section(f, ".text", &other) == 0)
		s->text_base = other->sh_addr;
	if (find_section(f, ".got.plt", &other) == 0 || find_section(f, ".got", &other) == 0)
		s->data_base = other->sh_addr;
	return keep(f, sh->sh_offset, sh->sh_size, max, s);
}

/* --- through segments ---------------------------------------------------------------------------
 */
/* The file bytes from @vaddr to the end of its segment. */
static int segment_rest(const struct phdrs *phdrs, uint64_t vaddr, uint64_t *ret_off,
			uint64_t *ret_n)
{
	for (size_t i = 0; i < phdrs->n; i++) {
		const Elf64_Phdr *ph = &phdrs->items[i];

		if (!is_loaded(ph) || vaddr < ph->p_vaddr || vaddr - ph->p_vaddr >= ph->p_filesz)
			continue;
		*ret_off = ph->p_offset + (vaddr - ph->p_vaddr);
		*ret_n = ph->p_filesz - (vaddr - ph->p_vaddr);
		return 0;
	}
	return -ENODATA;
}

/* Reads the start of .eh_frame_hdr, which says where .eh_frame is. */
static int read_eh_frame_hdr(const struct elf_file *f, const Elf64_Phdr *ph, uint64_t *ret_vaddr)
{
	struct cfi_bases bases = { .vaddr = ph->p_vaddr, .data = ph->p_vaddr };
	size_t n = ph->p_filesz < HDR_BYTES ? (size_t)ph->p_filesz : HDR_BYTES;
	uint8_t head[HDR_BYTES], version, enc;
	struct bytes b = bytes_of(head, n);
	int r = elf_file_read(f, ph->p_offset, head, n);

	if (r < 0)
		return r;
	if (bytes_u8(&b, &version) < 0 || bytes_u8(&b, &enc) < 0 || bytes_skip(&b, 2) < 0 ||
	    version != 1)
		return -EBADMSG;
	return cfi_pointer(&b, enc, &bases, ret_vaddr);
}

static int by_segment(const struct elf_file *f, const struct phdrs *phdrs, uint64_t max,
		      struct cfi_section *s)
{
	const Elf64_Phdr *ph = NULL;
	uint64_t off, n;
	int r;

	for (size_t i = 0; i < phdrs->n && !ph; i++)
		if (phdrs->items[i].p_type == PT_GNU_EH_FRAME)
			ph = &phdrs->items[i];
	if (!ph)
		return -ENODATA;
	r = read_eh_frame_hdr(f, ph, &s->vaddr);
	if (r < 0)
		return r;
	r = segment_rest(phdrs, s->vaddr, &off, &n);
	if (r < 0)
		return r;
	s->is_eh = true;
	s->is_exact = false;
	s->data_base = ph->p_vaddr;
	/* The segment may hold much more than .eh_frame, whose end a terminator marks. */
	return keep(f, off, n < max ? n : max, max, s);
}

/* Whether there is no point in looking elsewhere. */
static bool is_final(int r)
{
	return r == 0 || r == -ENOMEM || r == -EFBIG;
}

static int open_sections(const struct phdrs *phdrs, uint64_t max, enum cfi_want want,
			 struct cfi_source *s)
{
	struct elf_file *f = &s->file;
	/* Section headers are not needed to run a file and may be missing or nonsense. */
	int r = elf_file_read_sections(f);
	bool has_sections = r == 0 && f->names;

	if (r == -ENOMEM || want == CFI_WANT_NOTHING)
		return r;
	r = -ENODATA;
	if (has_sections)
		r = by_section(f, true, max, &s->sections[0]);
	if (!is_final(r) && !(has_sections && r == -ENODATA))
		r = by_segment(f, phdrs, max, &s->sections[0]);
	if (r < 0 && is_final(r))
		return r;
	s->n_sections = r == 0;
	if (has_sections) {
		r = by_section(f, false, max, &s->sections[s->n_sections]);
		s->n_sections += r == 0;
	}
	return s->n_sections && r != -ENOMEM ? 0 : r;
}

int cfi_source_open(const struct cfi_file *f, size_t max_bytes, enum cfi_want want,
		    struct cfi_source *ret)
{
	_cleanup_(phdrs_done) struct phdrs phdrs = { 0 };
	struct cfi_source s = { 0 };
	int r = open_file(f, &s.file);

	if (r < 0)
		return r;
	s.machine = s.file.header.e_machine;
	s.entry = s.file.header.e_entry;
	r = elf_file_read_segments(&s.file, &phdrs.items, &phdrs.n);
	if (r == 0)
		r = learn_segments(&phdrs, &s);
	if (r == 0) {
		r = open_sections(&phdrs, max_bytes, want, &s);
		if (r < 0 && !is_final(r)) {
			s.error = r == -ENOENT ? -ENODATA : r;
			r = 0;
		}
	}
	if (r < 0) {
		cfi_source_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

int cfi_source_code(const struct cfi_source *s, uint64_t vaddr, void *buf, size_t n)
{
	for (size_t i = 0; i < s->n_segments; i++) {
		const struct unwind_segment *seg = &s->segments[i];
		uint64_t in = vaddr - seg->vaddr;

		if (vaddr >= seg->vaddr && in <= seg->filesz && n <= seg->filesz - in)
			return elf_file_read(&s->file, seg->off + in, buf, n);
	}
	return -EBADMSG;
}

void cfi_source_done(struct cfi_source *s)
{
	for (size_t i = 0; i < s->n_sections; i++)
		free(s->sections[i].owned);
	s->n_sections = 0;
	elf_file_close(&s->file);
}
