/* SPDX-License-Identifier: Apache-2.0 */
#include "gopages.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The largest programs there are have some 50 MiB. */
#define TABLE_MAX (256u << 20)

static size_t n_pages(const struct go_pages *p)
{
	return (p->n + GO_PAGE - 1) / GO_PAGE;
}

int gopages_open(const struct go_image *img, uint64_t addr, uint64_t off, uint64_t n,
		 struct go_pages *ret)
{
	struct go_pages p = { .image = img, .addr = addr, .off = off, .n = (size_t)n };

	if (off > img->file->size || n == 0 || n > img->file->size - off)
		return -EBADMSG;
	if (n > TABLE_MAX)
		return -EFBIG;
	p.have = calloc(n_pages(&p) / 8 + 1, 1);
	if (!p.have)
		return -ENOMEM;
	p.bytes = mmap(NULL, p.n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p.bytes == MAP_FAILED) {
		free(p.have);
		return -ENOMEM;
	}
	*ret = p;
	return 0;
}

void gopages_close(struct go_pages *p)
{
	if (p->bytes)
		munmap(p->bytes, p->n);
	free(p->have);
	*p = (struct go_pages){ 0 };
}

static void read_page(struct go_pages *p, size_t i)
{
	size_t at = i * GO_PAGE, n = p->n - at < GO_PAGE ? p->n - at : GO_PAGE;

	/* What cannot be read is zeros, and is not tried again at every look. */
	p->have[i / 8] |= (uint8_t)(1u << i % 8);
	p->n_have++;
	if (elf_file_read(p->image->file, p->off + at, p->bytes + at, n) == 0)
		goimage_relocate(p->image, p->addr + at, p->bytes + at, n);
}

static void bring(void *arg, uint64_t off, uint64_t n)
{
	struct go_pages *p = arg;

	if (off >= p->n || n == 0)
		return;
	if (n > p->n - off)
		n = p->n - off;
	for (size_t i = (size_t)off / GO_PAGE; i <= (size_t)(off + n - 1) / GO_PAGE; i++)
		if (!(p->have[i / 8] >> i % 8 & 1))
			read_page(p, i);
}

struct go_bringer gopages_bringer(struct go_pages *p)
{
	return (struct go_bringer){ .fn = bring, .arg = p };
}

void gopages_drop(struct go_pages *p)
{
	if (!p->n_have)
		return;
	madvise(p->bytes, p->n, MADV_DONTNEED);
	for (size_t i = 0; i <= n_pages(p) / 8; i++)
		p->have[i] = 0;
	p->n_have = 0;
}

size_t gopages_bytes(const struct go_pages *p)
{
	return p->n_have * GO_PAGE + (p->n ? n_pages(p) / 8 + 1 : 0);
}
