/* SPDX-License-Identifier: Apache-2.0 */
#include "goimage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "cleanup.h"

enum {
	DYNAMIC_MAX = 64 << 10, /* bytes of PT_DYNAMIC; linkers write some hundred */
	CHUNK_RELOCS = 4096,
};

static int by_addr(const void *pa, const void *pb)
{
	const struct go_reloc *a = pa, *b = pb;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

static const Elf64_Phdr *segment_at(const struct go_image *img, uint64_t addr)
{
	for (size_t i = 0; i < img->n_segs; i++) {
		const Elf64_Phdr *ph = &img->segs[i];

		if (ph->p_type == PT_LOAD && addr >= ph->p_vaddr &&
		    addr - ph->p_vaddr < ph->p_filesz)
			return ph;
	}
	return NULL;
}

uint64_t goimage_room(const struct go_image *img, uint64_t addr)
{
	const Elf64_Phdr *ph = segment_at(img, addr);

	return ph ? ph->p_filesz - (addr - ph->p_vaddr) : 0;
}

size_t goimage_bytes(const struct go_image *img)
{
	return img->relocs.cap * sizeof(*img->relocs.items) + img->n_segs * sizeof(*img->segs);
}

bool goimage_is_code(const struct go_image *img, uint64_t addr)
{
	const Elf64_Phdr *ph = segment_at(img, addr);

	return ph && (ph->p_flags & PF_X);
}

void goimage_relocate(const struct go_image *img, uint64_t addr, void *buf, size_t n)
{
	size_t lo = 0, hi = img->relocs.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (img->relocs.items[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < img->relocs.n; lo++) {
		const struct go_reloc *rel = &img->relocs.items[lo];

		if (n < sizeof(rel->value) || rel->addr - addr > n - sizeof(rel->value))
			break;
		memcpy((uint8_t *)buf + (rel->addr - addr), &rel->value, sizeof(rel->value));
	}
}

/* The bytes of the file alone. */
static int read_raw(const struct go_image *img, uint64_t addr, void *buf, size_t n)
{
	const Elf64_Phdr *ph = segment_at(img, addr);

	if (!ph || n > ph->p_filesz - (addr - ph->p_vaddr))
		return -EBADMSG;
	return elf_file_read(img->file, ph->p_offset + (addr - ph->p_vaddr), buf, n);
}

int goimage_read(const struct go_image *img, uint64_t addr, void *buf, size_t n)
{
	int r = read_raw(img, addr, buf, n);

	if (r == 0)
		goimage_relocate(img, addr, buf, n);
	return r;
}

/* The type of relocation that adds the load address, 0 = none is known for this machine. */
static uint32_t relative_type(const struct elf_file *f)
{
	switch (f->header.e_machine) {
	case EM_X86_64:
		return R_X86_64_RELATIVE;
	case EM_AARCH64:
		return R_AARCH64_RELATIVE;
	default:
		return 0;
	}
}

/* Where DT_RELA is, and its size; 0 without. DT_RELR needs nothing: its values are in place. */
static int find_rela(const struct go_image *img, uint64_t *ret_addr, uint64_t *ret_bytes)
{
	const Elf64_Phdr *ph = NULL;
	_cleanup_free_ void *p = NULL;
	uint64_t addr = 0, n_bytes = 0;
	struct bytes b;
	Elf64_Dyn dyn;
	int r;

	for (size_t i = 0; i < img->n_segs; i++)
		if (img->segs[i].p_type == PT_DYNAMIC)
			ph = &img->segs[i];
	if (ph) {
		r = elf_file_read_new(img->file, ph->p_offset, ph->p_filesz, DYNAMIC_MAX, &p);
		if (r < 0)
			return r;
		b = bytes_of(p, (size_t)ph->p_filesz);
		while (bytes_copy(&b, &dyn, sizeof(dyn)) == 0 && dyn.d_tag != DT_NULL) {
			if (dyn.d_tag == DT_RELA)
				addr = dyn.d_un.d_ptr;
			else if (dyn.d_tag == DT_RELASZ)
				n_bytes = dyn.d_un.d_val;
		}
	}
	*ret_addr = addr;
	*ret_bytes = addr ? n_bytes : 0;
	return 0;
}

static int read_relocs(struct go_image *img, size_t max_bytes)
{
	_cleanup_free_ Elf64_Rela *chunk = NULL;
	uint32_t type = relative_type(img->file);
	uint64_t addr, left;
	bool sorted = true;
	int r = find_rela(img, &addr, &left);

	if (r < 0 || left == 0 || type == 0)
		return r;
	if (left > max_bytes) {
		left = max_bytes;
		img->lacks_relocs = true;
	}
	chunk = calloc(CHUNK_RELOCS, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	for (size_t n; left >= sizeof(*chunk); left -= n * sizeof(*chunk)) {
		n = left / sizeof(*chunk) < CHUNK_RELOCS ? left / sizeof(*chunk) : CHUNK_RELOCS;
		r = read_raw(img, addr, chunk, n * sizeof(*chunk));
		if (r < 0)
			return r;
		addr += n * sizeof(*chunk);
		for (size_t i = 0; i < n; i++) {
			struct go_reloc rel = { chunk[i].r_offset, (uint64_t)chunk[i].r_addend };

			if (ELF64_R_TYPE(chunk[i].r_info) != type)
				continue;
			sorted &= img->relocs.n == 0 ||
				  img->relocs.items[img->relocs.n - 1].addr <= rel.addr;
			if (array_push(&img->relocs, rel) < 0)
				return -ENOMEM;
		}
	}
	if (!sorted)
		qsort(img->relocs.items, img->relocs.n, sizeof(*img->relocs.items), by_addr);
	return 0;
}

int goimage_open(struct go_image *img, const struct elf_file *f, size_t max_bytes)
{
	size_t n, kept = 0;
	int r;

	*img = (struct go_image){ .file = f };
	r = elf_file_read_segments(f, &img->segs, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		const Elf64_Phdr *ph = &img->segs[i];

		if ((ph->p_type == PT_LOAD || ph->p_type == PT_DYNAMIC) && ph->p_filesz > 0 &&
		    ph->p_offset <= f->size && ph->p_filesz <= f->size - ph->p_offset)
			img->segs[kept++] = *ph;
	}
	img->n_segs = kept;
	r = read_relocs(img, max_bytes);
	/* Programs whose pointers are in place need none. */
	return r == -EBADMSG || r == -EFBIG ? 0 : r;
}

void goimage_close(struct go_image *img)
{
	free(img->segs);
	img->segs = NULL;
	img->n_segs = 0;
	array_free(&img->relocs);
}
