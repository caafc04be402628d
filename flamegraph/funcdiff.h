/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed between two profiles, function by function. Functions are matched across builds: by
 * name without what a compiler adds to copies (".cold", ".isra.0", …) and by the object's name
 * without a version; where that finds nothing, by a name that is unique among the rest of both. All
 * places without a name in one object are one function here: their addresses mean nothing to
 * another build.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "funcname.h"
#include "functable.h"

struct err;
struct profile;

/* What a function cost in one of the two profiles. */
struct funcside {
	const struct func *f; /* one of that name; NULL = the profile has none */
	int64_t flat, cum;
	/* How often it was sampled, as the leaf and anywhere; 0 where nobody counted. */
	int64_t flat_samples, cum_samples;
};

struct funcchange {
	struct funcside now, base; /* the base's values scaled, unless they are compared as they
				      are */
	/* Flat or cum changed by more than the noise of sampling explains; false also where nobody
	 * counted samples. */
	bool flat_significant, cum_significant;
};

struct funcdiff {
	struct funcmap map, base_map;
	struct functable all, base_all; /* the sums of all, unscaled; no functions */
	int64_t samples, base_samples;	/* times that was sampled; 0 = nobody counted */
	struct funcchange *changes;
	size_t n;
	double scale; /* the base's values were multiplied with */
	bool judged;  /* both profiles count samples, at the same rate where values are compared as
			 they are: noise can be told from change */
	size_t n_significant; /* in one of the two */
};

/*
 * Compares value @type of @p with value @base_type of @base, both borrowed; @as_is: the values,
 * else their shares of all. Changes come in the order in which they matter: those with a
 * significant flat first, then those with a significant cum, then by size, a growth before a loss
 * of about that size, for what one function gains of a whole others lose. 0 or -ENOMEM; release
 * @ret with funcdiff_done() in either case.
 */
int funcdiff_make(struct funcdiff *ret, const struct profile *p, size_t type,
		  const struct profile *base, size_t base_type, bool as_is);
void funcdiff_done(struct funcdiff *d);

/* What to call it; as func_name(). */
struct text funcdiff_name(const struct funcdiff *d, const struct funcchange *c,
			  char buf[FUNC_NAME_MAX]);

/* String: the object's file, of the profile that has the function. */
const char *funcdiff_file(const struct funcdiff *d, const struct funcchange *c);

/* The index in @base of the value that is called like value @type of @p: 0, or -EINVAL with a
 * sentence. */
int funcdiff_base_type(const struct profile *p, size_t type, const struct profile *base,
		       size_t *ret, struct err *e);
