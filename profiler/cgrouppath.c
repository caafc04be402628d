/* SPDX-License-Identifier: Apache-2.0 */
#include "cgrouppath.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"

#define ID_DIGITS 64 /* of a container in Docker, containerd, CRI-O, Podman */

/* A part of the path between two slashes, not NUL-terminated. */
struct part {
	const char *s;
	size_t n;
};

static bool part_is(struct part p, const char *text)
{
	return p.n == strlen(text) && memcmp(p.s, text, p.n) == 0;
}

static bool cut_prefix(struct part *p, const char *prefix)
{
	size_t n = strlen(prefix);

	if (p->n <= n || memcmp(p->s, prefix, n) != 0)
		return false;
	p->s += n;
	p->n -= n;
	return true;
}

static bool cut_suffix(struct part *p, const char *suffix)
{
	size_t n = strlen(suffix);

	if (p->n <= n || memcmp(p->s + p->n - n, suffix, n) != 0)
		return false;
	p->n -= n;
	return true;
}

static bool is_hex(struct part p)
{
	for (size_t i = 0; i < p.n; i++)
		if (!isdigit((unsigned char)p.s[i]) && (p.s[i] < 'a' || p.s[i] > 'f'))
			return false;
	return p.n > 0;
}

static bool is_number(struct part p)
{
	for (size_t i = 0; i < p.n; i++)
		if (!isdigit((unsigned char)p.s[i]))
			return false;
	return p.n > 0;
}

/* What does not fit is cut: a name is better than none. */
static void set_name(char *ret, size_t size, struct part p)
{
	size_t n = p.n < size ? p.n : size - 1;

	memcpy(ret, p.s, n);
	ret[n] = '\0';
}

/* --- containers ------------------------------------------------------------------------------ */

/* What stands before the id in the name of a group: "docker-ID.scope", "crio-ID",
 * "…:cri-containerd:ID". */
static const struct {
	const char *prefix, *runtime;
} runtimes[] = {
	{ "docker", "docker" },
	{ "cri-containerd", "containerd" },
	{ "containerd", "containerd" },
	{ "nerdctl", "containerd" },
	{ "crio", "cri-o" },
	{ "libpod", "podman" },
	{ "libpod-payload", "podman" },
	{ "cri-dockerd", "docker" },
	{ "buildkit", "buildkit" },
};

/* The runtime of a prefix; one that nobody knows is a runtime as well, but for those that watch. */
static const char *runtime_of_prefix(struct part prefix)
{
	struct part monitored = prefix;

	if (cut_suffix(&monitored, "-conmon") || part_is(prefix, "conmon"))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++)
		if (part_is(prefix, runtimes[i].prefix))
			return runtimes[i].runtime;
	return "container";
}

/* The runtime of a group that is called after the id alone, by the group that it is in. */
static const char *runtime_of_parent(struct part parent)
{
	if (part_is(parent, "docker"))
		return "docker";
	if (part_is(parent, "buildkit"))
		return "buildkit";
	if (part_is(parent, "libpod_parent"))
		return "podman";
	return "container";
}

/* What is between @prefix and @suffix of systemd's escapes: "\x2d" is a dash. */
static void unescape(struct part p, char *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < p.n && n + 1 < size; i++) {
		char hex[3] = { 0 };

		if (p.n - i >= 4 && p.s[i] == '\\' && p.s[i + 1] == 'x' &&
		    is_hex((struct part){ p.s + i + 2, 2 })) {
			memcpy(hex, p.s + i + 2, 2);
			i += 3;
			if (strcmp(hex, "00") == 0)
				continue;
			ret[n++] = (char)strtoul(hex, NULL, 16);
			continue;
		}
		ret[n++] = p.s[i];
	}
	ret[n] = '\0';
}

