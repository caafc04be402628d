/* SPDX-License-Identifier: Apache-2.0 */
#include "containers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgrouppath.h"
#include "cleanup.h"
#include "sampler.h"
#include "targets.h"
#include "wire.h"

#define DEPTH_MAX 24 /* of cgroups that are looked into */

/* Where @path ends that names the container: "/a/docker-ID.scope/init" is in one, but not its
 * cgroup. */
static bool is_whole_container(const char *path)
{
	struct cgroup_names names;

	cgroup_path_parse(path, &names);
	return names.container[0] && names.container_len == strlen(path);
}

static int open_below(const struct containers *c, const char *path)
{
	char full[2 * PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", c->mount, path);
	return open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Gives the places of containers that are gone back. */
static void forget_gone(struct containers *c)
{
	for (size_t i = 0; i < c->places.n; i++) {
		_cleanup_close_ int fd = -1;

		if (!c->places.items[i])
			continue;
		fd = open_below(c, c->places.items[i]);
		if (fd >= 0 || errno != ENOENT)
			continue;
		sampler_drop_container(c->sampler, i);
		free(c->places.items[i]);
		c->places.items[i] = NULL;
	}
}

/* A free place, or as many as there may be. */
static size_t free_place(struct containers *c)
{
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < c->places.n; i++)
			if (!c->places.items[i])
				return i;
		if (c->places.n < WIRE_MAX_CONTAINERS)
			return array_push(&c->places, NULL) < 0 ? WIRE_MAX_CONTAINERS
								: c->places.n - 1;
		forget_gone(c);
	}
	return WIRE_MAX_CONTAINERS;
}

static bool is_known(const struct containers *c, const char *path)
{
	array_each(&c->places, known)
		if (*known && strcmp(*known, path) == 0)
			return true;
	return false;
}

static void add(struct containers *c, const char *path, int fd)
{
	char *copy;
	size_t i;

	if (is_known(c, path))
		forget_gone(c); /* one of the same name was here before */
	if (is_known(c, path))
		return;
	i = free_place(c);
	copy = i < WIRE_MAX_CONTAINERS ? strdup(path) : NULL;
	if (!copy || sampler_set_container(c->sampler, i, fd) < 0) {
		free(copy);
		c->refused++;
		return;
	}
	c->places.items[i] = copy;
}

void containers_born(struct containers *c, const char *path)
{
	_cleanup_close_ int fd = -1;

	if (!c->mount || !is_whole_container(path) || !targets_has_cgroup(c->targets, path))
		return;
	fd = open_below(c, path);
	if (fd >= 0)
		add(c, path, fd);
}

/* Looks at the cgroup @path, open as @fd (taken), and at those below it. */
static void look_below(struct containers *c, int fd, const char *path, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char below[PATH_MAX];
	struct dirent *d;

	if (is_whole_container(path) && targets_has_cgroup(c->targets, path)) {
		add(c, path, fd); /* with all that is below it */
		close(fd);
		return;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while (depth < DEPTH_MAX && (d = readdir(dir))) {
		int next;

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, d->d_name) >= (int)sizeof(below))
			continue;
		next = openat(dirfd(dir), d->d_name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next >= 0)
			look_below(c, next, below, depth + 1);
	}
}

int containers_init(struct containers *c, const struct targets *targets, struct sampler *sampler)
{
	char mount[PATH_MAX];
	int fd;

	*c = (struct containers){ .targets = targets, .sampler = sampler };
	if (cgroup_mount(mount, sizeof(mount)) < 0)
		return 0;
	c->mount = strdup(mount);
	if (!c->mount)
		return -ENOMEM;
	fd = open_below(c, "");
	if (fd >= 0)
		look_below(c, fd, "", 0);
	return 0;
}

size_t containers_count(const struct containers *c)
{
	size_t n = 0;

	array_each(&c->places, path)
		n += *path != NULL;
	return n;
}

void containers_done(struct containers *c)
{
	array_each(&c->places, path)
		free(*path);
	array_free(&c->places);
	free(c->mount);
}
