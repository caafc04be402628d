/* SPDX-License-Identifier: Apache-2.0 */
#include "symstart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate.h"
#include "cleanup.h"
#include "err.h"
#include "objtab.h"

int symstart_new(struct symbolizer **ret, const struct symbolizer_opts *opts, struct err *e)
{
	int r = symbolizer_new(ret, opts);

	switch (r) {
	case 0:
	case -ENOMEM:
		return r;
	case -EDESTADDRREQ:
		return err_set(
			e, r,
			"--debuginfod knows no server; name some in DEBUGINFOD_URLS, such as "
			"https://debuginfod.elfutils.org");
	case -ENOSYS:
		return err_set(e, r,
			       "--debuginfod needs libdebuginfod.so.1, which is not there; install "
			       "libdebuginfod1 (elfutils-debuginfod-client)");
	default:
		return err_set(e, r, "cannot start looking for names: %s", strerror(-r));
	}
}

int symstart_wait(struct symbolizer *s, const struct aggregate *counts,
		  const struct objtab *objects, unsigned ms)
{
	_cleanup_free_ bool *seen = calloc(objects->objects.n + 1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	array_each(&counts->places, p) {
		struct sym_request req = { .kind = SYM_ELF };
		const struct object *o;
		uint32_t i;
		int r;

		if (p->mapping < 0)
			continue;
		i = objects->mappings.items[p->mapping].object;
		if (seen[i])
			continue;
		seen[i] = true;
		o = &objects->objects.items[i];
		req.fd = o->fd;
		req.build_id = o->build_id;
		req.path = o->kind == OBJECT_FILE ? o->name : NULL;
		req.root_fd_plus1 = o->root_fd + 1;
		r = symbolizer_prepare(s, &req);
		if (r < 0)
			return r;
	}
	(void)symbolizer_wait(s, ms);
	return 0;
}
