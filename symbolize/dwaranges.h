/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .debug_aranges (DWARF 5 §6.1.2): which unit has which addresses. Compilers leave it out and linkers
 * leave it wrong, so it is asked last, and only about units whose first entry has one range: before
 * DWARF 3 that could not say more.
 */
#pragma once

#include "dwdir.h"
#include "dwunit.h"

/* Adds to @ret, which has to be sorted then, what the section says of such units. What is broken
 * ends the reading, and of a section of more than 128 MiB nothing is read. 0 or -ENOMEM. */
int dwaranges_read(const struct dwfile *f, struct dwdir *ret);

/*
 * The offsets of at most @max units that the section says to have one of @n addresses, ascending,
 * each once: their number in *@ret_n. 0, -E2BIG when there are more, -ENOMEM.
 */
int dwaranges_units(const struct dwfile *f, const uint64_t *addrs, size_t n, uint64_t *ret,
		    size_t max, size_t *ret_n);
