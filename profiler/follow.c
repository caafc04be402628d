/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "cleanup.h"
#include "err.h"
#include "fdutil.h"

#define FORMAT_MAX (64 << 10)

/* A directory of tracefs: the mounted one, else a detached mount (fsopen(2), Linux 5.2). */
static int open_tracefs(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	_cleanup_close_ int fs = -1;
	int fd;

	for (size_t i = 0; i < 2; i++) {
		fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && faccessat(fd, "events/task", F_OK, 0) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int read_at(int dirfd, const char *path, char **ret)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t n;

	return fd < 0 ? -errno : read_whole_fd(fd, FORMAT_MAX, ret, &n);
}

static int read_id(int dirfd, const char *path, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = read_at(dirfd, path, &text);

	if (r < 0)
		return r;
	*ret = (uint32_t)strtoul(text, NULL, 10);
	return *ret ? 0 : -EBADMSG;
}

int follow_field_offset(const char *format, const char *name, uint32_t *ret)
{
	char wanted[64];
	const char *field, *off;

	snprintf(wanted, sizeof(wanted), " %s;", name);
	field = strstr(format, wanted);
	if (!field)
		return -EBADMSG;
	off = strstr(field, "offset:");
	if (!off || memchr(field, '\n', (size_t)(off - field)))
		return -EBADMSG;
	*ret = (uint32_t)strtoul(off + strlen("offset:"), NULL, 10);
	return 0;
}

int follow_layout_read(struct follow_layout *ret, struct err *e)
{
	_cleanup_close_ int dir = open_tracefs();
	_cleanup_free_ char *format = NULL;
	struct follow_layout l = { 0 };
	int r = dir;

	if (r >= 0)
		r = read_id(dir, "events/task/task_newtask/id", &l.newtask_id);
	if (r >= 0)
		r = read_id(dir, "events/sched/sched_process_exit/id", &l.exit_id);
	if (r >= 0)
		r = read_at(dir, "events/task/task_newtask/format", &format);
	if (r >= 0)
		r = follow_field_offset(format, "pid", &l.newtask_pid_off);
	if (r >= 0)
		r = follow_field_offset(format, "clone_flags", &l.newtask_clone_flags_off);
	if (r == -EPERM || r == -EACCES)
		return err_set(
			e, r,
			"no permission to follow the command's children through tracefs; run as "
			"root ('wick doctor' tells what is missing)");
	if (r < 0)
		return err_set(
			e, r,
			"cannot follow the command's children, tracefs is not readable: %m; record "
			"the whole machine with -a instead");
	*ret = l;
	return 0;
}

int follow_attach(uint32_t id, int prog_fd)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_TRACEPOINT,
		.config = id,
		.sample_period = 1,
	};
	/* A BPF program on a tracepoint runs for all CPUs, whichever one its event was opened on.
	 */
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog_fd) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)
		return -errno;
	return take_fd(&fd);
}
