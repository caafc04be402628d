/* SPDX-License-Identifier: Apache-2.0 */
#include "roottab.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

int roottab_of(struct roottab *t, pid_t pid)
{
	_cleanup_close_ int fd = -1;
	struct stat own, st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	if (stat(path, &st) < 0 || stat("/", &own) < 0 ||
	    (st.st_dev == own.st_dev && st.st_ino == own.st_ino))
		return -1;
	array_each(&t->roots, r)
		if (r->dev == st.st_dev && r->ino == st.st_ino)
			return r->fd;
	if (t->roots.n >= ROOTTAB_MAX) {
		t->refused++;
		return -1;
	}
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* The process may have gone, and its number may be another one's by now. */
	if (fd < 0 || fstat(fd, &st) < 0 ||
	    array_push(&t->roots, (struct roottab_root){ st.st_dev, st.st_ino, fd }) < 0)
		return -1;
	return take_fd(&fd);
}

void roottab_done(struct roottab *t)
{
	array_each(&t->roots, r)
		close(r->fd);
	array_free(&t->roots);
}
