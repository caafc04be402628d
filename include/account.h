/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of samples that a recording leaves in a comment of its profile:
 *
 *	wick: ticks=1000 recorded=900 idle=90 filtered=0 lost=10 lost.ring_full=10 truncated=3 …
 *
 * Two accounts are added number by number, so that a merged profile still tells where every tick of
 * all its recordings went.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNT_PREFIX "wick: ticks="
#define ACCOUNT_MAX    128 /* numbers in one account: several times what wick counts */

struct account {
	size_t n;
	struct account_item {
		const char *key; /* borrowed from the text that was parsed */
		size_t key_len;
		uint64_t value;
	} items[ACCOUNT_MAX];
};

/* Parses a comment. False, with *@ret undefined, when it is anything but an account. */
bool account_parse(const char *text, struct account *ret);

/* Adds the numbers of @from to those of @to: 0, or -E2BIG and @to as it was. */
int account_add(struct account *to, const struct account *from);

/* The comment for @a: 0 and *@ret (caller frees), or -ENOMEM. */
int account_format(const struct account *a, char **ret);
