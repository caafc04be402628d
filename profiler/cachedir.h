/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder where symbol indexes are kept between runs. What lies there is trusted as little as
 * any other file, but it is written by whoever runs wick, often root: so nobody else may be able to
 * put links into it.
 */
#pragma once

#include <limits.h>

struct err;

/*
 * $XDG_CACHE_HOME/wick, else $HOME/.cache/wick, made now if need be: 0 and its path; -ENOENT when
 * there is none that belongs to this user alone.
 */
int cachedir_default(char ret[PATH_MAX]);

/* Makes @path, which the user has asked for, and the folders above it. 0, or -errno with a
 * sentence. */
int cachedir_make(const char *path, struct err *e);
