/* SPDX-License-Identifier: Apache-2.0 */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "cleanup.h"
#include "err.h"

int cgroup_mount(char *ret, unsigned long size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192], where[4096], *dash;

	while (f && fgets(line, sizeof(line), f)) {
		/* proc_pid_mountinfo(5): ID parent dev root mount-point options … - type source …
		 */
		dash = strstr(line, " - ");
		if (!dash || strncmp(dash, " - cgroup2 ", 11) != 0 ||
		    sscanf(line, "%*s %*s %*s %*s %4095s", where) != 1 || strlen(where) >= size)
			continue;
		strcpy(ret, where);
		return 0;
	}
	return -ENOENT;
}

static int open_v2(const char *path, int *ret_fd)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		return -EOPNOTSUPP;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EMEDIUMTYPE;
	*ret_fd = take_fd(&fd);
	return 0;
}

int cgroup_open(const char *path, int *ret_fd, struct err *e)
{
	char mount[PATH_MAX], below[2 * PATH_MAX];
	int r = open_v2(path, ret_fd), r2;

	if (r == 0)
		return 0;
	if (r == -EOPNOTSUPP)
		return err_set(
			e, r,
			"the kernel cannot filter by '%s', a cgroup of version 1; choose its "
			"container with --container, or its processes with -p",
			path);
	if (cgroup_mount(mount, sizeof(mount)) < 0)
		return err_set(
			e, -ENOENT,
			"cannot filter by cgroup: cgroup v2 is not mounted; choose a container with "
			"--container, or processes with -p");
	snprintf(below, sizeof(below), "%s/%s", mount, path);
	r2 = open_v2(below, ret_fd);
	if (r2 == 0)
		return 0;
	if (r == -EMEDIUMTYPE)
		return err_set(
			e, r,
			"'%s' is not a cgroup of the v2 hierarchy; give a directory below '%s'",
			path, mount);
	return err_set(e, r2, "there is no cgroup '%s': %m; list them with 'find %s -type d'", path,
		       mount);
}
