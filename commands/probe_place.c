/* SPDX-License-Identifier: Apache-2.0 */
/* Where on the machine this process is. */
#include "doctor.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "host.h"
#include "pidns.h"

/* Where /proc/self points to; a tree of files that tests make is that of whoever looks. */
static const char *proc_self(const struct host *h, char *buf, size_t size)
{
	int r = host_link(h, "/proc/self", buf, size);

	if (r == -EINVAL)
		snprintf(buf, size, "%d", (int)getpid());
	return r == 0 || r == -EINVAL ? buf : NULL;
}

void probe_pid_namespace(const struct host *h, struct finding *f)
{
	char self[32], target[64], children[64];
	bool told = host_link(h, "/proc/self/ns/pid", target, sizeof(target)) == 0;
	uint32_t inum;

	if (host_link(h, "/proc/self/ns/pid_for_children", children, sizeof(children)) < 0)
		children[0] = '\0';
	switch (pidns_judge(proc_self(h, self, sizeof(self)), told ? target : NULL, children,
			    &inum)) {
	case PIDNS_MACHINE:
		finding_value(f, told ? "the machine's" : "not told");
		if (told)
			finding_ok(f, "Process numbers are the kernel's.");
		else
			finding_mean(f, FINDING_UNKNOWN,
				     "The kernel does not name the PID namespace.");
		return;
	case PIDNS_FOREIGN_PROC:
		finding_value(f, "not that of /proc");
		finding_mean(f, FINDING_MISSING,
			     "/proc is not there or shows the processes of another PID namespace "
			     "than wick is in: wick record refuses to work.");
		finding_remedy(
			f, "unshare --mount sh -c 'mount -t proc proc /proc && wick record -a'");
		return;
	case PIDNS_OF_PARENTS:
		finding_value(f, "not that of children");
		finding_mean(f, FINDING_MISSING,
			     "What wick starts would be in another PID namespace than wick itself: "
			     "wick record refuses to work.");
		finding_remedy(f, "unshare --pid --fork --mount-proc wick record -a");
		return;
	case PIDNS_OWN:
		break;
	}
	finding_value(f, "its own, %s", target);
	if (host_access(h, "/sys/kernel/btf/vmlinux", F_OK) == 0)
		finding_mean(f, FINDING_LIMITED,
			     "wick record works by the numbers of this namespace and leaves out "
			     "what runs outside of it. Run wick in the machine's namespace to have "
			     "that, too.");
	else
		finding_mean(f, FINDING_MISSING,
			     "Without BTF wick cannot tell which processes are in it: wick record "
			     "refuses to work. Run wick in the machine's namespace.");
	finding_remedy(f, host_privileged_container(h));
}

void probe_container(const struct host *h, struct finding *f)
{
	finding_value(f, "%s%s", *h->container ? h->container : "none seen",
		      h->seccomp ? ", system calls are filtered" : "");
	if (*h->container && h->kfeat.attach)
		finding_mean(f, FINDING_LIMITED,
			     "Containers hold back capabilities and filter bpf(2) and "
			     "perf_event_open(2) unless they are privileged.");
	else if (h->seccomp && h->kfeat.attach)
		finding_mean(
			f, FINDING_LIMITED,
			"The filter (seccomp) may be what refuses bpf(2) or perf_event_open(2).");
	else
		finding_ok(f, "");
}

/* The mount point of the first file system of @type, as /proc/self/mounts escapes it. */
static bool find_mount(const struct host *h, const char *type, char *ret, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;

	if (host_text(h, "/proc/self/mounts", &text) < 0)
		return false;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		char *device = strsep(&line, " "), *where = strsep(&line, " ");
		char *kind = strsep(&line, " ");

		if (device && where && kind && strcmp(kind, type) == 0) {
			strncpy(ret, where, size - 1);
			ret[size - 1] = '\0';
			return true;
		}
	}
	return false;
}

void probe_cgroup(const struct host *h, struct finding *f)
{
	char where[128];

	if (find_mount(h, "cgroup2", where, sizeof(where))) {
		finding_value(f, "%s", where);
		finding_ok(f, "wick record --cgroup works.");
		return;
	}
	finding_value(f, "not mounted");
	finding_mean(f, FINDING_LIMITED, "wick record --cgroup needs it; all else works without.");
	finding_remedy(f, "sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

void probe_tracefs(const struct host *h, struct finding *f)
{
	char where[128];

	if (!find_mount(h, "tracefs", where, sizeof(where))) {
		finding_value(f, "not mounted");
		if (host_has_cap(h, HOST_CAP_SYS_ADMIN))
			finding_ok(f, "wick mounts it for itself where it needs it.");
		else
			finding_mean(f, FINDING_LIMITED,
				     "wick record -- COMMAND needs it to follow the children.");
		if (!host_has_cap(h, HOST_CAP_SYS_ADMIN))
			finding_remedy(f, "sudo mount -t tracefs tracefs /sys/kernel/tracing");
		return;
	}
	finding_value(f, "%s", where);
	if (host_access(h, where, R_OK | X_OK) == 0) {
		finding_ok(f, "");
		return;
	}
	finding_mean(f, FINDING_LIMITED,
		     "Not readable: wick record -- COMMAND needs it to follow the children.");
	finding_remedy(f, "sudo wick record -- COMMAND");
}
