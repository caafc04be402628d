/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of code that a process made, from the files in which it names them. What was read is kept
 * from one call to the next, so that a growing file costs what is new in it only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "symbolize.h"

struct strtab;

enum {
	JITCACHE_FILES = 64,		  /* kept at most */
	JITCACHE_PERFMAP_MAX = 256 << 20, /* bytes that are read of a perf map */
};

struct jitcache {
	struct jitfile *files[JITCACHE_FILES]; /* NULL = free */
	uint64_t uses;
	size_t max_bytes, bytes;
};

/* What is known of an address: numbers in @strings, 0 = unknown; NULL when nothing is. */
struct jit_found {
	const struct strtab *strings;
	uint32_t name, file, line;
};

void jitcache_init(struct jitcache *c, size_t max_bytes);
void jitcache_done(struct jitcache *c);

/*
 * Looks up every offset of @req, whose kind is SYM_JIT: 0 and @ret, of req->n; -ENOMEM. A file that
 * cannot be read names nothing. What @ret refers to stays until the next call of any of these.
 */
int jitcache_find(struct jitcache *c, const struct sym_request *req, struct jit_found *ret);

/* Frees what is over the limit, the longest unused first. */
void jitcache_trim(struct jitcache *c);
