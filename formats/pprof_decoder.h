/* SPDX-License-Identifier: Apache-2.0 */
/* A pprof file on its way into a profile. Only pprof_decode.c and pprof_stacks.c look in here. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "bytes.h"
#include "err.h"
#include "idmap.h"
#include "pbarena.h"
#include "pbwire.h"

struct profile;

/* Field numbers of Profile. */
enum {
	F_SAMPLE_TYPE = 1,
	F_SAMPLE,
	F_MAPPING,
	F_LOCATION,
	F_FUNCTION,
	F_STRING,
	F_DROP_FRAMES,
	F_KEEP_FRAMES,
	F_TIME,
	F_DURATION,
	F_PERIOD_TYPE,
	F_PERIOD,
	F_COMMENT,
	F_DEFAULT_TYPE,
	F_DOC_URL,
	F_END,
};

struct pprof_decoder {
	struct bytes in;
	struct profile *p;
	struct err *e;
	struct pbarena arena;
	size_t n[F_END];	 /* fields of each number */
	struct pbruns runs;	 /* all bytes from the first on */
	ARRAY(uint32_t) strings; /* number in the file -> in p->strings */
	struct idmap mappings, functions, locations;
	size_t expected; /* places of samples that there are pages for, as pages.h has it */
};

/* Leaves a sentence and gives -EBADMSG. */
#define pprof_bad(d, ...) err_set((d)->e, -EBADMSG, __VA_ARGS__)

/* Whether the field is of that wire type: 0, or -EBADMSG with a sentence. */
int pprof_need_wire(struct pprof_decoder *d, const struct pbfield *f, enum pbwire wire);

/* Number @number of the file's string table in the profile's: 0, or -EBADMSG with a sentence. */
int pprof_get_string(struct pprof_decoder *d, int64_t number, uint32_t *ret);

/* Notes the @id of item @index in @ids: 0; -EBADMSG with a sentence that calls it a @what; -ENOMEM;
 * -E2BIG. */
int pprof_add_id(struct pprof_decoder *d, struct idmap *ids, const char *what, uint64_t id,
		 size_t index);

/* Read a Location, when mappings and functions are there, and a Sample, when locations are: 0;
 * -EBADMSG with a sentence; -ENOMEM; -E2BIG. */
int pprof_read_location(struct pprof_decoder *d, const struct pbfield *f);
int pprof_read_sample(struct pprof_decoder *d, const struct pbfield *f);
