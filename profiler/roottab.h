/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root directories of processes in containers, each once, held open so that a file's debug
 * information can be looked for where the file is, after the process is gone.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "array.h"

enum { ROOTTAB_MAX = 64 }; /* roots held open: each keeps its mounts from being detached */

struct roottab {
	ARRAY(struct roottab_root {
		dev_t dev;
		ino_t ino;
		int fd;
	})
	roots;
	size_t refused; /* how often a root was one too many */
};

/*
 * The root of process @pid, borrowed until roottab_done(), or -1 when it is that of this process: 0
 * and *@ret_fd. With -1 in *@ret_fd: -ESRCH when the process is gone or may not be looked at,
 * -ENOSPC when there are too many roots (counted), -ENOMEM.
 */
int roottab_of(struct roottab *t, pid_t pid, int *ret_fd);

void roottab_done(struct roottab *t);
