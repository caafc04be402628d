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

static enum dwbuild_flaw flaw_of(int error)
{
	return error == -EFBIG ? DWBUILD_LIMITED : DWBUILD_BROKEN;
}

uint64_t dwbuild_work(const struct dwbuild *d)
{
	return d->walk.work + LINE_COST * d->line_bytes;
}

/* Names of a file that is closed again are copied; so many of them that they are not is a limit, too. */
static int copy_names(struct dwbuild *d, const struct dwbuild_unit *in)
{
	int r = dwsplit_own_names(in->split, &d->builder);

	dwwalk_forget(&d->walk);
	if (r == -EFBIG)
		d->walk.limited = true;
	return r == -ENOMEM ? r : 0;
}

/* The walk over the unit, or over the split unit. */
static int walk(struct dwbuild *d, const struct dwbuild_unit *in, uint32_t first_file,
		uint32_t n_files)
{
	struct dwwalk_unit w = { .file = in->split ? &in->split->file : in->file,
				 .alt = in->split ? NULL : in->alt,
				 .unit = in->split ? in->split->unit : in->unit,
				 .first_file = first_file,
				 .n_files = n_files,
				 .code = in->code,
				 .n_code = in->n_code };
	int r = w.unit->children ? dwwalk_run(&d->walk, &w, &d->builder) : 0, r2;

	if (r == -ENOMEM || !in->split)
		return r;
	r2 = copy_names(d, in);
	return r2 < 0 ? r2 : r;
}

/* The lines are the skeleton's (DWARF 5 §3.1.2). */
static int read_lines(struct dwbuild *d, const struct dwbuild_unit *in, uint32_t *ret_first_file,
		      uint32_t *ret_n_files)
{
	struct dwline_unit lines = { .off = in->unit->stmt_list,
				     .address_size = in->unit->shape.address_size,
				     .comp_dir = in->unit->comp_dir,
				     .name = in->unit->name,
				     .str_offsets_base = in->unit->str_offsets_base,
				     .code = in->code,
				     .n_code = in->n_code,
				     .max_rows = ROWS_MAX,
				     .bytes = &d->line_bytes };
	int r = 0;

	if (lines.off == DWUNIT_ABSENT)
		return 0;
	if (in->split && lines.name == STRREF_NONE)
		r = dwsplit_own_string(in->split, in->split->unit->name, &lines.name);
	return r < 0 ? r : dwline_read(&in->file->s, &lines, &d->builder, ret_first_file, ret_n_files);
}

int dwbuild_run(struct dwbuild *d, const struct dwbuild_unit *in, struct symunit **ret,
		size_t *ret_bytes, enum dwbuild_flaw *ret_flaw)
{
	uint32_t first_file = 0, n_files = 0;
	int r;

	*ret_flaw = DWBUILD_SOUND;
	symunit_builder_clear(&d->builder);
	d->builder.only = in->only;
	d->walk.limited = false;
	r = read_lines(d, in, &first_file, &n_files);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		*ret_flaw = flaw_of(r);
	r = walk(d, in, first_file, n_files);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		*ret_flaw = flaw_of(r);
	if (d->walk.limited)
		*ret_flaw = DWBUILD_LIMITED;
	return symunit_build(&d->builder, ret, ret_bytes);
}
