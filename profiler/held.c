/* SPDX-License-Identifier: Apache-2.0 */
#include "held.h"

#include <string.h>

bool held_add(struct held *h, const struct trace *t)
{
	struct held_sample s = { .t = *t };

	if (h->samples.n >= HELD_MAX || t->n_kernel > WIRE_KERNEL_FRAMES)
		return false;
	memcpy(s.kernel, t->kernel, t->n_kernel * sizeof(*s.kernel));
	s.t.user = s.t.kernel = NULL; /* the array may move: see held_each() */
	s.t.n_user = 0;
	s.t.end = WIRE_END_ABSENT;
	return array_push(&h->samples, s) == 0;
}

void held_each(struct held *h, held_look *look, void *ctx)
{
	size_t kept = 0;

	array_each(&h->samples, s) {
		struct trace t = s->t;

		t.kernel = s->kernel;
		if (look(ctx, &t))
			h->samples.items[kept++] = *s;
	}
	h->samples.n = kept;
}

void held_done(struct held *h)
{
	array_free(&h->samples);
}
