/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String table: each distinct string once, named by a small number. Number 0 is always "".
 * Strings may hold any byte but NUL-terminated access is always safe: one NUL follows each.
 * Not thread-safe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hindex.h"

struct strtab {
	struct hindex index;
	char *bytes;			     /* all strings, each followed by a NUL */
	size_t n_bytes, cap_bytes, expected; /* that are used, that are there, as pages.h has it */
	struct strtab_ent {
		size_t off;
		uint32_t len;
	} * ents;
	size_t n, cap;
};

/* Prepares @t with string 0 = "". 0 or -ENOMEM. */
int strtab_init(struct strtab *t);

void strtab_done(struct strtab *t);

/* Finds or adds @n bytes of @s. 0 and *@ret_id, -ENOMEM, or -E2BIG for a string of 4 GiB or a full
 * table. */
int strtab_add(struct strtab *t, const char *s, size_t n, uint32_t *ret_id);

/* The same for a C string; NULL counts as "". */
int strtab_adds(struct strtab *t, const char *s, uint32_t *ret_id);

/* Appends @n bytes of @s and a NUL that have no number and are not found by strtab_add(): 0 and
 * *@ret_off in bytes, or -ENOMEM. */
int strtab_append(struct strtab *t, const char *s, size_t n, size_t *ret_off);

/* The string numbered @id, "" for a number never given. Borrowed until the next add. */
const char *strtab_get(const struct strtab *t, uint32_t id);

/* Its length in bytes. */
size_t strtab_len(const struct strtab *t, uint32_t id);
