/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles in files: which formats there are, and reading and writing any of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct profile;

enum format {
	FORMAT_AUTO,	    /* by the file's name when writing, by its content when reading */
	FORMAT_PPROF,	    /* gzip-compressed profile.proto: .pb.gz .pprof */
	FORMAT_PPROF_RAW,   /* uncompressed: .pb */
	FORMAT_PPROF_ZSTD,  /* .pb.zst */
	FORMAT_FOLDED,	    /* one line a stack: .folded .txt .collapsed */
	FORMAT_SPEEDSCOPE,  /* .speedscope.json */
	FORMAT_FIREFOX,	    /* profiler.firefox.com's "processed profile": .firefox.json */
	FORMAT_CALLGRIND,   /* kcachegrind's: .callgrind, and files called callgrind.out… */
};

/* The format a name ("pprof", "folded", …) means, or -EINVAL. */
int format_by_name(const char *name);

/* The format that the ending of @path asks for, or -EINVAL with a sentence that lists the endings. */
int format_by_path(const char *path, struct err *e);

/* Names of all formats, for help texts: "pprof, pprof-raw, …". */
const char *format_names(void);

struct format_opts {
	/* Which value to write, where the format holds one: index into sample_types; -1 = "samples" if
	 * there, else the default type. (pprof and callgrind hold all.) */
	int sample_type;
	/* Folded: do not append _[k] (kernel), _[i] (inlined), _[j] (JIT) to frame names. */
	bool no_annotations;
};

/*
 * Writes @p to @path ("-" = standard output) as @format; the file appears whole or not at all.
 * 0, or -errno with a sentence that names the path.
 */
int format_write(const struct profile *p, const char *path, enum format format,
		 const struct format_opts *opts, struct err *e);

/*
 * Reads @path ("-" = standard input), whatever its compression (none, gzip, zstd) and format: pprof,
 * folded stacks with one count or two (base and new), text of perf script, speedscope's JSON.
 * 0 and *@ret (free with profile_free()), or -errno with a sentence that names the path: -EBADMSG
 * for bytes that are no profile, -EFBIG for one that inflates past 4 GiB.
 */
int format_read(const char *path, struct profile **ret, struct err *e);
