/* SPDX-License-Identifier: Apache-2.0 */
#include "objtab.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "aspace.h"
#include "cleanup.h"
#include "fdutil.h"
#include "hash.h"

/* A process that maps ever new places must not cost ever more memory; about 40 MB at the limit. */
#define MAPPINGS_MAX (1 << 20)

void objtab_init(struct objtab *t, size_t max_open_files)
{
	*t = (struct objtab){ .max_open_files = max_open_files };
}

void objtab_done(struct objtab *t)
{
	array_each(&t->objects, o) {
		if (o->fd >= 0)
			close(o->fd);
		free(o->name);
	}
	roottab_done(&t->roots);
	array_free(&t->objects);
	array_free(&t->mappings);
	hindex_free(&t->object_index);
	hindex_free(&t->mapping_index);
}

static enum object_kind kind_of(const struct vm_area *a, const char *name)
{
	if (strcmp(name, "[vdso]") == 0)
		return OBJECT_VDSO;
	if (a->ino && name[0] == '/')
		return strncmp(name, "//anon", 6) == 0 ? OBJECT_ANON : OBJECT_FILE;
	if (!name[0] || strncmp(name, "[anon", 5) == 0 || strcmp(name, "[heap]") == 0 ||
	    strcmp(name, "[stack]") == 0)
		return OBJECT_ANON;
	return OBJECT_OTHER;
}

/*
 * Whether @fd is what @a shows: the process may have gone on to another program meanwhile. Where a
 * file system shows other numbers in maps than in stat(2), nobody can tell.
 */
static bool is_file_of(int fd, const struct vm_area *a)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	return st.st_ino == a->ino || (fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC);
}

/* The file behind the area itself, also when its path is deleted or in another mount namespace. */
static int open_map_file(pid_t pid, const struct vm_area *a)
{
	_cleanup_close_ int fd = -1;
	char path[96];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, a->start,
		 a->end);
	r = open_regular(AT_FDCWD, path, &fd);
	if (r < 0)
		return r;
	return is_file_of(fd, a) ? take_fd(&fd) : -ESTALE;
}

/* The path under @root, as the process sees it or as we do, if it still names the mapped inode. */
static int open_by_name(const char *root, const struct vm_area *a, const char *name)
{
	char path[PATH_MAX + 32];
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%s%s", root, name);
	r = open_regular(AT_FDCWD, path, &fd);
	if (r < 0)
		return r;
	/* The device may differ (overlayfs, btrfs show another one in maps); the inode may not. */
	if (fstat(fd, &st) < 0 || st.st_ino != a->ino)
		return -ESTALE;
	return take_fd(&fd);
}

/* The file of @a: by the process as long as it is there, then by its name where we are. */
static int open_file(pid_t pid, const struct vm_area *a, const char *name)
{
	int fd = open_map_file(pid, a);
	char root[32];

	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	if (fd < 0)
		fd = open_by_name(root, a, name);
	return fd < 0 ? open_by_name("", a, name) : fd;
}

/* Our own vDSO in a file of its own: the kernel maps the same one into every 64-bit process. */
static int open_vdso(const struct vm_area *a)
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	size_t size = (size_t)(a->end - a->start);
	_cleanup_free_ char *maps = NULL;
	_cleanup_close_ int fd = -1;
	char own[64];
	size_t n;

	if (!vdso || read_whole_file("/proc/self/maps", 16 << 20, &maps, &n) < 0)
		return -ENOENT;
	snprintf(own, sizeof(own), "%" PRIxPTR "-%" PRIxPTR " ", (uintptr_t)vdso,
		 (uintptr_t)vdso + size);
	if (!strstr(maps, own))
		return -ENOENT; /* another size: the vDSO of a 32-bit process */
	fd = memfd_create("wick-vdso", MFD_CLOEXEC);
	if (fd < 0 || write(fd, vdso, size) != (ssize_t)size)
		return -errno;
	return take_fd(&fd);
}

/* Opens @o, which @a of process @pid shows, if that can be done, and reads what is in it. */
static void open_object(struct objtab *t, pid_t pid, const struct vm_area *a, struct object *o)
{
	if (t->open_files >= t->max_open_files)
		return;
	if (o->kind == OBJECT_VDSO)
		o->fd = open_vdso(a);
	else if (o->kind == OBJECT_FILE)
		o->fd = open_file(pid, a, o->name);
	if (o->fd < 0) {
		o->fd = -1;
		return;
	}
	t->open_files++;
	if (o->kind == OBJECT_FILE)
		o->root_fd = roottab_of(&t->roots, pid);
	if (elf_build_id(o->fd, o->build_id) < 0)
		o->build_id[0] = '\0';
}

