/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output file that appears whole or not at all: bytes go to a temporary name in the same
 * directory, which replaces the wanted name when the file is committed. "-" is standard output.
 * A target that exists and is no regular file (/dev/null, a FIFO) is written in place. One that may
 * not be replaced but written (mounted there, somebody's in a sticky folder) is written over, from
 * the whole temporary: that alone may be cut short, and is said so.
 */
#pragma once

#include <stddef.h>

struct outfile;
struct err;

/* Starts writing @path. 0 and *@ret, or -errno with a sentence in @e. */
int outfile_open(const char *path, struct outfile **ret, struct err *e);

/* Appends @n bytes, buffered. Errors are kept: a failed write makes the commit fail too. 0 or -errno. */
int outfile_write(struct outfile *f, const void *data, size_t n);

/* Bytes accepted so far. */
size_t outfile_size(const struct outfile *f);

/* Flushes, syncs, gives the file its name and frees @f in every case. 0, or -errno with a sentence. */
int outfile_commit(struct outfile *f, struct err *e);

/* Removes what was written and frees @f; NULL is accepted. */
void outfile_abort(struct outfile *f);

/* Removes the temporary files of all outfiles that are open. Safe to call from a signal handler that
 * ends the process. */
void outfile_unlink_all(void);
