/* SPDX-License-Identifier: Apache-2.0 */
/* The files that know something of one object: it, its debug file, what the two have inside or share. */
#pragma once

#include <stdint.h>

#include "elffile.h"
#include "symbolize.h"

struct symobject_opts;

/* The object's files, best source of symbols first. */
struct symsources {
	struct elf_file own, separate, mini;
	int own_fd, separate_fd; /* owned; -1 = none */
	int alt_fd;		 /* owned: a common file of dwz that a server sent; -1 = none */
	void *mini_bytes;
};

/* No files yet; NULL for want of memory. */
struct symsources *symsources_new(void);

/* NULL is accepted. */
void symsources_free(struct symsources *s);

/*
 * Looks for files beside @s->own, which is open, that know more of the object; separate_fd may be given. One
 * that cannot be read is as good as none. For an object with debug information of its own none is looked for:
 * separate files are copies of that. 0, -ENOMEM.
 */
int symsources_find(struct symsources *s, const struct symobject_opts *opts);

/* Which file it is; zeros where there is none. */
struct symsources_id {
	uint64_t dev, ino, size, mtime_ns;
};

struct symsources_id symsources_identity(int fd);

/* A debug file for the object @fd that is here and not @known: a descriptor, or -1. */
int symsources_look_again(int fd, const struct symsources_id *known,
			  const struct symobject_opts *opts);

/*
 * What the debug information in @fd wants of a file that dwz made for several: 0, -ENOMEM. *@ret is that file
 * (caller closes), found here or else @sent if it is the one; or -1, and then @ret_id is its build id, "" when
 * none is wanted.
 */
int symsources_open_alt(int fd, int sent, const struct symobject_opts *opts, int *ret,
			char ret_id[BUILD_ID_HEX_MAX]);
