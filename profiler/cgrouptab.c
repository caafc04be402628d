/* SPDX-License-Identifier: Apache-2.0 */
#include "cgrouptab.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgrouppath.h"
#include "cleanup.h"
#include "fdutil.h"
#include "hash.h"

#define MAX_ENTRIES   65536
#define MAX_BYTES     (32u << 20) /* of strings */
#define SCAN_MAX      16384	  /* groups that a walk looks at */
#define SCAN_DEPTH    24
#define KERNFS_HANDLE 0xfe /* FILEID_KERNFS: the handle is the id */

/* What /proc says of wick's own groups tells which hierarchies there are. */
static void find_hierarchies(struct cgrouptab *t)
{
	_cleanup_free_ char *text = NULL;
	char mount[PATH_MAX];
	size_t n;

	t->mount_fd = -1;
	if (cgroup_mount(mount, sizeof(mount)) == 0) {
		t->mount_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		t->mount = strdup(mount);
	}
	if (read_whole_file("/proc/self/cgroup", 1 << 16, &text, &n) < 0)
		return;
	for (const char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");

		next = line + len + (line[len] == '\n');
		if (strncmp(line, "0::", 3) == 0)
			continue;
		t->has_v1 = true;
		t->foreign_ids |= memmem(line, len, "perf_event", 10) != NULL;
	}
}

int cgrouptab_init(struct cgrouptab *t)
{
	int r;

	*t = (struct cgrouptab){ .mount_fd = -1 };
	r = strtab_init(&t->strings);
	if (r < 0)
		return r;
	find_hierarchies(t);
	return 0;
}

void cgrouptab_done(struct cgrouptab *t)
{
	if (!t->strings.ents)
		return; /* never made */
	if (t->mount_fd >= 0)
		close(t->mount_fd);
	free(t->mount);
	strtab_done(&t->strings);
	array_free(&t->entries);
	array_free(&t->ids);
	hindex_free(&t->path_index);
	hindex_free(&t->id_index);
}

size_t cgrouptab_bytes(const struct cgrouptab *t)
{
	return t->strings.cap_bytes + t->strings.cap * sizeof(*t->strings.ents) +
	       t->entries.cap * sizeof(*t->entries.items) + t->ids.cap * sizeof(*t->ids.items);
}

/* --- by path --------------------------------------------------------------------------------- */

static int parse(struct cgrouptab *t, const char *path, struct cgroup_entry *ret)
{
	struct cgroup_names names;

	cgroup_path_parse(path, &names);
	if (strtab_adds(&t->strings, path, &ret->path) < 0 ||
	    strtab_adds(&t->strings, names.container, &ret->container) < 0 ||
	    strtab_adds(&t->strings, names.pod_uid, &ret->pod) < 0 ||
	    strtab_adds(&t->strings, names.unit, &ret->unit) < 0 ||
	    strtab_adds(&t->strings, names.slice, &ret->slice) < 0)
		return -ENOMEM;
	return 0;
}

uint32_t cgrouptab_by_path(struct cgrouptab *t, const char *path, size_t n)
{
	static const char deleted[] = " (deleted)";
	struct cgroup_entry fresh;
	char copy[PATH_MAX];
	uint64_t hash;

	if (n > strlen(deleted) &&
	    memcmp(path + n - strlen(deleted), deleted, strlen(deleted)) == 0)
		n -= strlen(deleted);
	if (n >= sizeof(copy))
		n = sizeof(copy) - 1;
	hash = hash_bytes(path, n);
	hindex_each(&t->path_index, hash, i) {
		uint32_t s = t->entries.items[i].path;

		if (strtab_len(&t->strings, s) == n &&
		    memcmp(strtab_get(&t->strings, s), path, n) == 0)
			return i;
	}
	if (t->entries.n >= MAX_ENTRIES || t->strings.n_bytes >= MAX_BYTES) {
		t->refused++;
		return CGROUPTAB_NONE;
	}
	memcpy(copy, path, n);
	copy[n] = '\0';
	if (parse(t, copy, &fresh) < 0 || array_reserve(&t->entries, 1) < 0 ||
	    hindex_add(&t->path_index, hash, (uint32_t)t->entries.n) < 0)
		return CGROUPTAB_NONE;
	t->entries.items[t->entries.n++] = fresh;
	return (uint32_t)t->entries.n - 1;
}

/* --- by id ----------------------------------------------------------------------------------- */

static struct cgroup_id *find_id(struct cgrouptab *t, uint64_t id)
{
	hindex_each(&t->id_index, hash_u64(id), i)
		if (t->ids.items[i].id == id)
			return &t->ids.items[i];
	return NULL;
}

