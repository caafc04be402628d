/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of indexes: whose it is, and that it does not grow for ever. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "symstore_format.h"

enum {
	LEFTOVER_S = 3600, /* the age at which a file that nobody finished is removed */
};

int symstore_path(const char *dir, const char *key, char *ret, size_t size)
{
	struct stat st;
	int n;

	if (!key[0] || key[0] == '.' || strchr(key, '/') || strlen(key) > STORE_KEY_MAX)
		return -EINVAL;
	n = snprintf(ret, size, "%s/%s" STORE_SUFFIX, dir, key);
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	if (stat(dir, &st) < 0)
		return -errno;
	/* Who can write there decides what is read, and where a name leads. */
	if (!S_ISDIR(st.st_mode) || st.st_mode & S_IWOTH ||
	    (st.st_uid != geteuid() && st.st_uid != 0))
		return -EPERM;
	return 0;
}

int symstore_make_folder(const char *dir)
{
	_cleanup_free_ char *parent = strdup(dir);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || !slash || slash == parent)
		return -errno;
	*slash = '\0';
	if (mkdir(parent, 0700) < 0 && errno != EEXIST)
		return -errno;
	return mkdir(dir, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

struct entry {
	char *name;
	uint64_t bytes;
	struct timespec used;
};

static int by_age(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->used.tv_sec != b->used.tv_sec)
		return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
	return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

static bool is_index(const char *name)
{
	size_t n = strlen(name), suffix = strlen(STORE_SUFFIX);

	return n > suffix && strcmp(name + n - suffix, STORE_SUFFIX) == 0;
}

/* What a writer that was killed left behind: the name of an index, a dot and six letters. */
static bool is_leftover(const char *name, const struct stat *st)
{
	const char *suffix = strstr(name, STORE_SUFFIX ".");

	return suffix && strlen(suffix) == strlen(STORE_SUFFIX ".XXXXXX") &&
	       st->st_mtim.tv_sec + LEFTOVER_S < time(NULL);
}

void symstore_trim_folder(const char *dir, uint64_t max)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	ARRAY(struct entry) entries = { 0 };
	uint64_t sum = 0;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct entry entry;
		struct stat st;

		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (is_leftover(e->d_name, &st))
			unlinkat(dirfd(d), e->d_name, 0);
		if (!is_index(e->d_name))
			continue;
		entry = (struct entry){ strdup(e->d_name), (uint64_t)st.st_size, st.st_mtim };
		if (!entry.name || array_push(&entries, entry) < 0) {
			free(entry.name);
			break;
		}
		sum += entry.bytes;
	}
	if (entries.n > 0)
		qsort(entries.items, entries.n, sizeof(*entries.items), by_age);
	array_each(&entries, old) {
		if (sum > max && unlinkat(dirfd(d), old->name, 0) == 0)
			sum -= old->bytes;
		free(old->name);
	}
	array_free(&entries);
}
