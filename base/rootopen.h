/* SPDX-License-Identifier: Apache-2.0 */
/* Opening files in a tree that somebody else controls, such as that of a container. */
#pragma once

/*
 * Opens the file at @path for reading if it is a regular one. With @root_fd >= 0, a directory,
 * @path means what it would mean to a process whose root that is: "/", ".." and symbolic links all
 * end there. -1 = the caller's own root and working directory.
 *
 * What is no regular file is not even opened for a moment: that alone would wait for the writer of
 * a FIFO, or start a watchdog. Where the kernel has no openat2(2) or refuses it, symbolic links and
 * ".." below @root_fd are not followed at all.
 *
 * 0 and *@ret_fd (caller closes), -EINVAL for any other kind of file, -errno of opening.
 */
int root_open_regular(int root_fd, const char *path, int *ret_fd);

/* The same of the file that @place, opened with O_PATH, stands for; @place stays the caller's. */
int root_open_place(int place, int *ret_fd);
