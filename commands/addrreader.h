/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses as people and scripts write them, one a line. They are given out in batches: as many as
 * are there now, so that a question is answered when it was asked, and thousands are answered at
 * once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"

/* "401136", "0x401136", in hexadecimal; spaces around it are ignored. 0, -EINVAL for anything else
 * and for numbers of more than 64 bits. */
int addr_parse(const char *s, size_t n, uint64_t *ret);

/* The same as addr2line understands it: what begins like a number is one, anything else is 0. */
uint64_t addr_guess(const char *s);

/* A line that is no address. */
struct addr_wrong {
	size_t i;	/* in addrs, where a 0 keeps its place */
	size_t text, n; /* in texts: the line, or how it begins */
};

struct addr_batch {
	ARRAY(uint64_t) addrs;
	ARRAY(struct addr_wrong) wrong; /* ascending */
	ARRAY(char) texts;
};

void addr_batch_done(struct addr_batch *b);

enum {
	ADDR_BATCH_MAX = 1 << 17,
	ADDR_LINE_MAX = 1 << 16, /* longer ones are no addresses */
	ADDR_WRONG_MAX = 64,	 /* bytes of a wrong line that are kept */
};

struct addr_reader {
	int fd;
	bool guess; /* as addr2line: every line is an address, an empty one too */
	bool at_end, in_long_line;
	char *buf; /* ADDR_LINE_MAX, after the first call */
	size_t pos, n;
};

/*
 * Reads into @ret what there is, but waits for the first address: 1, 0 at the end of the input,
 * -errno of reading, -ENOMEM. What @ret held before is gone.
 */
int addr_reader_next(struct addr_reader *r, struct addr_batch *ret);
void addr_reader_done(struct addr_reader *r);
