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
#include "clock.h"
#include "fdutil.h"
#include "hash.h"
#include "rootopen.h"

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

/* The last component of the path @path, of @n bytes, and in *@n how long it is. */
static const char *last_component(const char *path, size_t *n)
{
	const char *slash = memrchr(path, '/', *n);

	if (!slash)
		return path;
	*n -= (size_t)(slash + 1 - path);
	return slash + 1;
}

/* Whether @fd was opened at the name @name, which may be that in another root. */
static bool has_name(int fd, const char *name)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	char link[64], path[PATH_MAX];
	size_t n = strlen(name), n_own;
	const char *own;
	ssize_t got;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, path, sizeof(path));
	if (got < 0)
		return false;
	n_own = (size_t)got;
	if (n_own > tail && memcmp(path + n_own - tail, deleted, tail) == 0)
		n_own -= tail;
	own = last_component(path, &n_own);
	name = last_component(name, &n);
	return n == n_own && memcmp(name, own, n) == 0;
}

/*
 * Whether @fd is what @a shows, of the path @name: the process may have gone on to another program
 * meanwhile. Where a file system shows other numbers in maps than in stat(2), the name has to tell.
 */
static bool is_file_of(int fd, const struct vm_area *a, const char *name)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	return st.st_ino == a->ino ||
	       (fstatfs(fd, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC && has_name(fd, name));
}

/* The file behind the area itself, also when its path is deleted or in another mount namespace. */
static int open_map_file(pid_t pid, const struct vm_area *a, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[96];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, a->start,
		 a->end);
	r = root_open_regular(-1, path, &fd);
	if (r < 0)
		return r;
	return is_file_of(fd, a, name) ? take_fd(&fd) : -ESTALE;
}

/* Whether a file of this file system has another device in maps than in stat(2). */
static bool hides_device(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC);
}

/* How sure it is that a name means the same below a root as to the process that mapped it. */
enum root_kind {
	ROOT_OWN,    /* it is the root of the process: the inode number tells */
	ROOT_LIKELY, /* the device has to be right, too, where that can be told */
	ROOT_OTHER,  /* it has to be right */
};

/* The file @name below the directory @root_fd (-1: where we are), if it still is the mapped inode. */
static int open_by_name(int root_fd, enum root_kind kind, const struct vm_area *a, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	r = root_open_regular(root_fd, name, &fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0 || st.st_ino != a->ino)
		return -ESTALE;
	if (kind == ROOT_OWN || st.st_dev == a->dev || (kind == ROOT_LIKELY && hides_device(fd)))
		return take_fd(&fd);
	return -ESTALE;
}

/* The file @name as process @pid, whose root looks like ours, sees it: its mounts may be others. */
static int open_at_process(pid_t pid, const struct vm_area *a, const char *name)
{
	_cleanup_close_ int root = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : open_by_name(root, ROOT_OWN, a, name);
}

/* The file @name in the root of another process, or where we are. */
static int open_anywhere(const struct roottab *roots, enum root_kind kind, const struct vm_area *a,
			 const char *name, int *ret_root)
{
	int fd;

	array_each(&roots->roots, r) {
		fd = open_by_name(r->fd, kind, a, name);
		if (fd < 0)
			continue;
		*ret_root = r->fd;
		return fd;
	}
	fd = open_by_name(-1, kind, a, name);
	if (fd >= 0)
		*ret_root = -1;
	return fd;
}

/*
 * The file of @a and the root that it lies below, -1 = ours: the mapped one as long as the process
 * is there, else by its name. A process may have mapped it below another root than it has now.
 */
static int open_file(struct roottab *roots, pid_t pid, const struct vm_area *a, const char *name,
		     int *ret_root)
{
	int r = roottab_of(roots, pid, ret_root),
	    fd = r == -ESRCH ? r : open_map_file(pid, a, name);

	if (fd >= 0)
		return fd;
	if (*ret_root >= 0) {
		fd = open_by_name(*ret_root, ROOT_OWN, a, name);
		return fd >= 0 ? fd : open_anywhere(roots, ROOT_OTHER, a, name, ret_root);
	}
	fd = open_at_process(pid, a, name);
	return fd >= 0 || r == -ENOSPC ? fd : open_anywhere(roots, ROOT_LIKELY, a, name, ret_root);
}

/* --- the identity of a file ------------------------------------------------------------------- */

#define END_BYTES 4096 /* at both ends of a file: build id and section headers are mostly there */

