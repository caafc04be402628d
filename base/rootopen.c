/* SPDX-License-Identifier: Apache-2.0 */
#include "rootopen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "cleanup.h"

enum {
	RACES_MAX = 16, /* renames under a path with ".." that are put up with */
};

/*
 * Without openat2(2): component by component. A symbolic link opened so stands for itself, and as a
 * directory it is refused, so that nothing can lead out of the root.
 */
static int walk_below(int root_fd, const char *path)
{
	_cleanup_close_ int at = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
	char name[NAME_MAX + 1];

	if (at < 0)
		return -errno;
	for (;;) {
		size_t n;
		int next;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0)
			return take_fd(&at);
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n;
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -errno;
		close(at);
		at = next;
	}
}

/* A descriptor that stands for the file and cannot read it, or -errno. */
static int find_below(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	for (int i = 0; i < RACES_MAX; i++) {
		long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN)
			break;
	}
	/* Files answer with EACCES; EPERM is a filter of system calls that does not know this one.
	 */
	if (errno == ENOSYS || errno == EPERM)
		return walk_below(root_fd, path);
	return -errno;
}

int root_open_place(int place, int *ret_fd)
{
	char self[64];
	struct stat st;
	int fd;

	if (fstat(place, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* The very file that was looked at, whatever its name leads to by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", place);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int root_open_regular(int root_fd, const char *path, int *ret_fd)
{
	_cleanup_close_ int place = -1;

	if (root_fd >= 0) {
		place = find_below(root_fd, path);
		if (place < 0)
			return place;
	} else {
		place = open(path, O_PATH | O_CLOEXEC);
		if (place < 0)
			return -errno;
	}
	return root_open_place(place, ret_fd);
}
