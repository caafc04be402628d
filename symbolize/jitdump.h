/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jitdump files (jit-PID.dump), in which a JIT compiler keeps what it makes: pieces of code with
 * their names, when they were made or moved, and their source lines. The format is described in the
 * kernel's tools/perf/Documentation/jitdump-specification.txt. Records are read in the order of the
 * file, and the code itself is skipped.
 *
 * Which code was in force at a time: what was recorded with a time up to then, and what was in the
 * file by then, whatever its clock says. A file is read up to a time, asked, and read on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "codemap.h"
#include "strtab.h"

enum {
	JITDUMP_NAME_MAX = 4096,      /* longer names are cut */
	JITDUMP_CODES_MAX = 2 << 20,  /* pieces of code that are kept */
	JITDUMP_LINES_MAX = 4 << 20,  /* source lines that are kept */
	JITDUMP_NAMES_MAX = 64 << 20, /* bytes of distinct names that are kept */
	JITDUMP_WINDOW = 8192,	      /* of the file, in memory: holds a name */
	JITDUMP_DEBUG = 16,	      /* pieces whose lines have come and whose code has not */
};
#define JITDUMP_READ_MAX \
	(2ull << 30) /* bytes that are read of one file; skipped ones do not count */

/* A piece of code at one place. */
struct jitdump_code {
	uint64_t start;
	uint32_t name;		     /* in names */
	uint32_t line_first, line_n; /* in lines */
};

/* From `off` on to the next one. */
struct jitdump_line {
	uint32_t off;	     /* from the start of the code */
	uint32_t line, file; /* file in names; 0 = unknown */
};

struct jitdump {
	struct codemap code; /* numbers in codes */
	ARRAY(struct jitdump_code) codes;
	ARRAY(struct jitdump_line) lines;
	struct strtab names;
	uint64_t pos;	    /* of the next record; 0 = the header has not been read */
	uint64_t last_time; /* of the record before that */
	bool has_times;	    /* the records' times are CLOCK_MONOTONIC, as far as one can tell */
	bool v8;	    /* its addresses of lines are too large by an ELF header */
	bool broken;	    /* what comes from pos on makes no sense */
	size_t n_bad;	    /* records that make no sense, and moves of what is not known */
	size_t n_over;	    /* that were more than is kept */
	uint64_t n_read;    /* bytes */
	struct jitdump_debug {
		uint64_t code_addr;
		uint32_t line_first, line_n;
	} debug[JITDUMP_DEBUG];
	size_t next_debug;
	uint8_t *window;
	uint64_t window_off;
	size_t window_n;
};

/* Up to when a file is read. */
struct jitdump_until {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t bytes;	  /* of the file at that time */
};

/* Prepares @d: 0 or -ENOMEM. */
int jitdump_start(struct jitdump *d);
void jitdump_done(struct jitdump *d);

/*
 * Reads the records of @fd that follow and were written up to @until. A record that is not all
 * there yet is left for the next call. 0; -EBADMSG when it is no jitdump, -ENOTSUP for one of
 * another byte order or version; -ENOMEM, -errno of reading. A file that breaks off in nonsense is
 * no error: it is read to that place.
 */
int jitdump_read(struct jitdump *d, int fd, const struct jitdump_until *until);

/* Whether something has been read that @until does not reach. */
bool jitdump_is_beyond(const struct jitdump *d, const struct jitdump_until *until);

/* What is known of an address; numbers in names. */
struct jitdump_place {
	uint32_t name;
	uint32_t file, line; /* 0 = unknown */
};

/* Whether there is code at @addr. */
bool jitdump_find(const struct jitdump *d, uint64_t addr, struct jitdump_place *ret);

/* Memory held. */
size_t jitdump_bytes(const struct jitdump *d);
