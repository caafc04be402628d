/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds unwind tables in a thread of its own, so that reading a large file never delays a drain;
 * those of small files first.
 */
#pragma once

#include <stdint.h>

#include "unwind.h"

struct tableload;

/* Starts the thread. 0 and *@ret, or -errno. */
int tableload_new(struct tableload **ret);

/* Ends the thread and forgets what was not taken. Accepts NULL. */
void tableload_free(struct tableload *l);

/* Asks for the table of the object numbered @id; @fd is duplicated. Code that no table describes is read
 * @with_code alone, which takes longer. 0 or -errno. */
int tableload_ask(struct tableload *l, uint32_t id, int fd, bool with_code);

/* Readable when a table can be taken; owned by the loader. */
int tableload_fd(const struct tableload *l);

/*
 * Takes what was ready first: true, its number, and the table (free with unwind_table_free()) or
 * NULL when the object has none, or *@ret_too_large a one. False when nothing is ready.
 */
bool tableload_take(struct tableload *l, uint32_t *ret_id, struct unwind_table **ret,
		    bool *ret_too_large);

/* How many were asked for and are not taken yet. */
uint32_t tableload_pending(const struct tableload *l);
