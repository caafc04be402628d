/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the path of a control group says of who runs in it. Container runtimes, Kubernetes and
 * systemd each name the groups that they make by a fixed pattern; nothing else on the machine has
 * to be asked. Text in, names out: no file is read here.
 */
#pragma once

#include <stddef.h>

#define CGROUP_CONTAINER_MAX 128 /* with its NUL, as all of these */
#define CGROUP_POD_MAX	     40
#define CGROUP_UNIT_MAX	     256

struct cgroup_names {
	/* "docker", "containerd", "cri-o", "podman", "lxc", "systemd-nspawn", …; "container" when
	 * the path does not tell which; "" = in no container. Static. */
	const char *runtime;
	/* The id as the runtime's own commands show it in full: 64 hexadecimal digits, or the name
	 * of an LXC or nspawn container. "" = in no container. */
	char container[CGROUP_CONTAINER_MAX];
	/* How long the beginning of the path is that names the container: the group that holds all
	 * of it. */
	size_t container_len;
	char pod_uid[CGROUP_POD_MAX]; /* of Kubernetes, with dashes; "" = in none */
	char unit[CGROUP_UNIT_MAX];   /* innermost systemd service or scope; "" = none */
	char slice[CGROUP_UNIT_MAX];  /* innermost systemd slice around that; "" = none */
};

/*
 * Reads @path, a path in a cgroup hierarchy of either version, as /proc/PID/cgroup shows it or as
 * it is below the mount. Where containers run in containers it is the innermost that counts. Of a
 * runtime's processes that watch a container from outside (conmon, lxc.monitor, nspawn's
 * supervisor) it is said that they are in none. Every text is possible; what does not fit a pattern
 * is in no container.
 */
void cgroup_path_parse(const char *path, struct cgroup_names *ret);

/*
 * The path that says most, of the lines of /proc/PID/cgroup (cgroups(7)): one that names a
 * container, else that of version 2 unless it is the root, else systemd's of version 1. Where both
 * versions are mounted, runtimes use either. Borrowed from @text, *@ret_len bytes long, without a
 * NUL; NULL when no line makes sense.
 */
const char *cgroup_path_of_proc(const char *text, size_t *ret_len);
