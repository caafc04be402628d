/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a large .debug_info that is compressed, who has read the heads of all units has uncompressed all
 * of it. So the images of the units that are asked for are made on the way, on other threads, while what
 * they are made of is at hand.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dwobject.h"

bool dwahead_is_worth(const struct dwobject *o, size_t n);

/*
 * As dwobject_load_all(), and makes the images of units that say that they have addresses of @queries, which
 * are @n and sorted, as far as they may be kept. What goes wrong with an image is left to who asks for it.
 */
int dwahead_load(struct dwobject *o, const struct dwquery *queries, size_t n);
