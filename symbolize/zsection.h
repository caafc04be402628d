/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compressed section of which only pieces are in memory, because it is large: what was asked for last,
 * and marks from which the rest of it can be uncompressed again. Who reads it in order has each byte
 * uncompressed once; who goes back in it, or jumps, has at most what lies between two marks, or of zstd
 * what lies before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inflate.h"

struct zsection;

/*
 * The @size bytes that the @n bytes at @off of the file @fd hold, as inflate_section() has it; @fd is
 * borrowed. With @may_hold all of it may come to memory at once. Nothing is read. 0 and *@ret (free with
 * zsection_free()), -ENOMEM.
 */
int zsection_new(enum inflate_format format, int fd, uint64_t off, uint64_t n, uint64_t size,
		 bool may_hold, struct zsection **ret);
void zsection_free(struct zsection *z);

/*
 * Reads @n bytes at @off: false when they are not there, or what is compressed is broken before their end,
 * or without memory. Thread-safe.
 *
 * Who jumps about in it would have it uncompressed over and over. So once that was done for a few times
 * its size since it was made, or since zsection_rest(), all of it comes to memory, or nothing more is
 * read where it may not: whoever makes a file cannot make the time grow with the square of its size.
 */
bool zsection_read(struct zsection *z, uint64_t off, void *buf, size_t n);

/* Whether all of it may come to memory. */
bool zsection_may_hold(const struct zsection *z);

/* Bytes before the last one that was read in order that are at hand. */
uint64_t zsection_kept(const struct zsection *z);

/* A question is answered: pieces are let go, and what is uncompressed again is counted anew. */
void zsection_rest(struct zsection *z);

/* Memory held. */
size_t zsection_bytes(struct zsection *z);