static void learn(struct cgrouptab *t, uint64_t id, uint32_t entry)
{
	struct cgroup_id *known = find_id(t, id);

	if (known) {
		if (entry != CGROUPTAB_NONE)
			known->entry = entry;
		return;
	}
	if (t->ids.n >= MAX_ENTRIES || array_reserve(&t->ids, 1) < 0 ||
	    hindex_add(&t->id_index, hash_u64(id), (uint32_t)t->ids.n) < 0)
		return; /* it is asked for again */
	t->ids.items[t->ids.n++] = (struct cgroup_id){ id, entry };
}

void cgrouptab_told(struct cgrouptab *t, uint64_t id, const char *path)
{
	if (!t->foreign_ids && path[0] == '/')
		learn(t, id, cgrouptab_by_path(t, path, strlen(path)));
}

/*
 * The path of an open directory of the hierarchy, from its root as far as this process can see it:
 * 0 or -errno. Seen from a cgroup namespace, what lies outside is said to be unreachable.
 */
static int path_of(const struct cgrouptab *t, int fd, char *ret, size_t size)
{
	static const char outside[] = "(unreachable)";
	char link[48], path[PATH_MAX], *s = path;
	size_t below = strlen(t->mount);
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	if (strncmp(s, outside, strlen(outside)) == 0)
		s += strlen(outside);
	else if (strncmp(s, t->mount, below) == 0 && (s[below] == '/' || !s[below]))
		s += below;
	snprintf(ret, size, "%s", *s ? s : "/");
	return 0;
}

/* Asks the kernel for the group @id: 0 and its path, or -errno. */
static int ask(const struct cgrouptab *t, uint64_t id, char *ret, size_t size)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} handle = { .h = { .handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE } };
	_cleanup_close_ int fd = -1;

	if (t->mount_fd < 0 || !t->mount)
		return -ENOENT;
	memcpy(handle.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(t->mount_fd, &handle.h, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : path_of(t, fd, ret, size);
}

uint32_t cgrouptab_by_id(struct cgrouptab *t, uint64_t id)
{
	const struct cgroup_id *known = id ? find_id(t, id) : NULL;
	uint32_t entry = CGROUPTAB_NONE;
	char path[PATH_MAX];

	if (!id)
		return CGROUPTAB_NONE;
	if (known)
		return known->entry;
	if (ask(t, id, path, sizeof(path)) == 0)
		entry = cgrouptab_by_path(t, path, strlen(path));
	learn(t, id, entry);
	return entry;
}

/* --- the walk at the start ------------------------------------------------------------------- */

struct walk {
	struct cgrouptab *t;
	char path[PATH_MAX];
	size_t n, left;
};

/* Takes @fd, the directory at w->path. */
static void walk_dir(struct walk *w, int fd, unsigned depth)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	struct dirent *d;
	struct stat st;
	size_t n = w->n;

	if (!dir) {
		close(fd);
		return;
	}
	if (fstat(fd, &st) == 0)
		learn(w->t, st.st_ino, cgrouptab_by_path(w->t, n ? w->path : "/", n ? n : 1));
	while (depth < SCAN_DEPTH && w->left && (d = readdir(dir))) {
		int child, len;

		if (d->d_type != DT_DIR || strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0)
			continue;
		len = snprintf(w->path + n, sizeof(w->path) - n, "/%s", d->d_name);
		if (len < 0 || (size_t)len >= sizeof(w->path) - n)
			continue;
		child = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		w->left--;
		w->n = n + (size_t)len;
		walk_dir(w, child, depth + 1);
		w->n = n;
	}
}

void cgrouptab_scan(struct cgrouptab *t)
{
	struct walk w = { .t = t, .left = SCAN_MAX };
	int fd =
		t->mount_fd < 0 ? -1 : openat(t->mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		walk_dir(&w, fd, 0);
}

/* --- what an entry says ---------------------------------------------------------------------- */

bool cgrouptab_is_root(const struct cgrouptab *t, uint32_t entry)
{
	return strcmp(strtab_get(&t->strings, t->entries.items[entry].path), "/") == 0;
}

uint32_t cgrouptab_better(const struct cgrouptab *t, uint32_t a, uint32_t b)
{
	if (a == CGROUPTAB_NONE)
		return b;
	if (b == CGROUPTAB_NONE || t->entries.items[a].container)
		return a;
	return t->entries.items[b].container || cgrouptab_is_root(t, a) ? b : a;
}
