/* SPDX-License-Identifier: Apache-2.0 */
#include "dwbuild.h"

#include <errno.h>

enum { ROWS_MAX = 64 << 20 }; /* of one unit: 1.5 GB */

void dwbuild_done(struct dwbuild *d)
{
	dwwalk_done(&d->walk);
	symunit_builder_done(&d->builder);
}

int dwbuild_run(struct dwbuild *d, const struct dwbuild_unit *in, struct symunit **ret,
		size_t *ret_bytes, bool *ret_broken)
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
				     .code = in->code,
				     .n_code = in->n_code,
				     .max_rows = ROWS_MAX };
	int r = 0;

	*ret_broken = false;
	symunit_builder_clear(&d->builder);
	if (lines.off != DWUNIT_ABSENT)
		r = dwline_read(&in->file->s, &lines, &d->builder, &walk.first_file, &walk.n_files);
	if (r == -ENOMEM)
		return r;
	*ret_broken |= r < 0;
	r = in->unit->children ? dwwalk_run(&d->walk, &walk, &d->builder) : 0;
	if (r == -ENOMEM)
		return r;
	*ret_broken |= r < 0;
	return symunit_build(&d->builder, ret, ret_bytes);
}
