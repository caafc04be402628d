/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the symbolizer as text, in three forms. Names are foreign bytes. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "array.h"

struct addr_batch;
struct sym_batch;

enum symprint_form {
	/* A paragraph an address: the address, a line for each function from the innermost inlined
	 * one outwards, or "??" and why there is none; an empty line. */
	SYMPRINT_TEXT,
	SYMPRINT_JSON,	    /* an object a line */
	SYMPRINT_ADDR2LINE, /* as addr2line -a -f -i -C of binutils */
};

/* It is written when it is full: to write whole blocks of the file system costs half. */
enum { SYMPRINT_BUF = 256 << 10 };

struct symprint_turns;

struct symprint {
	FILE *out;
	enum symprint_form form;
	/* SYMPRINT_ADDR2LINE: names are made harmless for a terminal; the other forms do so in any
	 * case. */
	bool to_terminal;
	ARRAY(char) shorter; /* room for a short name */
	char *buf;	     /* SYMPRINT_BUF, after the first call */
	size_t n;	     /* bytes in it that are not written yet */
	int unwritten;	     /* -errno of the first of them that could not be */
	unsigned threads;    /* that write a batch of many frames; 0 = this one alone */
	/* Of one of several threads: who writes when; NULL = always. */
	struct symprint_turns *turns;
	size_t turn;
};

/*
 * Writes the answers @a to the addresses @q to the buffer of out. 0 or -ENOMEM; what went wrong with writing is
 * in `unwritten`.
 */
int symprint_batch(struct symprint *p, const struct addr_batch *q, const struct sym_batch *a);
void symprint_done(struct symprint *p);
