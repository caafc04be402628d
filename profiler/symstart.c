/* SPDX-License-Identifier: Apache-2.0 */
#include "symstart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate.h"
#include "cleanup.h"
#include "clock.h"
#include "err.h"
#include "objtab.h"

enum { ASK_AGAIN_MS = 200 };

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

static int prepare(struct symbolizer *s, const struct object *o)
{
	return symbolizer_prepare(s, &(struct sym_request){
					     .kind = SYM_ELF,
					     .fd = o->fd,
					     .build_id = o->build_id,
					     .path = o->kind == OBJECT_FILE ? o->name : NULL,
					     .root_fd_plus1 = o->root_fd + 1,
				     });
}

/* Marks the objects that @counts has places in. */
static void mark_used(const struct aggregate *counts, const struct objtab *objects, bool *ret)
{
	array_each(&counts->places, p)
		if (p->mapping >= 0)
			ret[objects->mappings.items[p->mapping].object] = true;
}

/* Asks for what the objects that are @wanted lack, and marks those alone that wait for an answer: 1 when there
 * are some, 0, -ENOMEM. */
static int prepare_all(struct symbolizer *s, const struct objtab *objects, bool *wanted)
{
	int any = 0;

	for (size_t i = 0; i < objects->objects.n; i++) {
		int r = wanted[i] ? prepare(s, &objects->objects.items[i]) : 0;

		if (r < 0)
			return r;
		wanted[i] = r > 0;
		any |= r;
	}
	return any;
}

int symstart_wait(struct symbolizer *s, const struct aggregate *counts,
		  const struct objtab *objects, unsigned ms)
{
	_cleanup_free_ bool *wanted = calloc(objects->objects.n + 1, sizeof(*wanted));
	uint64_t end = clock_mono_ns() + ms * NSEC_PER_MSEC;
	int r;

	if (!wanted)
		return -ENOMEM;
	mark_used(counts, objects, wanted);
	while ((r = prepare_all(s, objects, wanted)) > 0) {
		uint64_t now = clock_mono_ns();

		if (now >= end)
			break;
		ms = (unsigned)((end - now) / NSEC_PER_MSEC);
		(void)symbolizer_wait(s, ms < ASK_AGAIN_MS ? ms : ASK_AGAIN_MS);
	}
	return r < 0 ? r : 0;
}
