/* SPDX-License-Identifier: Apache-2.0 */
#include "snapscan.h"

#include <stdlib.h>
#include <string.h>

#include "codeframe.h"
#include "ehframe.h"

static int by_start(const void *a, const void *b)
{
	const struct snap_scanned *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Keeps the entries of @eh, or with @others only those that are not of .eh_frame. */
static int keep_entries(const struct eh_frame *eh, bool others, struct snap_scan *s)
{
	int r = array_reserve(&s->entries, others ? 1 : eh->fdes.n);

	if (r < 0)
		return r;
	array_each(&eh->fdes, f) {
		const struct cfi_cie *cie = &eh->cies.items[f->cie];

		if (others && s->source.sections[cie->section].is_eh)
			continue;
		if (array_reserve(&s->entries, 1) < 0)
			return -ENOMEM;
		s->entries.items[s->entries.n++] = (struct snap_scanned){
			.start = s->source.base + f->pc,
			.len = f->len,
			.insns = f->insns,
			.n_insns = f->n_insns,
			.cie = (uint32_t)cie->off,
			.section = cie->section,
		};
	}
	if (s->entries.n)
		qsort(s->entries.items, s->entries.n, sizeof(*s->entries.items), by_start);
	return 0;
}

/* The bytes of .eh_frame, which was read to know what it is of. */
static void drop_section(struct cfi_section *s)
{
	free(s->owned);
	s->owned = NULL;
	s->data = bytes_of(NULL, 0);
}

int snap_scan_read(const struct cfi_file *f, bool others, size_t max, struct snap_scan *ret)
{
	struct unwind_stats stats = { 0 };
	struct eh_frame eh = { 0 };
	int r = cfi_source_open(f, max, CFI_WANT_SECTIONS, &ret->source);

	if (r == 0)
		r = eh_frame_read(&ret->source, NULL, max / 16, &stats, &eh);
	if (r == 0)
		r = code_frame_add(&ret->source, &eh, CODE_FRAME_MAX_SNAP);
	if (r == 0)
		r = keep_entries(&eh, others, ret);
	eh_frame_done(&eh);
	if (r == 0 && others && ret->source.n_sections > 0 && ret->source.sections[0].is_eh)
		drop_section(&ret->source.sections[0]);
	elf_file_close(&ret->source.file); /* the sections are all that stays */
	if (r < 0)
		snap_scan_done(ret);
	return r;
}

void snap_scan_done(struct snap_scan *s)
{
	cfi_source_done(&s->source);
	array_free(&s->entries);
}

size_t snap_scan_bytes(const struct snap_scan *s)
{
	size_t n = s->entries.cap * sizeof(*s->entries.items);

	for (size_t i = 0; i < s->source.n_sections; i++)
		n += s->source.sections[i].data.n;
	return n;
}

int snap_read_cie(struct bytes b, struct cfi_bases bases, struct cfi_common *ret)
{
	int r = bytes_skip(&b, b.pos == 4 ? 4 : 8);

	return r < 0 ? r : cfi_common_read(b, &bases, ret);
}

static int read_entry(const struct snap_scan *s, const struct snap_scanned *f,
		      struct cfi_entry *ret)
{
	const struct cfi_section *sec = &s->source.sections[f->section];
	struct cfi_bases bases = { sec->vaddr + f->cie, sec->text_base, sec->data_base };
	struct bytes cie;
	uint64_t id, size;
	int r;

	if (bytes_part(&sec->data, f->cie, sec->data.n - f->cie, &cie) < 0)
		return -EBADMSG;
	r = cfi_entry_size(cie, &id, &size);
	if (r == 0)
		r = bytes_part(&cie, 0, size, &cie);
	if (r < 0)
		return r;
	cie.pos = (size_t)id;
	ret->start = f->start;
	ret->len = f->len;
	ret->insns = bytes_of(sec->data.p + f->insns, f->n_insns);
	return snap_read_cie(cie, bases, &ret->cie);
}

int snap_scan_find(const struct snap_scan *s, uint64_t vaddr, struct cfi_entry *ret)
{
	size_t lo = 0, hi = s->entries.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->entries.items[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == 0 ? -ENODATA : read_entry(s, &s->entries.items[lo - 1], ret);
}
