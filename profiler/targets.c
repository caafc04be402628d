/* SPDX-License-Identifier: Apache-2.0 */
#include "targets.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgrouppath.h"
#include "cleanup.h"
#include "err.h"
#include "fdutil.h"
#include "wire.h"

#define PROC_TEXT_MAX (64 << 10)

static void add_kind(struct targets *t, uint8_t kind)
{
	t->asked |= kind;
	t->expected |= kind;
}

int targets_add_comm(struct targets *t, const char *regex, struct err *e)
{
	char why[128];
	regex_t re;
	int r;

	if (!*regex)
		return err_set(e, -EINVAL,
			       "--comm wants a name or a regular expression, such as '^nginx$'");
	r = regcomp(&re, regex, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, &re, why, sizeof(why));
		return err_set(
			e, -EINVAL,
			"'%s' is not a regular expression (%s); put a backslash before signs that "
			"stand for themselves",
			regex, why);
	}
	if (array_push(&t->comms, re) < 0) {
		regfree(&re);
		return -ENOMEM;
	}
	add_kind(t, WIRE_OF_COMM);
	return 0;
}

/* A number, or a name of the password database. */
static int user_id(const char *user, uint32_t *ret)
{
	const struct passwd *pw;
	char *end;

	if (isdigit((unsigned char)*user)) {
		unsigned long long v;

		errno = 0;
		v = strtoull(user, &end, 10);
		if (*end || errno || v >= UINT32_MAX)
			return -EINVAL;
		*ret = (uint32_t)v;
		return 0;
	}
	pw = *user ? getpwnam(user) : NULL;
	if (!pw)
		return -ENOENT;
	*ret = pw->pw_uid;
	return 0;
}

int targets_add_user(struct targets *t, const char *user, struct err *e)
{
	uint32_t id;
	int r = user_id(user, &id);

	if (r < 0)
		return err_set(
			e, r,
			"there is no user '%s'; give a name that 'getent passwd' lists, or a number",
			user);
	if (t->users.n >= WIRE_MAX_USERS)
		return err_set(e, -ENOSPC, "at most %d users can be given", WIRE_MAX_USERS);
	add_kind(t, WIRE_OF_USER);
	return array_push(&t->users, id);
}

int targets_add_container(struct targets *t, const char *id, struct err *e)
{
	if (!*id || strchr(id, '/'))
		return err_set(
			e, -EINVAL,
			"'%s' is not the id of a container; give as much of it as 'docker ps' shows, "
			"or a cgroup with --cgroup",
			id);
	add_kind(t, WIRE_IN_CONTAINER);
	return array_push(&t->containers, id);
}

int targets_add_cgroup(struct targets *t, int fd)
{
	char mount[PATH_MAX], link[48], path[PATH_MAX];
	char *copy;
	size_t skip;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || cgroup_mount(mount, sizeof(mount)) < 0)
		return 0;
	path[n] = '\0';
	skip = strlen(mount);
	if (strncmp(path, mount, skip) != 0)
		return 0;
	copy = strdup(path + skip);
	if (!copy || array_push(&t->cgroups, copy) < 0) {
		free(copy);
		return -ENOMEM;
	}
	t->expected |= TARGETS_IN_CGROUP;
	return 0;
}

bool targets_has_comm(const struct targets *t, const char *comm)
{
	array_each(&t->comms, re)
		if (regexec(re, comm, 0, NULL, 0) == 0)
			return true;
	return false;
}

bool targets_has_cgroup(const struct targets *t, const char *path)
{
	_cleanup_free_ char *rest = strdup(path);
	struct cgroup_names names;

	while (rest && *rest) {
		cgroup_path_parse(rest, &names); /* the innermost */
		if (!names.container[0])
			return false;
		array_each(&t->containers, id)
			if (strncmp(names.container, *id, strlen(*id)) == 0)
				return true;
		rest[names.container_len] = '\0';
		rest[strrchr(rest, '/') ? strrchr(rest, '/') - rest : 0] = '\0';
	}
	return false;
}

static bool is_of_user(const struct targets *t, uint32_t tgid)
{
	_cleanup_free_ char *text = NULL;
	const char *line;
	char path[48];
	unsigned uid;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", tgid);
	if (read_whole_file(path, PROC_TEXT_MAX, &text, &n) < 0)
		return false;
	line = strstr(text, "\nUid:"); /* the first of four is the real one */
	if (!line || sscanf(line, " Uid: %u", &uid) != 1)
		return false;
	array_each(&t->users, u)
		if (*u == uid)
			return true;
	return false;
}

static bool is_below(const struct targets *t, const char *path)
{
	array_each(&t->cgroups, group) {
		size_t n = strlen(*group);

		if (strncmp(path, *group, n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* What the cgroups of a process say. */
static uint8_t look_at_cgroups(const struct targets *t, uint32_t tgid)
{
	_cleanup_free_ char *text = NULL;
	char path[48], *cgroup, *v2;
	uint8_t holds = 0;
	size_t n, len = 0;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/cgroup", tgid);
	if (read_whole_file(path, PROC_TEXT_MAX, &text, &n) < 0)
		return 0;
	v2 = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (v2) {
		_cleanup_free_ char *own = strdup(strchr(v2, '/') ? strchr(v2, '/') : "");

		if (own)
			own[strcspn(own, "\n")] = '\0';
		if (own && is_below(t, own))
			holds |= TARGETS_IN_CGROUP;
	}
	cgroup = (char *)(uintptr_t)cgroup_path_of_proc(text, &len);
	if (!cgroup)
		return holds;
	cgroup[len] = '\0';
	if (targets_has_cgroup(t, cgroup))
		holds |= WIRE_IN_CONTAINER;
	return holds;
}

uint8_t targets_look(const struct targets *t, uint32_t tgid, const char *comm)
{
	uint8_t holds = 0;

	if (t->asked & WIRE_OF_COMM && targets_has_comm(t, comm))
		holds |= WIRE_OF_COMM;
	if (t->asked & WIRE_OF_USER && is_of_user(t, tgid))
		holds |= WIRE_OF_USER;
	if (t->expected & (WIRE_IN_CONTAINER | TARGETS_IN_CGROUP))
		holds |= look_at_cgroups(t, tgid) & t->expected;
	return holds;
}

void targets_done(struct targets *t)
{
	array_each(&t->comms, re)
		regfree(re);
	array_free(&t->comms);
	array_free(&t->users);
	array_free(&t->containers);
	array_each(&t->cgroups, path)
		free(*path);
	array_free(&t->cgroups);
}
