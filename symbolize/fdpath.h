/* SPDX-License-Identifier: Apache-2.0 */
/* Where open files lie. */
#pragma once

#include <limits.h>

/*
 * The path of an open file as seen from the directory @root_fd (-1 = this process's own root). A
 * file of another mount namespace is named from the root of that one already; what is below a mere
 * folder (chroot(2)) is not, and loses the folder's path. 0; -ENOENT when it has none;
 * -ENAMETOOLONG, -errno.
 */
int fdpath_below_root(int fd, int root_fd, char ret[PATH_MAX]);
