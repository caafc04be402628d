/* SPDX-License-Identifier: Apache-2.0 */
#include "dwbuild.h"

#include <errno.h>

enum {
	ROWS_MAX = 16 << 20, /* of one unit: 256 MB */
	LINE_COST = 4,	     /* a byte of a program makes a row, which is sorted and packed */
};

void dwbuild_done(struct dwbuild *d)
{
	dwwalk_done(&d->walk);
	symunit_builder_done(&d->builder);
}

/* What its unit_length says, of what is there. */
static uint64_t program_bytes(const struct dwsections *s, uint64_t off)
{
	uint64_t size = s->s[DW_LINE].size, n = 0;
	uint8_t buf[12];
	const uint8_t *p = dwsection_window(s, DW_LINE, off, sizeof(buf), buf);

	if (!p)
		return 0;
	dwform_uint(p, p + 4, 4, &n);
	if (n == UINT32_MAX)
		dwform_uint(p + 4, p + 12, 8, &n);
	return n < size - off ? n : size - off;
}

static enum dwbuild_flaw flaw_of(int error)
{
	return error == -EFBIG ? DWBUILD_LIMITED : DWBUILD_BROKEN;
}

uint64_t dwbuild_work(const struct dwbuild *d)
{
	return d->walk.work + LINE_COST * d->line_bytes;
}

int dwbuild_run(struct dwbuild *d, const struct dwbuild_unit *in, struct symunit **ret,
		size_t *ret_bytes, enum dwbuild_flaw *ret_flaw)
{
	struct dwwalk_unit walk = { .file = in->file,
				    .alt = in->alt,
				    .unit = in->unit,
				    .code = in->code,
				    .n_code = in->n_code };
	struct dwline_unit lines = { .off = in->unit->stmt_list,
				     .address_size = in->unit->shape.address_size,
				     .comp_dir = in->unit->comp_dir,
				     .name = in->unit->name,
				     .str_offsets_base = in->unit->str_offsets_base,
				     .code = in->code,
				     .n_code = in->n_code,
				     .max_rows = ROWS_MAX };
	int r = 0;

	*ret_flaw = DWBUILD_SOUND;
	symunit_builder_clear(&d->builder);
	d->walk.limited = false;
	if (lines.off != DWUNIT_ABSENT) {
		d->line_bytes += program_bytes(&in->file->s, lines.off);
		r = dwline_read(&in->file->s, &lines, &d->builder, &walk.first_file, &walk.n_files);
	}
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		*ret_flaw = flaw_of(r);
	r = in->unit->children ? dwwalk_run(&d->walk, &walk, &d->builder) : 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		*ret_flaw = flaw_of(r);
	if (d->walk.limited)
		*ret_flaw = DWBUILD_LIMITED;
	return symunit_build(&d->builder, ret, ret_bytes);
}
