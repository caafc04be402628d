/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile in memory: the one shape that every reader fills, every writer encodes and every view
 * draws. It follows pprof's profile.proto (tables of mappings, functions and locations that samples
 * refer to) because that is the richest of the formats; the differences are:
 *
 *   - tables are plain arrays and references are array indices, never pprof's ids;
 *   - what several samples or locations own as a list (lines, stacks, values, labels) lies in one
 *     shared pool, and the owner holds first and count;
 *   - strings are numbers into `strings`; number 0 is "" and means "not given".
 *
 * Readers guarantee what profile_check() checks, so users of a profile need not look again.
 * Not thread-safe. A struct profile owns everything it points to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "strtab.h"

/* "No entry" where an index is optional: a location without mapping, a function not found. */
#define PROFILE_NONE UINT32_MAX

/* What a value counts: "cpu" in "nanoseconds", "samples" in "count". */
struct profile_value_type {
	uint32_t type; /* string */
	uint32_t unit; /* string */
};

/* A range of addresses backed by one object: pprof Mapping. */
struct profile_mapping {
	uint64_t start;	     /* first address */
	uint64_t limit;	     /* address after the last */
	uint64_t file_offset; /* offset in the object that `start` shows */
	uint32_t file;	     /* string: path, "[kernel.kallsyms]", "[vdso]", "//anon", … */
	uint32_t build_id;   /* string: lowercase hex, or "" */
	bool has_functions;  /* every location of the mapping has what the flag says */
	bool has_filenames;
	bool has_line_numbers;
	bool has_inline_frames;
};

/* pprof Function. */
struct profile_function {
	uint32_t name;	      /* string: for people, demangled */
	uint32_t system_name; /* string: as in the object, mangled; "" when unknown */
	uint32_t file;	      /* string: source file */
	int64_t start_line;   /* 0 when unknown */
};

/* One function at a location: pprof Line. */
struct profile_line {
	uint32_t function; /* index into functions, always valid */
	int64_t line;	   /* 0 when unknown */
	int64_t column;
};

/* One place in the program: pprof Location. Its lines go from the innermost inlined function to the
 * function that was really called; no lines means that nothing is known but the address. */
struct profile_location {
	uint64_t address; /* in [start, limit) of its mapping */
	uint32_t mapping; /* index or PROFILE_NONE */
	uint32_t line_first, line_n;
	bool is_folded; /* other code was folded into this address: pprof Location.is_folded */
};

/* pprof Label: a string (str != 0 or num_unit == 0 && num == 0) or a number with a unit. */
struct profile_label {
	uint32_t key; /* string, never "" */
	uint32_t str; /* string; used when is_num is false */
	int64_t num;
	uint32_t num_unit; /* string */
	bool is_num;
};

/* One stack with its labels; its values are values[i * sample_types.n + t]. Leaf first. */
struct profile_sample {
	uint32_t loc_first, loc_n;     /* in stacks */
	uint32_t label_first, label_n; /* in labels */
};

struct profile {
	struct strtab strings;
	ARRAY(struct profile_value_type) sample_types;
	ARRAY(struct profile_mapping) mappings;
	ARRAY(struct profile_function) functions;
	ARRAY(struct profile_line) lines; /* pool of locations */
	ARRAY(struct profile_location) locations;
	ARRAY(uint32_t) stacks; /* pool of samples: location indices, leaf first */
	ARRAY(struct profile_label) labels; /* pool of samples */
	ARRAY(struct profile_sample) samples;
	ARRAY(int64_t) values;	/* samples.n * sample_types.n */
	ARRAY(uint32_t) comments; /* strings */
	uint64_t time_ns;	/* start, since 1970; 0 unknown */
	uint64_t duration_ns;
	struct profile_value_type period_type;
	int64_t period; /* of period_type between two samples; 0 unknown */
	uint32_t default_sample_type; /* string: `type` of the value to show first; "" = the last */
	uint32_t drop_frames, keep_frames, doc_url; /* strings, pprof's fields of that name */
};

/* An empty profile: 0 and *@ret (free with profile_free()), or -ENOMEM. */
int profile_new(struct profile **ret);

/* Accepts NULL. */
void profile_free(struct profile *p);

static inline void profile_freep(struct profile **p)
{
	profile_free(*p);
}

/* Whether every index is in range and every array agrees in length: 0, or -EBADMSG. */
int profile_check(const struct profile *p);

/* Value @type of sample @i. */
static inline int64_t profile_value(const struct profile *p, size_t i, size_t type)
{
	return p->values.items[i * p->sample_types.n + type];
}

/* Whether all values of sample @i are 0. */
static inline bool profile_is_zero(const struct profile *p, size_t i)
{
	for (size_t t = 0; t < p->sample_types.n; t++)
		if (profile_value(p, i, t) != 0)
			return false;
	return true;
}

/* The index of the value to show when nobody chose: default_sample_type, else the last one. */
size_t profile_default_type(const struct profile *p);

/*
 * Building. A builder adds to a profile so that equal things are stored once: equal mappings,
 * functions and locations get the same index, and samples with the same stack and labels are added
 * up. All functions return 0 or the index wanted (>= 0), or -ENOMEM, or -E2BIG past 2^31 entries.
 */
struct profile_builder;

/* Borrows @p until profile_builder_free(); @p must be empty but for its strings and sample types. */
int profile_builder_new(struct profile_builder **ret, struct profile *p);
void profile_builder_free(struct profile_builder *b);

static inline void profile_builder_freep(struct profile_builder **b)
{
	profile_builder_free(*b);
}

/* Mappings are equal when pprof calls them so: size rounded up to 4 KiB, file offset, and build id,
 * else file. The flags of a second one are and-ed into the first. */
int64_t profile_builder_mapping(struct profile_builder *b, const struct profile_mapping *m);
int64_t profile_builder_function(struct profile_builder *b, const struct profile_function *f);
/* Locations are equal when mapping, address relative to the mapping's start, and lines are. The
 * address is one of the mapping with that index: of an equal mapping that was added before at another
 * start, the caller moves its addresses by the difference. */
int64_t profile_builder_location(struct profile_builder *b, const struct profile_location *l,
				 const struct profile_line *lines);
/* @labels may come in any order. @values holds sample_types.n numbers, added to an equal sample's. */
int64_t profile_builder_sample(struct profile_builder *b, const uint32_t *locs, size_t n_locs,
			       const struct profile_label *labels, size_t n_labels,
			       const int64_t *values);

/*
 * Adds the whole of @src to the builder's profile, as pprof merges: values summed, durations summed,
 * earliest time, largest period, comments of both without repeats; samples of zeros are left behind.
 * Accounts of samples ("wick: ticks=…") are added up number by number. The first merge into a profile
 * without sample types takes @src's. -EINVAL when the sample types or period types differ (the
 * caller names the files in its message); -ENOMEM; -E2BIG.
 */
int profile_builder_merge(struct profile_builder *b, const struct profile *src);

/* Merges *@p into an empty profile: what no sample refers to is dropped, equal samples are added
 * up. 0 and *@p replaced, -ENOMEM, -E2BIG. */
int profile_tidy(struct profile **p);
