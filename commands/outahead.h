/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that another thread writes to a stream while the next text is made: to write a megabyte to a file
 * takes as long as to put together the names in it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct outahead;

/*
 * For text that goes to @out, which nobody else may write to between outahead_put() and
 * outahead_flush(). Another thread is started, with @may_thread, when a buffer is full. 0 and *@ret
 * (release with outahead_free()), or -ENOMEM. Of one thread.
 */
int outahead_new(FILE *out, bool may_thread, struct outahead **ret);

/* Adds @n bytes. Errors of writing stay in ferror() of the stream. */
void outahead_put(struct outahead *o, const char *s, size_t n);

/* When this returns, all is written or in the buffer of the stream. */
void outahead_flush(struct outahead *o);

/* Flushes it first; NULL is allowed. */
void outahead_free(struct outahead *o);
