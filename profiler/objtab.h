/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that code was mapped from, each once however many processes map it, held open from
 * first sight so that they can be named after the process, or the file's name, is gone. And the
 * mappings: parts of those files at the addresses where they were first seen; a place in the
 * program is a mapping and an address in it, the same for all processes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "array.h"
#include "hindex.h"
#include "roottab.h"
#include "symbolize.h"

struct vm_area;

enum object_kind {
	OBJECT_FILE,
	OBJECT_VDSO,
	OBJECT_ANON,  /* JIT code and other anonymous executable memory */
	OBJECT_OTHER, /* [vsyscall], [uprobes], … */
};

struct object {
	enum object_kind kind;
	uint64_t dev, ino;
	int fd;	     /* -1 when it could not be opened, or the budget of open files is used up */
	int root_fd; /* root of the process that it was seen in, -1 = ours; borrowed from roots */
	uint64_t size, ends; /* of an open file: bytes, a hash of its first and last ones */
	uint64_t mtime_ns;
	bool is_elf;   /* others, as jitdumps, are written all the time */
	bool outdated; /* it was written over: what is mapped from it now is another object */
	char *name;    /* path in the process's mount namespace, "[vdso]", "//anon", … */
	char build_id[BUILD_ID_HEX_MAX]; /* "" = none */
};

struct mapping {
	uint32_t object;
	uint64_t start, limit; /* addresses in the process that was seen first */
	uint64_t file_off;     /* of `start`; anonymous memory: `start` itself */
};

struct objtab {
	ARRAY(struct object) objects;
	ARRAY(struct mapping) mappings;
	struct hindex object_index, mapping_index;
	struct roottab roots;
	size_t open_files, max_open_files;
	size_t refused;	    /* how often a file was one too many */
	size_t overwritten; /* files that were given up by objtab_settle() */
};

/* Prepares @t; it keeps at most @max_open_files files open. */
void objtab_init(struct objtab *t, size_t max_open_files);
void objtab_done(struct objtab *t);

/*
 * Gives up files that were written over since they were first seen, before their places are named:
 * what they hold now was not what ran.
 */
void objtab_settle(struct objtab *t);

/*
 * The number of the mapping that @area of process @pid shows, opened now if it is new. @name is the
 * area's path. >= 0, -ENOSPC when there are too many (its places stay unknown), or -ENOMEM.
 */
int64_t objtab_mapping(struct objtab *t, pid_t pid, const struct vm_area *area, const char *name);
