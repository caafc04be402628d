/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of building a table, in their order, and its use. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cfisource.h"
#include "cleanup.h"
#include "coderows.h"
#include "ehframe.h"
#include "rowpack.h"
#include "rowset.h"
#include "ruleset.h"
#include "unwind.h"

#define DEFAULT_MAX_ROWS	  (8u << 20)
#define DEFAULT_MAX_BYTES	  (64u << 20)
#define DEFAULT_MAX_SECTION_BYTES (64u << 20)

const char *unwind_why_text(enum unwind_why why)
{
	static const char *const texts[UNWIND_WHY_MAX] = {
		[UNWIND_WHY_CFA_EXPR] = "CFA expression",
		[UNWIND_WHY_CFA_REG] = "CFA register",
		[UNWIND_WHY_FP] = "frame pointer rule",
		[UNWIND_WHY_RA] = "return address rule",
		[UNWIND_WHY_OFFSET] = "offset beyond 32 bits",
		[UNWIND_WHY_RULES] = "too many rules",
		[UNWIND_WHY_UNREAD] = "code not read yet",
	};

	return why < UNWIND_WHY_MAX ? texts[why] : "unknown";
}

static size_t or_default(size_t value, size_t def)
{
	return value ? value : def;
}

static int build_rows(const struct eh_frame *eh, struct code_rows *code,
		      const struct unwind_opts *opts, struct unwind_table *t)
{
	_cleanup_(rowset_done) struct rowset rows = { 0 };
	_cleanup_(ruleset_done) struct ruleset rules;
	int r = ruleset_init(&rules, eh->regs);

	if (r < 0)
		return r;
	r = rowset_build(eh, code, &rules, or_default(opts->max_rows, DEFAULT_MAX_ROWS), &rows);
	if (r < 0)
		return r;
	return rowpack(&rows, &rules, or_default(opts->max_bytes, DEFAULT_MAX_BYTES), t);
}

static int build(const struct cfi_file *f, const struct unwind_opts *opts, struct unwind_table *t)
{
	_cleanup_(cfi_source_done) struct cfi_source src = { 0 };
	_cleanup_(eh_frame_done) struct eh_frame eh = { 0 };
	_cleanup_(gorows_close) struct go_rows go = { 0 };
	_cleanup_(code_rows_done) struct code_rows code = { 0 };
	size_t max = or_default(opts->max_section_bytes, DEFAULT_MAX_SECTION_BYTES);
	int r = cfi_source_open(f, max < UINT32_MAX ? max : UINT32_MAX, CFI_WANT_OBJECT, &src);
	bool is_go, has_code;

	if (r < 0)
		return r;
	r = gorows_open(&src, max, &go);
	is_go = r == 0;
	if (r != -ENOMEM)
		r = opts->code == UNWIND_CODE_NONE ? -ENODATA : code_rows_open(&src, max, &code);
	if (r == -ENOMEM)
		return r;
	has_code = r == 0;
	code.is_later = opts->code == UNWIND_CODE_LATER;
	if (!is_go && !has_code && src.n_sections == 0)
		return src.error;
	t->base = src.base;
	t->machine = src.machine;
	t->n_segments = src.n_segments;
	memcpy(t->segments, src.segments, sizeof(t->segments));
	t->stats.from_debug_frame = src.n_sections > 0 && !src.sections[src.n_sections - 1].is_eh;
	r = eh_frame_read(&src, is_go ? &go : NULL, or_default(opts->max_rows, DEFAULT_MAX_ROWS),
			  &t->stats, &eh);
	if (r == 0)
		r = build_rows(&eh, has_code ? &code : NULL, opts, t);
	/* Code that says nothing is no better than none. */
	if (r == 0 && !is_go && src.n_sections == 0 && t->stats.code_rows == 0)
		r = src.error;
	return r;
}

static int table_new(const struct cfi_file *f, const struct unwind_opts *opts,
		     struct unwind_table **ret)
{
	static const struct unwind_opts defaults;
	_cleanup_(unwind_table_freep) struct unwind_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = build(f, opts ? opts : &defaults, t);
	if (r == 0)
		*ret = take_ptr(t);
	return r;
}

int unwind_table_from_fd(int fd, const struct unwind_opts *opts, struct unwind_table **ret)
{
	struct cfi_file f = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	f.size = (uint64_t)st.st_size;
	return table_new(&f, opts, ret);
}

int unwind_table_from_bytes(const void *data, size_t n, const struct unwind_opts *opts,
			    struct unwind_table **ret)
{
	struct cfi_file f = { .fd = -1, .mem = data, .size = n };

	return table_new(&f, opts, ret);
}

void unwind_table_free(struct unwind_table *t)
{
	if (!t)
		return;
	free(t->words);
	free(t);
}

void unwind_table_find(const struct unwind_table *t, uint32_t pc, struct unwind_rule *ret)
{
	const struct unwind_place *p = &t->place;
	uint32_t n = unwind_find(t->words, p->start, p->span, p->index, p->rows, pc);

	unwind_load_rule(t->words, p->rules, n, ret);
}

int unwind_table_bias(const struct unwind_table *t, uint64_t start, uint64_t file_off,
		      uint64_t *ret)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	/* A mapping begins on a page, which may be before the segment's first byte. */
	for (size_t i = 0; i < t->n_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];

		if (file_off < (s->off & -page) ||
		    (file_off >= s->off && file_off - s->off >= s->filesz))
			continue;
		*ret = start - file_off + s->off - s->vaddr + t->base;
		return 0;
	}
	return -ENOENT;
}
