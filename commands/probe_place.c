/* SPDX-License-Identifier: Apache-2.0 */
/* Where on the machine this process is. */
#include "doctor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "host.h"

#define INITIAL_PID_NAMESPACE "pid:[4026531836]" /* PROC_PID_INIT_INO, fixed in the kernel */

void probe_pid_namespace(const struct host *h, struct finding *f)
{
	char target[64];

	if (host_link(h, "/proc/self/ns/pid", target, sizeof(target)) < 0) {
		finding_value(f, "not told");
		finding_mean(f, FINDING_UNKNOWN, "The kernel does not name the PID namespace.");
		return;
	}
	if (strcmp(target, INITIAL_PID_NAMESPACE) == 0) {
		finding_value(f, "the machine's");
		finding_ok(f, "Process numbers are the kernel's.");
		return;
	}
	finding_value(f, "its own, %s", target);
	finding_mean(
		f, FINDING_LIMITED,
		"Process numbers differ from the kernel's, and /proc shows only the processes of "
		"this namespace: all others have no names. Run wick in the machine's namespace.");
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