static bool same_object(const struct object *o, enum object_kind kind, const struct vm_area *a,
			const char *name)
{
	if (o->kind != kind)
		return false;
	if (kind == OBJECT_FILE)
		return o->dev == a->dev && o->ino == a->ino && strcmp(o->name, name) == 0;
	return kind != OBJECT_OTHER || strcmp(o->name, name) == 0;
}

/* Whether @name is one that the kernel gives to memory that several mappings share. */
static bool is_memory(const char *name)
{
	static const char *const names[] = { "/memfd:", "/dev/zero", "/dev/shm/", "/SYSV",
					     "/anon_hugepage" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* Programs and libraries are run from such memory, too. */
static bool is_program(pid_t pid, const struct vm_area *a, const char *name)
{
	int fd = open_file(pid, a, name);
	char magic[4];
	bool is;

	if (fd < 0)
		return true; /* its name tells more than that it is somebody's memory */
	is = pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic,
									   "\x7f"
									   "ELF",
									   sizeof(magic)) == 0;
	close(fd);
	return is;
}

static int64_t object_of(struct objtab *t, pid_t pid, const struct vm_area *a, const char *name)
{
	struct object o = { .kind = kind_of(a, name), .dev = a->dev, .ino = a->ino, .fd = -1,
			    .root_fd = -1 };
	uint64_t hash;

	if (o.kind == OBJECT_FILE && is_memory(name) && !is_program(pid, a, name))
		o.kind = OBJECT_ANON;
	hash = hash_u64(o.kind);
	if (o.kind == OBJECT_FILE)
		hash = hash_add(hash_add(hash, a->dev), a->ino);
	else if (o.kind == OBJECT_OTHER)
		hash = hash_add(hash, hash_bytes(name, strlen(name)));
	hindex_each(&t->object_index, hash, i)
		if (same_object(&t->objects.items[i], o.kind, a, name)) {
			if (o.kind == OBJECT_FILE && t->objects.items[i].fd < 0)
				open_object(t, pid, a, &t->objects.items[i]); /* now, perhaps */
			return i;
		}
	o.name = strdup(o.kind == OBJECT_ANON ? "//anon" : name);
	if (!o.name)
		return -ENOMEM;
	open_object(t, pid, a, &o);
	/* The index never names an object that is not there. */
	if (array_reserve(&t->objects, 1) < 0 ||
	    hindex_add(&t->object_index, hash, (uint32_t)t->objects.n) < 0) {
		free(o.name);
		if (o.fd >= 0) {
			close(o.fd);
			t->open_files--;
		}
		return -ENOMEM;
	}
	t->objects.items[t->objects.n++] = o;
	return (int64_t)t->objects.n - 1;
}

int64_t objtab_mapping(struct objtab *t, pid_t pid, const struct vm_area *a, const char *name)
{
	int64_t object = object_of(t, pid, a, name);
	struct mapping m = { .start = a->start, .limit = a->end, .file_off = a->file_off };
	uint64_t hash;

	if (t->mappings.n >= MAPPINGS_MAX)
		return -ENOSPC;
	if (object < 0)
		return object;
	m.object = (uint32_t)object;
	/* Anonymous memory has no offsets to tell its areas apart; its addresses serve, as in perf.
	 */
	if (t->objects.items[object].kind == OBJECT_ANON)
		m.file_off = m.start;
	hash = hash_add(hash_add(hash_u64(m.object), m.file_off), m.limit - m.start);
	hindex_each(&t->mapping_index, hash, i) {
		const struct mapping *k = &t->mappings.items[i];

		if (k->object == m.object && k->limit - k->start == m.limit - m.start &&
		    k->file_off == m.file_off)
			return i;
	}
	if (array_reserve(&t->mappings, 1) < 0 ||
	    hindex_add(&t->mapping_index, hash, (uint32_t)t->mappings.n) < 0)
		return -ENOMEM;
	t->mappings.items[t->mappings.n++] = m;
	return (int64_t)t->mappings.n - 1;
}
