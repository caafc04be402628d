/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "fdutil.h"

#define PATH_BYTES 512
#define TEXT_BYTES (1 << 20)

static const char *under_root(const struct host *h, const char *path, char buf[PATH_BYTES])
{
	snprintf(buf, PATH_BYTES, "%s%s", h->root, path);
	return buf;
}

int host_line(const struct host *h, const char *path, char *buf, size_t size)
{
	char full[PATH_BYTES];

	return read_line_file(under_root(h, path, full), buf, size);
}

int host_number(const struct host *h, const char *path, long long *ret)
{
	char full[PATH_BYTES];

	return read_int_file(under_root(h, path, full), ret);
}

int host_text(const struct host *h, const char *path, char **ret)
{
	char full[PATH_BYTES];
	_cleanup_fclose_ FILE *f = fopen(under_root(h, path, full), "re");
	_cleanup_free_ char *text = malloc(TEXT_BYTES + 1);
	size_t n;

	if (!f)
		return -errno;
	if (!text)
		return -ENOMEM;
	n = fread(text, 1, TEXT_BYTES, f);
	if (ferror(f))
		return errno ? -errno : -EIO;
	text[n] = '\0';
	*ret = take_ptr(text);
	return 0;
}

int host_link(const struct host *h, const char *path, char *buf, size_t size)
{
	char full[PATH_BYTES];
	ssize_t n = readlink(under_root(h, path, full), buf, size - 1);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

int host_access(const struct host *h, const char *path, int mode)
{
	char full[PATH_BYTES];

	return access(under_root(h, path, full), mode) < 0 ? -errno : 0;
}

bool host_has_cap(const struct host *h, enum host_cap cap)
{
	/* The kernel split these off CAP_SYS_ADMIN and still takes it for them. */
	bool part = cap == HOST_CAP_BPF || cap == HOST_CAP_PERFMON ||
		    cap == HOST_CAP_CHECKPOINT_RESTORE;

	if (!h->initial_userns)
		return false;
	if (cap == HOST_CAP_DAC_READ_SEARCH && h->caps >> HOST_CAP_DAC_OVERRIDE & 1)
		return true;
	return h->caps >> cap & 1 || (part && h->caps >> HOST_CAP_SYS_ADMIN & 1);
}

const char *host_privileged_container(const struct host *h)
{
	/* --privileged lifts the filter of system calls, too. */
	if (strcmp(h->container, "docker") == 0)
		return "docker run --privileged --pid=host IMAGE wick record -a";
	if (strcmp(h->container, "podman") == 0)
		return "sudo podman run --privileged --pid=host IMAGE wick record -a";
	if (strcmp(h->container, "kubernetes") == 0)
		return "kubectl debug node/NODE -it --profile=sysadmin --image=IMAGE";
	return "sudo nsenter --target 1 --all wick record -a   # on the machine itself";
}

static void read_status(struct host *h)
{
	_cleanup_free_ char *text = NULL;
	const char *s;

	if (host_text(h, "/proc/self/status", &text) < 0)
		return;
	s = strstr(text, "\nCapEff:");
	if (s)
		h->caps = strtoull(s + strlen("\nCapEff:"), NULL, 16);
	s = strstr(text, "\nCapBnd:");
	if (s)
		h->cap_bounds = strtoull(s + strlen("\nCapBnd:"), NULL, 16);
	s = strstr(text, "\nSeccomp:");
	h->seccomp = s && strtoul(s + strlen("\nSeccomp:"), NULL, 10) == 2;
}

/* The initial user namespace maps every number to itself. */
static bool is_initial_userns(const struct host *h)
{
	unsigned long long inside, outside, n;
	char line[128];

	if (host_line(h, "/proc/self/uid_map", line, sizeof(line)) < 0)
		return true; /* a kernel without user namespaces has no such file */
	return sscanf(line, "%llu %llu %llu", &inside, &outside, &n) == 3 && inside == 0 &&
	       outside == 0 && n == UINT32_MAX;
}

static const char *container_of_cgroup(const struct host *h)
{
	static const struct {
		const char *word, *name;
	} words[] = {
		{ "kubepods", "kubernetes" },	{ "docker", "docker" },
		{ "libpod", "podman" },		{ "crio-", "cri-o" },
		{ "containerd", "containerd" }, { "/lxc", "lxc" },
	};
	_cleanup_free_ char *text = NULL;

	if (host_text(h, "/proc/self/cgroup", &text) < 0)
		return "";
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(text, words[i].word))
			return words[i].name;
	return "";
}

static void find_container(struct host *h)
{
	char line[32];

	if (host_line(h, "/run/systemd/container", line, sizeof(line)) == 0 && *line)
		snprintf(h->container, sizeof(h->container), "%s", line);
	else if (host_access(h, "/var/run/secrets/kubernetes.io", F_OK) == 0)
		snprintf(h->container, sizeof(h->container), "kubernetes");
	else if (host_access(h, "/.dockerenv", F_OK) == 0)
		snprintf(h->container, sizeof(h->container), "docker");
	else if (host_access(h, "/run/.containerenv", F_OK) == 0)
		snprintf(h->container, sizeof(h->container), "podman");
	else
		snprintf(h->container, sizeof(h->container), "%s", container_of_cgroup(h));
}

void host_read(struct host *h)
{
	read_status(h);
	h->initial_userns = is_initial_userns(h);
	find_container(h);
}
