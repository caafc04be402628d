/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups as targets. */
#pragma once

struct err;

/*
 * Opens the cgroup v2 directory that @path names: a path, or one below the cgroup v2 mount. 0 and
 * *@ret_fd (caller closes), or -errno with a sentence.
 */
int cgroup_open(const char *path, int *ret_fd, struct err *e);

/* Where cgroup v2 is mounted, from /proc/self/mountinfo: 0 and the path in @ret, or -ENOENT. */
int cgroup_mount(char *ret, unsigned long size);
