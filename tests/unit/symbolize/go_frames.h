/* SPDX-License-Identifier: Apache-2.0 */
/* What was read of a Go program's table, as text. */
#pragma once

#include <stdint.h>

#include "strtab.h"
#include "symunit.h"

/* What is known of @addr: "name@file:line" of each frame, innermost first. Valid until the next
 * call. */
const char *go_frames(const struct symunit_builder *b, const struct strtab *own, uint64_t addr);

/* Empties and frees @b. */
void go_builder_done(struct symunit_builder *b);