static bool set_container(struct cgroup_names *r, const char *runtime, struct part id)
{
	if (!runtime) { /* one who watches from outside: not in the container around it, either */
		r->runtime = "";
		r->container[0] = '\0';
		return true;
	}
	r->runtime = runtime;
	set_name(r->container, sizeof(r->container), id);
	return true;
}

/* "ID", "PREFIX-ID", "PREFIX-ID.scope", "SLICE:PREFIX:ID" with 64 digits. */
static bool take_hex_id(struct cgroup_names *r, struct part p, struct part parent)
{
	struct part id, prefix;

	cut_suffix(&p, ".scope");
	if (p.n < ID_DIGITS)
		return false;
	id = (struct part){ p.s + p.n - ID_DIGITS, ID_DIGITS };
	if (!is_hex(id))
		return false;
	if (p.n == ID_DIGITS)
		return set_container(r, runtime_of_parent(parent), id);
	prefix = (struct part){ p.s, p.n - ID_DIGITS };
	if (!strchr("-:", prefix.s[prefix.n - 1]))
		return false;
	prefix.n--;
	for (size_t i = prefix.n; i-- > 0;)
		if (prefix.s[i] == ':') {
			prefix = (struct part){ prefix.s + i + 1, prefix.n - i - 1 };
			break;
		}
	return set_container(r, runtime_of_prefix(prefix), id);
}

/* Tasks of Amazon's ECS on Fargate: 32 digits, a dash, a number. */
static bool take_ecs(struct cgroup_names *r, struct part p)
{
	return p.n > 33 && p.s[32] == '-' && is_hex((struct part){ p.s, 32 }) &&
	       is_number((struct part){ p.s + 33, p.n - 33 }) && set_container(r, "ecs", p);
}

/* "lxc/NAME", "lxc.payload/NAME", "lxc.payload.NAME"; "lxc.monitor" is outside. */
static bool take_lxc(struct cgroup_names *r, struct part p, struct part parent)
{
	struct part name = p;

	if (part_is(parent, "lxc") || part_is(parent, "lxc.payload"))
		return set_container(r, "lxc", name);
	if (cut_prefix(&name, "lxc.payload."))
		return set_container(r, "lxc", name);
	return cut_prefix(&name, "lxc.monitor.") && set_container(r, NULL, name);
}

/* "machine-NAME.scope" of systemd-machined, but for those that are virtual machines. */
static bool take_machine(struct cgroup_names *r, struct part p)
{
	char name[CGROUP_CONTAINER_MAX];
	const char *runtime = "systemd-nspawn";
	struct part id;

	if (cut_suffix(&p, ".service") && cut_prefix(&p, "systemd-nspawn@")) {
		unescape(p, name, sizeof(name));
		return set_container(r, runtime, (struct part){ name, strlen(name) });
	}
	if (!cut_suffix(&p, ".scope") || !cut_prefix(&p, "machine-"))
		return false;
	unescape(p, name, sizeof(name));
	id = (struct part){ name, strlen(name) };
	if (cut_prefix(&id, "qemu-"))
		return false;
	if (cut_prefix(&id, "lxc-")) { /* of libvirt: with a number of its own before the name */
		runtime = "libvirt-lxc";
		while (id.n > 1 && isdigit((unsigned char)*id.s))
			id = (struct part){ id.s + 1, id.n - 1 };
		cut_prefix(&id, "-");
	}
	return set_container(r, runtime, id);
}

static bool take_container(struct cgroup_names *r, struct part p, struct part parent)
{
	if (strcmp(r->runtime, "systemd-nspawn") == 0 && part_is(p, "supervisor"))
		return set_container(r, NULL, p);
	if (part_is(parent, "buildkit") && p.n >= 20)
		return set_container(r, "buildkit", p);
	return take_hex_id(r, p, parent) || take_ecs(r, p) || take_lxc(r, p, parent) ||
	       take_machine(r, p);
}

/* --- pods and units -------------------------------------------------------------------------- */

