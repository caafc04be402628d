/* SPDX-License-Identifier: Apache-2.0 */
/* The machine and this process's place on it, as far as `wick doctor` looks at them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kfeat.h"

/* linux/capability.h numbers them; these are the ones that wick has a use for. */
enum host_cap {
	HOST_CAP_DAC_OVERRIDE = 1,
	HOST_CAP_DAC_READ_SEARCH = 2,
	HOST_CAP_SYS_PTRACE = 19,
	HOST_CAP_SYS_ADMIN = 21,
	HOST_CAP_SYS_RESOURCE = 24,
	HOST_CAP_SYSLOG = 34,
	HOST_CAP_PERFMON = 38,
	HOST_CAP_BPF = 39,
	HOST_CAP_CHECKPOINT_RESTORE = 40,
};

struct host {
	const char *root; /* stands before /proc, /sys and all other paths; "" but in tests */
	char machine[65]; /* as in utsname */
	struct kfeat kfeat;
	/* Read from files under the root by host_read(). */
	uint64_t caps;	     /* effective */
	uint64_t cap_bounds; /* what root here can have at most */
	bool initial_userns; /* capabilities count on the machine, not only in a container */
	bool seccomp;	     /* a system call filter is on */
	char container[32];  /* "docker", "kubernetes", …; "" = none seen */
};

/* Fills in what is read from files; root, machine and kfeat are the caller's. */
void host_read(struct host *h);

/* Whether a capability is held, itself or by one that the kernel takes for it, and counts. */
bool host_has_cap(const struct host *h, enum host_cap cap);

/* The command that starts a container of this kind with the machine's privileges and processes. */
const char *host_privileged_container(const struct host *h);

/* One line of a file under the root, or the number in it: 0, -EINVAL, -errno. */
int host_line(const struct host *h, const char *path, char *buf, size_t size);
int host_number(const struct host *h, const char *path, long long *ret);

/* A file under the root, up to 1 MiB of it: 0 and *@ret (caller frees), or -errno. */
int host_text(const struct host *h, const char *path, char **ret);

/* Where a symbolic link under the root points; access(2) to a path under it: 0 or -errno. */
int host_link(const struct host *h, const char *path, char *buf, size_t size);
int host_access(const struct host *h, const char *path, int mode);
