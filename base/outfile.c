/* SPDX-License-Identifier: Apache-2.0 */
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "err.h"

#define LINKS_MAX 40 /* as many as the kernel follows */

struct outfile {
	char *path;
	char *tmp; /* NULL when written in place */
	int fd;
	int error;   /* first failed write */
	bool is_cut; /* the file itself is being written, not the temporary */
	size_t total;
	size_t n;
	char buf[1 << 16];
};

/* Temporary names that a dying process should take with it; a slot is NULL or a live f->tmp.
 * Atomic, because threads write files of their own. */
static char *_Atomic pending[8];

static void set_pending(char *from, char *to)
{
	for (size_t i = 0; i < sizeof(pending) / sizeof(*pending); i++) {
		char *was = from;

		if (atomic_compare_exchange_strong(&pending[i], &was, to))
			return;
	}
}

void outfile_unlink_all(void)
{
	for (size_t i = 0; i < sizeof(pending) / sizeof(*pending); i++) {
		const char *name = atomic_load(&pending[i]);

		if (name)
			unlink(name);
	}
}

static void outfile_free(struct outfile *f)
{
	if (!f)
		return;
	if (f->tmp)
		set_pending(f->tmp, NULL);
	if (f->fd > STDERR_FILENO)
		close(f->fd);
	if (f->tmp)
		unlink(f->tmp);
	free(f->tmp);
	free(f->path);
	free(f);
}
DEFINE_CLEANUP(struct outfile *, outfile_free)

/* Renaming over a symbolic link would replace the link: goes to where it leads, if to no file yet. */
static int follow_links(struct outfile *f)
{
	char to[PATH_MAX], *next;

	for (int i = 0; i < LINKS_MAX; i++) {
		const char *slash = strrchr(f->path, '/');
		ssize_t n = readlink(f->path, to, sizeof(to) - 1);

		if (n < 0)
			return 0; /* no link; what else is wrong with it shows when it is opened */
		to[n] = '\0';
		if (asprintf(&next, "%.*s%s",
			     to[0] != '/' && slash ? (int)(slash + 1 - f->path) : 0, f->path, to) < 0)
			return -ENOMEM;
		free(f->path);
		f->path = next;
	}
	return -ELOOP;
}

/* Whether rename(2) may put another file at @path, where one is: not what is mounted, nor somebody's in a
 * folder like /tmp. */
static bool is_replaceable(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash + 1 - path) : 1;
	_cleanup_free_ char *folder = strndup(slash ? path : ".", n);
	struct statx st = { 0 };
	struct stat around;

	if (!folder || stat(folder, &around) < 0 || statx(AT_FDCWD, path, 0, STATX_UID, &st) < 0)
		return true; /* it is not known */
	if (st.stx_attributes & (STATX_ATTR_MOUNT_ROOT | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return false;
	return !(around.st_mode & S_ISVTX) || geteuid() == 0 || geteuid() == st.stx_uid ||
	       geteuid() == around.st_uid;
}

/* Finds out before there is anything to write that a file is there which may be neither written nor
 * replaced. */
static int check_place(const char *path)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : 0;

	return r == -ENOENT || is_replaceable(path) ? 0 : r;
}

/* A name beside the path. */
static int open_beside(struct outfile *f, struct err *e)
{
	mode_t mask = umask(0);
	int r;

	umask(mask);
	r = follow_links(f);
	if (r < 0)
		return err_set(e, r, "cannot write '%s': %m", f->path);
	if (asprintf(&f->tmp, "%s.XXXXXX", f->path) < 0) {
		f->tmp = NULL;
		return -ENOMEM;
	}
	r = check_place(f->path);
	if (r == 0 && (f->fd = mkostemp(f->tmp, O_CLOEXEC)) < 0)
		r = -errno;
	if (r < 0) {
		free(f->tmp);
		f->tmp = NULL;
		return err_set(e, r,
			       "cannot write '%s': %m; give -o a path in a directory you can write to",
			       f->path);
	}
	set_pending(NULL, f->tmp);
	fchmod(f->fd, 0666 & ~mask);
	return 0;
}

int outfile_open(const char *path, struct outfile **ret, struct err *e)
{
	_cleanup_(outfile_freep) struct outfile *f = calloc(1, sizeof(*f));
	struct stat st;
	int r;

	if (!f)
		return -ENOMEM;
	f->fd = -1;
	f->path = strdup(path);
	if (!f->path)
		return -ENOMEM;
	if (!*path)
		return err_set(e, -ENOENT, "cannot write '': an output file needs a name");
	if (strcmp(path, "-") == 0) {
		f->fd = STDOUT_FILENO;
	} else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		return err_set(e, -EISDIR, "cannot write '%s': it is a directory; name a file in it",
			       path);
	} else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (f->fd < 0)
			return err_set(e, -errno, "cannot write '%s': %m", path);
	} else {
		r = open_beside(f, e);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(f);
	return 0;
}

static int flush(struct outfile *f)
{
	for (size_t done = 0; done < f->n && !f->error;) {
		ssize_t n = write(f->fd, f->buf + done, f->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			f->error = -errno;
		else
			done += (size_t)n;
	}
	f->n = 0;
	return f->error;
}

int outfile_write(struct outfile *f, const void *data, size_t n)
{
	const char *p = data;

	f->total += n;
	while (n > 0 && !f->error) {
		size_t room = sizeof(f->buf) - f->n, part = n < room ? n : room;

		memcpy(f->buf + f->n, p, part);
		f->n += part;
		p += part;
		n -= part;
		if (f->n == sizeof(f->buf))
			flush(f);
	}
	return f->error;
}

size_t outfile_size(const struct outfile *f)
{
	return f->total;
}

/* What may not be replaced: a file that is mounted there, somebody's in a folder like /tmp. */
static int write_over(struct outfile *f)
{
	_cleanup_close_ int tmp_fd = f->fd;
	off_t done = 0;
	ssize_t n;

	f->fd = open(f->path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0)
		return -errno;
	set_pending(f->tmp, NULL); /* all of it is there alone: who interrupts this leaves it */
	f->is_cut = true;
	while ((n = pread(tmp_fd, f->buf, sizeof(f->buf), done)) > 0) {
		f->n = (size_t)n;
		done += n;
		if (flush(f) < 0)
			return f->error;
	}
	if (n < 0 || fsync(f->fd) < 0)
		return -errno;
	f->is_cut = false;
	return 0;
}

static int take_place(struct outfile *f)
{
	if (fsync(f->fd) < 0)
		return -errno;
	if (rename(f->tmp, f->path) < 0)
		return errno == EBUSY || errno == EPERM || errno == EACCES || errno == EXDEV
			       ? write_over(f)
			       : -errno;
	set_pending(f->tmp, NULL);
	free(f->tmp); /* it has its name now */
	f->tmp = NULL;
	return 0;
}

int outfile_commit(struct outfile *file, struct err *e)
{
	_cleanup_(outfile_freep) struct outfile *f = file;
	const char *remedy = "";
	int r = flush(f);

	if (r == 0 && f->tmp)
		r = take_place(f);
	if (r == 0)
		return 0;
	if (r == -ENOSPC || r == -EDQUOT)
		remedy = "; free some space or write elsewhere with -o";
	if (f->is_cut)
		return err_set(e, r, "'%s' is cut short: %m%s", f->path, remedy);
	return err_set(e, r, "cannot write '%s': %m%s", f->path, remedy);
}

void outfile_abort(struct outfile *f)
{
	outfile_free(f);
}
