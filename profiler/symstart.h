/* SPDX-License-Identifier: Apache-2.0 */
/* Begins a symbolizer for the commands that have one, and says in words why that is not possible.
 */
#pragma once

#include "symbolize.h"

struct aggregate;
struct err;
struct objtab;

/* symbolizer_new(), with a sentence in @e for all but -ENOMEM. */
int symstart_new(struct symbolizer **ret, const struct symbolizer_opts *opts, struct err *e);

/*
 * Asks for the debug files of all objects that @counts has places in, and for what these refer to, and waits
 * for them, at most @ms in all. 0, also when not all have come; -ENOMEM.
 */
int symstart_wait(struct symbolizer *s, const struct aggregate *counts,
		  const struct objtab *objects, unsigned ms);
