/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large source read on a thread of its own, so that reading and inflating the next bytes takes no
 * time from those who look at the last ones. What is small is read without.
 */
#pragma once

#include "stream.h"

struct readahead;

/* Starts reading @in, which must outlive it, be used by nobody else, and never wait for anybody: 0
 * or -ENOMEM. Where no thread can be had, there is none. */
int readahead_new(struct readahead **ret, const struct source *in);

/* What @in gives, in the same order; @ctx is the struct readahead. */
ssize_t readahead_read(void *ctx, void *buf, size_t n);

/* Accepts NULL. After it, @in is the caller's again. */
void readahead_free(struct readahead *r);
