/* SPDX-License-Identifier: Apache-2.0 */
#include "inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "formats.h"
#include "profile.h"

int inputs_read(char *const *paths, struct profile **ret, struct err *e)
{
	_cleanup_(profile_freep) struct profile *merged = NULL;
	_cleanup_(profile_builder_freep) struct profile_builder *b = NULL;
	int r;

	if (!paths[1])
		return format_read(paths[0], ret, e);
	if ((r = profile_new(&merged)) < 0 || (r = profile_builder_new(&b, merged)) < 0)
		return r;
	for (; *paths; paths++) {
		_cleanup_(profile_freep) struct profile *p = NULL;

		r = format_read(*paths, &p, e);
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
