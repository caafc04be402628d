/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names as an index on disk has them (symstore.h): each with what people are shown for it, in few
 * bytes, and read one by one. Names of C++ and Rust repeat a few thousand words, so a name is a
 * list of numbers of words; a word that occurs once stands in the name itself.
 *
 * A record:
 *
 *	bytes of the name, of what is shown (LEB128; 0 = the same) │ words of the one │ of the other
 *
 * A word begins with a byte: 0 to 191 are its number; 192 to 253 and the next byte are number 192
 * to 16063; behind 254 the number takes three bytes; behind 255 come a length and the word itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "hindex.h"

enum {
	NAMEPOOL_TEXT_MAX = 4096, /* of a name, with its NUL: longer ones are cut */
	NAMEPOOL_WORD = 15,	  /* bytes of a word at most */
	/* What a reader may touch behind a record, whatever is in it. */
	NAMEPOOL_SLACK = 16,
};

/* One that is copied whole, then counted. */
struct namepool_word {
	char text[NAMEPOOL_WORD];
	uint8_t n;
};

/* --- writing ---------------------------------------------------------------------------------- */

/* Zero it. */
struct namepool {
	ARRAY(struct namepool_word) words;
	struct hindex by_word;
	uint32_t *seen; /* hashes of words that occurred once */
};

/* Records, which the caller takes and releases. */
struct namepool_block {
	ARRAY(uint8_t) bytes;
};

/* Appends a record to @to; @shown is NULL when it is as @name. 0 or -ENOMEM. */
int namepool_add(struct namepool *p, struct namepool_block *to, const char *name,
		 const char *shown);
void namepool_done(struct namepool *p);

/* --- reading ---------------------------------------------------------------------------------- */

enum namepool_want {
	NAMEPOOL_BOTH,
	NAMEPOOL_SHOWN, /* of a mangled name that is shown as another one, of text the first word alone */
};

/* A name that was read. */
struct namepool_name {
	size_t n, shown_n; /* bytes of each; shown_n == 0: it is shown as it is */
	char text[NAMEPOOL_TEXT_MAX + NAMEPOOL_SLACK];
	char shown[NAMEPOOL_TEXT_MAX + NAMEPOOL_SLACK];
};

/*
 * Reads the record at @at of @n bytes, behind which NAMEPOOL_SLACK more can be read, by @n_words
 * words: 0, or -EBADMSG when it is none.
 */
int namepool_read(const struct namepool_word *words, size_t n_words, const uint8_t *bytes, size_t n,
		  size_t at, enum namepool_want want, struct namepool_name *ret);