/* A hash of the ends of @fd, which has @size bytes. */
static uint64_t hash_ends(int fd, uint64_t size)
{
	uint64_t hash = hash_u64(size);
	uint8_t buf[END_BYTES];
	ssize_t n = pread(fd, buf, sizeof(buf), 0);

	if (n > 0)
		hash = hash_add(hash, hash_bytes(buf, (size_t)n));
	if (size > sizeof(buf)) {
		n = pread(fd, buf, sizeof(buf), (off_t)(size - sizeof(buf)));
		if (n > 0)
			hash = hash_add(hash, hash_bytes(buf, (size_t)n));
	}
	return hash;
}

static uint64_t mtime_of(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st->st_mtim.tv_nsec;
}

static bool is_elf(int fd)
{
	char magic[4];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic,
									     "\x7f"
									     "ELF",
									     sizeof(magic)) == 0;
}

static void read_identity(struct object *o)
{
	struct stat st;

	if (fstat(o->fd, &st) < 0)
		return;
	o->is_elf = is_elf(o->fd);
	o->size = (uint64_t)st.st_size;
	o->mtime_ns = mtime_of(&st);
	o->ends = hash_ends(o->fd, o->size);
}

/*
 * Whether the file, which is held open so that its inode stays its own, has been written over. One
 * that was written with the same has not.
 */
static bool is_overwritten(struct object *o)
{
	struct object now = { .fd = o->fd };
	struct stat st;

	if (!o->is_elf || fstat(o->fd, &st) < 0)
		return false;
	if ((uint64_t)st.st_size == o->size && mtime_of(&st) == o->mtime_ns)
		return false;
	read_identity(&now);
	if (now.size != o->size || now.ends != o->ends)
		return true;
	o->mtime_ns = now.mtime_ns;
	return false;
}

void objtab_settle(struct objtab *t)
{
	array_each(&t->objects, o) {
		if (o->kind != OBJECT_FILE || o->fd < 0 || !o->is_elf)
			continue;
		/* Its time can be put back: here the ends are looked at in any case. */
		if (!o->outdated && !is_overwritten(o) && hash_ends(o->fd, o->size) == o->ends)
			continue;
		close(take_fd(&o->fd));
		t->open_files--;
		t->overwritten++;
	}
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
	if (o->kind != OBJECT_FILE && o->kind != OBJECT_VDSO)
		return;
	if (t->open_files >= t->max_open_files) {
		t->refused++;
		return;
	}
	if (o->kind == OBJECT_VDSO)
		o->fd = open_vdso(a);
	else
		o->fd = open_file(&t->roots, pid, a, o->name, &o->root_fd);
	if (o->fd < 0) {
		o->fd = -1;
		return;
	}
	t->open_files++;
	if (o->kind == OBJECT_FILE)
		read_identity(o);
	if (elf_build_id(o->fd, o->build_id) < 0)
		o->build_id[0] = '\0';
}

static bool same_object(const struct object *o, enum object_kind kind, const struct vm_area *a,
			const char *name)
{
	if (o->kind != kind || o->outdated)
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
static bool is_program(struct roottab *roots, pid_t pid, const struct vm_area *a, const char *name)
{
	int root, fd = open_file(roots, pid, a, name, &root);
	bool is;

	if (fd < 0)
		return true; /* its name tells more than that it is somebody's memory */
	is = is_elf(fd);
	close(fd);
	return is;
}

static int64_t object_of(struct objtab *t, pid_t pid, const struct vm_area *a, const char *name)
{
	struct object o = {
		.kind = kind_of(a, name), .dev = a->dev, .ino = a->ino, .fd = -1, .root_fd = -1
	};
	uint64_t hash;

	if (o.kind == OBJECT_FILE && is_memory(name) && !is_program(&t->roots, pid, a, name))
		o.kind = OBJECT_ANON;
	hash = hash_u64(o.kind);
	if (o.kind == OBJECT_FILE)
		hash = hash_add(hash_add(hash, a->dev), a->ino);
	else if (o.kind == OBJECT_OTHER)
		hash = hash_add(hash, hash_bytes(name, strlen(name)));
	hindex_each(&t->object_index, hash, i)
		if (same_object(&t->objects.items[i], o.kind, a, name)) {
			struct object *known = &t->objects.items[i];

			if (o.kind == OBJECT_FILE && known->fd < 0)
				open_object(t, pid, a, known); /* now, perhaps */
			else if (o.kind == OBJECT_FILE && is_overwritten(known))
				known->outdated = true;
			if (!known->outdated)
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
