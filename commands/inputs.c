/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "formats.h"
#include "profile.h"

/* Gives every sample the label "time" that has none: when the file began. */
static int add_times(struct profile *p)
{
	struct profile_label time = { .num = (int64_t)p->time_ns, .is_num = true };
	int r = strtab_adds(&p->strings, "time", &time.key);

	if (r == 0)
		r = strtab_adds(&p->strings, "nanoseconds", &time.num_unit);
	for (size_t i = 0; i < p->samples.n && r == 0; i++) {
		struct profile_sample *s = &p->samples.items[i];
		uint32_t first = (uint32_t)p->labels.n, n = s->label_n;
		bool has_time = false;

		for (uint32_t k = 0; k < n; k++)
			has_time |= p->labels.items[s->label_first + k].key == time.key;
		if (has_time)
			continue;
		if (p->labels.n + n >= UINT32_MAX)
			return -E2BIG;
		if (array_reserve(&p->labels, (size_t)n + 1) < 0)
			return -ENOMEM;
		for (uint32_t k = 0; k < n; k++)
			p->labels.items[p->labels.n++] = p->labels.items[s->label_first + k];
		p->labels.items[p->labels.n++] = time;
		s->label_first = first;
		s->label_n = n + 1;
	}
	return r;
}

static int merge(char *const *paths, bool timed, struct profile **ret, struct err *e)
{
	_cleanup_(profile_freep) struct profile *merged = NULL;
	_cleanup_(profile_builder_freep) struct profile_builder *b = NULL;
	int r;

	if ((r = profile_new(&merged)) < 0 || (r = profile_builder_new(&b, merged)) < 0)
		return r;
	for (; *paths; paths++) {
		_cleanup_(profile_freep) struct profile *p = NULL;

		r = format_read(*paths, &p, e);
		if (r == 0 && timed && p->time_ns && p->time_ns <= INT64_MAX)
			r = add_times(p);
		if (r < 0)
			return r;
		r = profile_builder_merge(b, p);
		if (r == -EINVAL)
			return err_set(
				e, r,
				"cannot merge '%s': it counts other things than the files before; "
				"give files with the same sample types",
				*paths);
		if (r < 0)
			return err_set(e, r, "cannot merge '%s': %m", *paths);
	}
	*ret = take_ptr(merged);
	return 0;
}

int inputs_read(char *const *paths, struct profile **ret, struct err *e)
{
	return paths[1] ? merge(paths, false, ret, e) : format_read(paths[0], ret, e);
}

int inputs_read_timed(char *const *paths, struct profile **ret, struct err *e)
{
	return paths[1] ? merge(paths, true, ret, e) : format_read(paths[0], ret, e);
}

int inputs_sample_type(const struct profile *p, const char *name, int *ret, struct err *e)
{
	char names[512] = "";
	size_t n = 0;

	for (size_t i = 0; i < p->sample_types.n; i++) {
		const char *type = strtab_get(&p->strings, p->sample_types.items[i].type);

		if (strcmp(type, name) == 0) {
			*ret = (int)i;
			return 0;
		}
		if (n < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
					      type);
	}
	return err_set(e, -EINVAL, "the profile has no sample type '%s'; it has %s", name,
		       names[0] ? names : "none");
}
