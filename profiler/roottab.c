/* SPDX-License-Identifier: Apache-2.0 */
#include "roottab.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

int roottab_of(struct roottab *t, pid_t pid, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct stat own, st;
	char path[32];

	*ret_fd = -1;
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -ESRCH;
	if (stat("/", &own) == 0 && st.st_dev == own.st_dev && st.st_ino == own.st_ino)
		return 0;
	array_each(&t->roots, r)
		if (r->dev == st.st_dev && r->ino == st.st_ino) {
			*ret_fd = r->fd;
			return 0;
		}
	if (t->roots.n >= ROOTTAB_MAX) {
		t->refused++;
		return -ENOSPC;
	}
	if (array_push(&t->roots, (struct roottab_root){ st.st_dev, st.st_ino, fd }) < 0)
		return -ENOMEM;
	*ret_fd = take_fd(&fd);
	return 0;
}

void roottab_done(struct roottab *t)
{
	array_each(&t->roots, r)
		close(r->fd);
	array_free(&t->roots);
}
