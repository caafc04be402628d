/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Perf maps: /tmp/perf-PID.map, in which a process names the code that it makes, one line a piece:
 *
 *	7f2a3c0010c0 1a0 LazyCompile:~main /app/server.js:10
 *
 * Start and size are hexadecimal, with or without 0x; the rest of the line is the name. The file
 * only grows; of lines that overlap, the later one is right. Anybody can write anything into it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "codemap.h"
#include "strtab.h"

enum {
	PERFMAP_NAME_MAX = 4096,      /* longer names are cut */
	PERFMAP_LINES_MAX = 2 << 20,  /* pieces of code that are kept */
	PERFMAP_NAMES_MAX = 64 << 20, /* bytes of distinct names that are kept */
};

struct perfmap {
	struct codemap code; /* what is put there are numbers of names */
	struct strtab names;
	ARRAY(char) line; /* the beginning of a line whose end has not come yet */
	size_t n_lines;	  /* that were taken */
	size_t n_bad;	  /* that made no sense, blank ones not counted */
	size_t n_over;	  /* that were more than is kept */
};

/* Prepares @p: 0 or -ENOMEM. */
int perfmap_start(struct perfmap *p);
void perfmap_done(struct perfmap *p);

/* Takes the next @n bytes of the file, cut anywhere: 0 or -ENOMEM. */
int perfmap_feed(struct perfmap *p, const char *text, size_t n);

/*
 * The file ends here, for now: takes a last line that has no end yet for what it is. Should it go
 * on, the whole line takes its place. 0 or -ENOMEM.
 */
int perfmap_finish(struct perfmap *p);

/* The name of the code at @addr, a number in `names`; 0 = none. */
uint32_t perfmap_find(const struct perfmap *p, uint64_t addr);

/* Memory held. */
size_t perfmap_bytes(const struct perfmap *p);
