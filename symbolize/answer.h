/* SPDX-License-Identifier: Apache-2.0 */
/* A batch of answers under construction: its frames and strings, each distinct one of these once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "demangle.h"
#include "namepool.h"
#include "strtab.h"
#include "symbolize.h"

/* Zero it, give it to answering_init(). */
struct answering {
	struct sym_answer *answers;
	ARRAY(struct sym_frame) frames;
	struct strtab strings;
	/* By number of a symbol's name: the number of what it was demangled to, plus 1; 0 = not
	 * yet. A million frames have some thousand names. */
	ARRAY(uint32_t) shown;
	char demangled[DEMANGLE_OUT_MAX];
};

/* Room for @n answers: 0 or -ENOMEM. */
int answering_init(struct answering *a, size_t n);
void answering_done(struct answering *a);

/* Adds a string and gives its place in the batch: 0, -ENOMEM, -EFBIG when the batch is full. */
int answering_add_string(struct answering *a, const char *s, size_t n, uint32_t *ret_off);

/* Adds a function's name: sets name (demangled) and system_name. As above. */
int answering_add_name(struct answering *a, const char *name, struct sym_frame *ret);

/* The same for one with what is shown for it, which nobody has added and which is not looked for;
 * where both differ the name itself is left out unless @both. */
int answering_add_names(struct answering *a, const struct namepool_name *name, bool both,
			struct sym_frame *ret);

/* The same for the symbol @name, which is demangled. */
int answering_add_symbol(struct answering *a, const char *name, bool both, struct sym_frame *ret);

/* The same as answering_add_name() for a name that is shown as it is. */
int answering_add_plain_name(struct answering *a, const char *name, struct sym_frame *ret);

/* Puts all strings of @from behind those of @a: 0 and what is to be added to their places, -ENOMEM,
 * -EFBIG. */
int answering_append(struct answering *a, const struct answering *from, uint32_t *ret_base);

/* Adds a frame behind the others: as above. */
int answering_add_frame(struct answering *a, const struct sym_frame *f);

/*
 * Ends an answer of one frame, the making of which gave @r: without room for it the answer is
 * SYM_LIMIT. 0 or -ENOMEM.
 */
int answering_add_answer(struct answering *a, int r, const struct sym_frame *f,
			 struct sym_answer *ret);

/* Hands the batch over; @a is empty then. */
void answering_take(struct answering *a, struct sym_batch *ret);
