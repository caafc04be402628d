/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files that somebody else controls. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Opens @path under @dirfd (or AT_FDCWD) for reading if it is a regular file; never blocks on a FIFO
 * and never opens a device. 0 and *@ret_fd (caller closes), or -EINVAL for any other kind of file,
 * -errno of open(2).
 */
int open_regular(int dirfd, const char *path, int *ret_fd);

/*
 * Reads a whole file of unknown size (procfs, sysfs, a regular file) up to @max bytes.
 * 0, *@ret (caller frees; a NUL follows the data) and *@ret_n; -EFBIG when it is larger; -errno.
 */
int read_whole_fd(int fd, size_t max, char **ret, size_t *ret_n);
int read_whole_file(const char *path, size_t max, char **ret, size_t *ret_n);

/* Reads one line of a small text file (a sysctl) into @buf without its newline: 0 or -errno. */
int read_line_file(const char *path, char *buf, size_t size);

/* Reads a small text file that holds one decimal integer: 0, -EINVAL or -errno. */
int read_int_file(const char *path, long long *ret);
