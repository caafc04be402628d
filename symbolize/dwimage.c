/* SPDX-License-Identifier: Apache-2.0 */
#include "dwimage.h"

#include <errno.h>

#include "dwobject_state.h"

enum { UNIT_COST = 512 }; /* of making the image of a unit, however small, in bytes read */

void dwimager_done(struct dwimager *m)
{
	dwbuild_done(&m->build);
	dwsplit_unit_done(&m->split);
	symstore_piece_done(&m->stored);
}

/* The split unit of skeleton @i in m->split: 0, -ENOENT when it is not there, -ENOMEM. */
static int find_split(struct dwimager *m, struct dwobject *o, uint32_t i)
{
	struct unit_image *kept = &o->images[i];
	int r = -ENOENT;

	if (!kept->same_id)
		r = dwsplit_find(o->split, &o->file, &o->file.units[i], &m->split);
	if (r == -ENOENT && !kept->no_split)
		atomic_fetch_add(&o->no_split, 1);
	kept->no_split = r == -ENOENT;
	if (r < 0)
		return r;
	atomic_fetch_add(&o->work, UNIT_COST * m->split.file.n_units);
	/* That of a .dwp counts since it was opened. */
	if (!m->split.is_view && !kept->credited)
		atomic_fetch_add(&o->max_work,
				 DWOBJECT_WORK_FACTOR * (m->split.unit->end - m->split.unit->off));
	kept->credited = true;
	return 0;
}

static int build(struct dwimager *m, struct dwobject *o, const struct dwunit *u,
		 struct dwsplit_unit *split, struct symunit **ret, size_t *ret_bytes,
		 enum dwbuild_flaw *ret_flaw)
{
	uint64_t work = dwbuild_work(&m->build);
	const struct dwbuild_unit in = { .file = &o->file,
					 .alt = o->has_alt ? &o->alt : NULL,
					 .unit = u,
					 .split = split,
					 .code = o->code,
					 .n_code = o->n_code,
					 .only = { .addrs = o->only, .n = o->n_only } };
	int r = dwbuild_run(&m->build, &in, ret, ret_bytes, ret_flaw);

	atomic_fetch_add(&o->work, UNIT_COST + dwbuild_work(&m->build) - work);
	return r;
}

int dwimager_build(struct dwimager *m, struct dwobject *o, const struct dwunit *u,
		   struct symunit **ret, size_t *ret_bytes, enum dwbuild_flaw *ret_flaw)
{
	return build(m, o, u, NULL, ret, ret_bytes, ret_flaw);
}

/* The image of unit @i from the file, and from that of its split unit. */
static int build_image(struct dwimager *m, struct dwobject *o, uint32_t i, struct symunit **ret,
		       size_t *ret_bytes, enum dwbuild_flaw *ret_flaw)
{
	const struct dwunit *u = &o->file.units[i];
	struct dwsplit_unit *split;
	int r = -ENOENT;

	if (o->split && dwunit_is_skeleton(u))
		r = find_split(m, o, i);
	if (r == -ENOMEM)
		return r;
	split = r == 0 ? &m->split : NULL;
	r = build(m, o, u, split, ret, ret_bytes, ret_flaw);
	/* A split file that is being written may be whole the next time. */
	if (*ret_flaw == DWBUILD_BROKEN && split)
		o->unsettled = true;
	return r;
}

/* Makes the image of unit @i: NULL when it cannot be read. */
static int make_image(struct dwimager *m, struct dwobject *o, uint32_t i, struct symunit **ret,
		      size_t *ret_bytes)
{
	enum dwbuild_flaw flaw = DWBUILD_SOUND;
	int r = -EFBIG;

	*ret = NULL;
	if (atomic_load(&o->work) > o->max_work) {
		flaw = DWBUILD_LIMITED;
	} else if (o->store) {
		r = symstore_unit(o->store, i, &m->stored, ret, ret_bytes);
		if (r == 0)
			atomic_fetch_add(&o->work, *ret_bytes);
	} else {
		r = build_image(m, o, i, ret, ret_bytes, &flaw);
	}
	if (r == -ENOMEM)
		return r;
	o->images[i].limited = flaw == DWBUILD_LIMITED;
	if (flaw == DWBUILD_LIMITED)
		atomic_fetch_add(&o->limited, 1);
	else if (flaw == DWBUILD_BROKEN || r < 0)
		atomic_fetch_add(&o->broken, 1);
	return 0;
}

int dwimager_get(struct dwimager *m, struct dwobject *o, uint32_t i, struct symunit **ret,
		 size_t *ret_bytes, bool *ret_mine)
{
	struct unit_image *kept = &o->images[i];
	size_t bytes;
	int r;

	*ret_mine = false;
	*ret = kept->image;
	*ret_bytes = kept->bytes;
	if (kept->image)
		return 0;
	r = make_image(m, o, i, ret, &bytes);
	if (r < 0 || !*ret)
		return r;
	symunit_extent(*ret, &kept->lo, &kept->hi);
	*ret_bytes = bytes;
	if (o->store)
		return 0;
	*ret_mine = atomic_fetch_add(&o->image_bytes, bytes) + bytes > o->max_images;
	if (*ret_mine)
		atomic_fetch_sub(&o->image_bytes, bytes);
	else
		kept->image = *ret, kept->bytes = bytes;
	return 0;
}