/*
 * The UID of a pod: "podUID", or "kubepods-burstable-podUID.slice" with underscores for its dashes.
 * That of a pod which a file on the node describes is 32 digits without them.
 */
static void take_pod(struct cgroup_names *r, struct part p)
{
	char uid[CGROUP_POD_MAX];
	const char *colon = memchr(p.s, ':', p.n);

	if (colon)
		p.n = (size_t)(colon - p.s);
	cut_suffix(&p, ".slice");
	for (size_t n = 36; n >= 32; n -= 4) {
		struct part id = { p.s + p.n - n, n }, head = { p.s, p.n - n };

		if (p.n < n + 3 || memcmp(id.s - 3, "pod", 3) != 0 ||
		    (head.n > 3 && head.s[head.n - 4] != '-'))
			continue;
		set_name(uid, sizeof(uid), id);
		for (size_t i = 8; n == 36 && i <= 23; i += 5) {
			if (uid[i] != '-' && uid[i] != '_')
				return;
			uid[i] = '-';
		}
		for (size_t i = 0; i < n; i++)
			if (!is_hex((struct part){ uid + i, 1 }) && (n == 32 || uid[i] != '-'))
				return;
		strcpy(r->pod_uid, uid);
		return;
	}
}

static bool ends_like(struct part p, const char *suffix)
{
	return cut_suffix(&p, suffix);
}

static void take_unit(struct cgroup_names *r, struct part p)
{
	/* systemd writes this before a name that the kernel could take for its own. */
	cut_prefix(&p, "_");
	if (memchr(p.s, ':', p.n))
		return; /* a runtime's, which had systemd's names without systemd */
	if (ends_like(p, ".slice")) {
		set_name(r->slice, sizeof(r->slice), p);
		r->unit[0] = '\0';
	} else if (ends_like(p, ".service") || ends_like(p, ".scope")) {
		set_name(r->unit, sizeof(r->unit), p);
	}
}

void cgroup_path_parse(const char *path, struct cgroup_names *ret)
{
	struct part parent = { "", 0 };
	const char *s = path;

	*ret = (struct cgroup_names){ .runtime = "" };
	while (*(s += strspn(s, "/"))) {
		struct part p = { s, strcspn(s, "/") };

		s += p.n;
		if (take_container(ret, p, parent))
			ret->container_len = ret->container[0] ? (size_t)(s - path) : 0;
		take_pod(ret, p);
		take_unit(ret, p);
		parent = p;
	}
}

/* --- /proc/PID/cgroup ------------------------------------------------------------------------ */

static bool names_container(struct part path)
{
	_cleanup_free_ char *s = strndup(path.s, path.n);
	struct cgroup_names names;

	if (!s)
		return false;
	cgroup_path_parse(s, &names);
	return names.container[0] != '\0';
}

/* How much the path of a line says. */
static int rank(struct part controllers, struct part path)
{
	bool is_v2 = !controllers.n;

	if (path.n == 1) /* the root */
		return is_v2;
	if (names_container(path))
		return 4 + is_v2;
	if (is_v2)
		return 3;
	/* Groups of one controller alone say nothing of what people know. */
	return part_is(controllers, "name=systemd") ? 2 : 0;
}

const char *cgroup_path_of_proc(const char *text, size_t *ret_len)
{
	const char *best = NULL;
	int best_rank = -1;

	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		const char *a = memchr(line, ':', n);
		const char *b = a ? memchr(a + 1, ':', n - (size_t)(a + 1 - line)) : NULL;

		if (b && (size_t)(b + 1 - line) < n && b[1] == '/') {
			struct part controllers = { a + 1, (size_t)(b - a) - 1 };
			struct part path = { b + 1, n - (size_t)(b + 1 - line) };
			int k = rank(controllers, path);

			if (k > best_rank) {
				best = path.s;
				*ret_len = path.n;
				best_rank = k;
			}
		}
		line += n + (line[n] == '\n');
	}
	return best;
}
