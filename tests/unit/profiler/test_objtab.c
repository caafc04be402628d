/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "allocfail.h"
#include "aspace.h"
#include "fdutil.h"
#include "objtab.h"
#include "scratch.h"

static struct aspace *own_aspace(void)
{
	struct aspace *as;
	char *text;
	size_t n;

	cr_assert_eq(read_whole_file("/proc/self/maps", 16 << 20, &text, &n), 0);
	cr_assert_eq(aspace_parse(text, SIZE_MAX, &as), 0);
	free(text);
	return as;
}

/* Enters every area of this process: 0 or what went wrong. */
static int enter_own(struct objtab *t, struct aspace *as)
{
	array_each(&as->areas, a) {
		int64_t m = objtab_mapping(t, getpid(), a, aspace_name(as, a));

		if (m < 0)
			return (int)m;
		a->mapping = (uint32_t)m;
	}
	return 0;
}

/* The object that holds @addr of this process. */
static const struct object *object_at(const struct objtab *t, const struct aspace *as,
				      uintptr_t addr)
{
	const struct vm_area *a = aspace_find(as, addr, 0);

	cr_assert_not_null(a);
	return &t->objects.items[t->mappings.items[a->mapping].object];
}

Test(objtab, opens_the_files_of_a_process_once)
{
	struct aspace *as = own_aspace();
	const struct object *self, *libc;
	struct objtab t;
	size_t objects, mappings;

	objtab_init(&t, 100);
	cr_assert_eq(enter_own(&t, as), 0);
	objects = t.objects.n;
	mappings = t.mappings.n;
	cr_assert_eq(enter_own(&t, as), 0);
	cr_expect_eq(t.objects.n, objects);
	cr_expect_eq(t.mappings.n, mappings);
	self = object_at(&t, as, (uintptr_t)own_aspace);
	libc = object_at(&t, as, (uintptr_t)getpid);
	cr_expect_eq(self->kind, OBJECT_FILE);
	cr_expect_geq(self->fd, 0);
	cr_expect_geq(libc->fd, 0);
	cr_expect_neq(self, libc);
	cr_expect_not_null(strstr(self->name, "unit-profiler"));
	cr_expect_gt(strlen(libc->build_id), 16, "Debian's libc has a build id");
	objtab_done(&t);
	aspace_unref(as);
}

Test(objtab, vdso_is_an_elf_file_of_its_own)
{
	struct aspace *as = own_aspace();
	struct objtab t;
	size_t n = 0;

	objtab_init(&t, 100);
	cr_assert_eq(enter_own(&t, as), 0);
	array_each(&t.objects, o) {
		if (o->kind != OBJECT_VDSO)
			continue;
		cr_expect_str_eq(o->name, "[vdso]");
		cr_expect_geq(o->fd, 0);
		cr_expect_gt(strlen(o->build_id), 0);
		n++;
	}
	cr_expect_leq(n, 1);
	objtab_done(&t);
	aspace_unref(as);
}

Test(objtab, keeps_no_more_files_open_than_allowed)
{
	struct aspace *as = own_aspace();

	for (size_t max = 0; max < 3; max++) {
		struct objtab t;
		size_t n = 0;

		objtab_init(&t, max);
		cr_assert_eq(enter_own(&t, as), 0);
		array_each(&t.objects, o)
			n += o->fd >= 0;
		cr_expect_eq(n, max);
		cr_expect_eq(t.open_files, max);
		objtab_done(&t);
	}
	aspace_unref(as);
}

/* --- files that change ---------------------------------------------------------------------------
 */

#define FILE_BYTES 20000

static struct scratch_dir own_dir;

static void enter_dir(void)
{
	scratch_enter(&own_dir);
}

static void leave_dir(void)
{
	scratch_leave(&own_dir);
}

TestSuite(objtab_files, .init = enter_dir, .fini = leave_dir);

/* The path of a file of the test's own. */
static const char *scratch_path(const char *name)
{
	static char paths[4][128];
	static unsigned n;
	char *path = paths[n++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", own_dir.path, name);
	return path;
}

/* A file whose bytes are all @byte, written over if it is there. */
static void fill(const char *path, char byte)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char *bytes = malloc(FILE_BYTES);

	cr_assert_geq(fd, 0);
	memset(bytes, byte, FILE_BYTES);
	memcpy(bytes,
	       "\x7f"
	       "ELF",
	       4);
	cr_assert_eq(write(fd, bytes, FILE_BYTES), FILE_BYTES);
	free(bytes);
	close(fd);
}

/* Any time, but for the last change. */
static void set_time(const char *path, time_t s)
{
	const struct timespec t[2] = { { .tv_sec = s }, { .tv_sec = s } };

	cr_assert_eq(utimensat(AT_FDCWD, path, t, 0), 0);
}

/* The object of the file as a process that is gone has it mapped. */
static const struct object *object_of_file(struct objtab *t, const char *path)
{
	struct vm_area a = { .start = 0x1000, .end = 0x2000 };
	struct stat st;
	int64_t m;

	cr_assert_eq(stat(path, &st), 0);
	a.dev = st.st_dev;
	a.ino = st.st_ino;
	m = objtab_mapping(t, 5000001, &a, path);
	cr_assert_geq(m, 0);
	return &t->objects.items[t->mappings.items[m].object];
}

Test(objtab_files, a_file_that_is_written_over_is_another_object)
{
	const char *path = scratch_path("prog");
	struct objtab t;
	size_t first, second;

	objtab_init(&t, 100);
	fill(path, 'a');
	set_time(path, 1000);
	first = (size_t)(object_of_file(&t, path) - t.objects.items);
	cr_assert_geq(t.objects.items[first].fd, 0);
	cr_expect_eq((size_t)(object_of_file(&t, path) - t.objects.items), first);
	set_time(path, 2000);
	cr_expect_eq((size_t)(object_of_file(&t, path) - t.objects.items), first,
		     "it was touched, and holds the same");
	fill(path, 'b');
	second = (size_t)(object_of_file(&t, path) - t.objects.items);
	cr_expect_neq(second, first);
	cr_expect_eq((size_t)(object_of_file(&t, path) - t.objects.items), second);
	objtab_settle(&t);
	cr_expect_eq(t.objects.items[first].fd, -1, "nobody knows any more what it held");
	cr_expect_geq(t.objects.items[second].fd, 0);
	cr_expect_eq(t.overwritten, 1);
	cr_expect_eq(t.open_files, 1);
	objtab_done(&t);
}

/* Such as a jitdump, which is mapped to be found and grows. */
Test(objtab_files, what_is_no_program_may_change)
{
	const char *path = scratch_path("jit-1.dump");
	struct objtab t;
	const struct object *o;

	objtab_init(&t, 100);
	scratch_write(path, "JiTD and so on");
	o = object_of_file(&t, path);
	scratch_write(path, "JiTD and so on, and on");
	cr_expect_eq(object_of_file(&t, path), o);
	objtab_settle(&t);
	cr_expect_geq(o->fd, 0);
	objtab_done(&t);
}

Test(objtab_files, a_file_is_not_trusted_for_its_time)
{
	const char *path = scratch_path("prog");
	struct objtab t;
	const struct object *o;

	objtab_init(&t, 100);
	fill(path, 'a');
	set_time(path, 1000);
	o = object_of_file(&t, path);
	fill(path, 'b');
	set_time(path, 1000);
	objtab_settle(&t);
	cr_expect_eq(o->fd, -1);
	objtab_done(&t);
}

Test(objtab_files, a_file_that_was_removed_is_as_it_was)
{
	const char *path = scratch_path("prog");
	struct objtab t;
	const struct object *o;

	objtab_init(&t, 100);
	fill(path, 'a');
	o = object_of_file(&t, path);
	unlink(path);
	objtab_settle(&t);
	cr_expect_geq(o->fd, 0);
	objtab_done(&t);
}

/* A process that is gone had it mapped; what has its name now is no file, or is another one. */
Test(objtab_files, opens_nothing_but_the_file_itself)
{
	const char *path = scratch_path("prog"), *other = scratch_path("other");
	struct vm_area a = { .start = 0x1000, .end = 0x2000 };
	struct objtab t;
	struct stat st;

	objtab_init(&t, 100);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(object_of_file(&t, path)->fd, -1);
	unlink(path);
	fill(other, 'x');
	cr_assert_eq(symlink(other, path), 0);
	cr_assert_eq(lstat(path, &st), 0);
	a.dev = st.st_dev;
	a.ino = st.st_ino;
	cr_expect_eq(
		t.objects.items[t.mappings.items[objtab_mapping(&t, 5000001, &a, path)].object].fd,
		-1);
	/* Of that number, but on another device. */
	cr_assert_eq(stat(other, &st), 0);
	a.dev = st.st_dev + 1;
	a.ino = st.st_ino;
	cr_expect_eq(
		t.objects.items[t.mappings.items[objtab_mapping(&t, 5000001, &a, other)].object].fd,
		-1);
	objtab_done(&t);
}

Test(objtab_files, says_how_often_there_was_no_room)
{
	const char *path = scratch_path("prog");
	struct objtab t;

	objtab_init(&t, 0);
	fill(path, 'a');
	cr_expect_eq(object_of_file(&t, path)->fd, -1);
	cr_expect_eq(t.refused, 1);
	objtab_done(&t);
}

Test(objtab, closes_what_it_opened)
{
	struct aspace *as = own_aspace();
	unsigned before = scratch_count("/proc/self/fd");
	struct objtab t;

	objtab_init(&t, 100);
	cr_assert_eq(enter_own(&t, as), 0);
	cr_expect_gt(scratch_count("/proc/self/fd"), before);
	objtab_done(&t);
	cr_expect_eq(scratch_count("/proc/self/fd"), before);
	aspace_unref(as);
}

/* The kind of a memory file that begins with @text and is mapped as code. */
static enum object_kind kind_of_memory(const char *text)
{
	int fd = memfd_create("test-code", MFD_CLOEXEC);
	struct aspace *as;
	struct objtab t;
	enum object_kind kind;
	void *code;

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	cr_assert_neq(code, MAP_FAILED);
	as = own_aspace();
	objtab_init(&t, 100);
	cr_assert_eq(enter_own(&t, as), 0);
	kind = object_at(&t, as, (uintptr_t)code)->kind;
	objtab_done(&t);
	aspace_unref(as);
	munmap(code, 4096);
	close(fd);
	return kind;
}

Test(objtab, memory_file_is_a_program_or_made_code)
{
	if (geteuid())
		cr_skip("needs root to open what has no name");
	cr_expect_eq(kind_of_memory("\x7f"
				    "ELF..."),
		     OBJECT_FILE);
	cr_expect_eq(kind_of_memory("\x55\x48\x89\xe5"), OBJECT_ANON);
	cr_expect_eq(kind_of_memory("\xc3"), OBJECT_ANON);
}

Test(objtab, tells_kinds_apart_by_name)
{
	static const struct {
		const char *name;
		uint64_t ino;
		enum object_kind kind;
		const char *stored;
	} t[] = {
		{ "", 0, OBJECT_ANON, "//anon" },
		{ "[anon:jit]", 0, OBJECT_ANON, "//anon" },
		{ "[anon_shmem:x]", 0, OBJECT_ANON, "//anon" },
		{ "[heap]", 0, OBJECT_ANON, "//anon" },
		{ "[stack]", 0, OBJECT_ANON, "//anon" },
		{ "//anon", 9, OBJECT_ANON, "//anon" },
		{ "[vsyscall]", 0, OBJECT_OTHER, "[vsyscall]" },
		{ "[uprobes]", 0, OBJECT_OTHER, "[uprobes]" },
		{ "/no/such/file", 12345, OBJECT_FILE, "/no/such/file" },
		{ "/memfd:x", 77, OBJECT_FILE, "/memfd:x" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct vm_area a = { .start = 0x1000, .end = 0x2000, .ino = t[i].ino };
		struct objtab tab;

		objtab_init(&tab, 10);
		cr_assert_eq(objtab_mapping(&tab, getpid(), &a, t[i].name), 0);
		cr_expect_eq(tab.objects.items[0].kind, t[i].kind, "'%s'", t[i].name);
		cr_expect_str_eq(tab.objects.items[0].name, t[i].stored);
		cr_expect_eq(tab.objects.items[0].fd, -1);
		objtab_done(&tab);
	}
}

static int64_t file_mapping(struct objtab *t, uint64_t start, uint64_t file_off, uint64_t ino)
{
	struct vm_area a = {
		.start = start, .end = start + 0x1000, .file_off = file_off, .dev = 1, .ino = ino
	};

	return objtab_mapping(t, getpid(), &a, "/no/such/lib");
}

static int64_t anon_mapping(struct objtab *t, uint64_t start)
{
	struct vm_area a = { .start = start, .end = start + 0x1000 };

	return objtab_mapping(t, getpid(), &a, "");
}

Test(objtab, mappings_of_a_file_agree_by_offset_and_anonymous_ones_by_address)
{
	struct objtab t;

	objtab_init(&t, 10);
	cr_expect_eq(file_mapping(&t, 0x10000, 0, 1), 0);
	cr_expect_eq(file_mapping(&t, 0x70000, 0, 1), 0, "another process, another address");
	cr_expect_eq(file_mapping(&t, 0x10000, 0x1000, 1), 1);
	cr_expect_eq(file_mapping(&t, 0x10000, 0, 2), 2, "another file of that name");
	cr_expect_eq(anon_mapping(&t, 0x10000), 3);
	cr_expect_eq(anon_mapping(&t, 0x20000), 4);
	cr_expect_eq(anon_mapping(&t, 0x10000), 3);
	cr_expect_eq(t.mappings.items[0].start, 0x10000, "the first one seen");
	cr_expect_eq(t.objects.n, 3);
	objtab_done(&t);
}

Test(objtab, never_takes_a_file_that_replaced_the_mapped_one)
{
	struct scratch_dir dir;
	struct aspace *as;
	const struct object *o;
	struct objtab t;
	struct stat mapped, opened;
	void *code;
	int fd;

	scratch_enter(&dir);
	scratch_write("lib", "old");
	fd = open("lib", O_RDONLY);
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	fstat(fd, &mapped);
	scratch_write("new", "new");
	cr_assert_eq(rename("new", "lib"), 0);
	if (code == MAP_FAILED)
		cr_skip("/tmp may not be executed");
	as = own_aspace();
	objtab_init(&t, 100);
	cr_assert_eq(enter_own(&t, as), 0);
	o = object_at(&t, as, (uintptr_t)code);
	/* Privilege opens the mapped one through map_files; without there is nothing to open. */
	if (o->fd >= 0) {
		cr_assert_eq(fstat(o->fd, &opened), 0);
		cr_expect_eq(opened.st_ino, mapped.st_ino);
	}
	objtab_done(&t);
	aspace_unref(as);
	close(fd);
	scratch_leave(&dir);
}

/* A process with a root of its own, until the end of the test. */
static pid_t start_in_root(const char *root)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chroot(root) < 0 || chdir("/") < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	cr_assert_gt(pid, 0);
	waitpid(pid, &status, WUNTRACED);
	if (!WIFSTOPPED(status))
		cr_skip("needs the right to change the root");
	return pid;
}

static const struct object *object_named(struct objtab *t, pid_t pid, const char *name,
					 const char *file)
{
	struct vm_area a = { .start = 0x1000, .end = 0x2000 };
	struct stat st;
	int64_t m;

	cr_assert_eq(stat(file, &st), 0);
	a.dev = st.st_dev;
	a.ino = st.st_ino;
	m = objtab_mapping(t, pid, &a, name);
	cr_assert_geq(m, 0);
	return &t->objects.items[t->mappings.items[m].object];
}

/* What is mapped nowhere is found by its name. */
Test(objtab, names_lead_nowhere_out_of_the_root_of_their_process)
{
	struct scratch_dir dir;
	const struct object *o;
	struct objtab t;
	char outside[96];
	pid_t pid;
	int root;

	scratch_enter(&dir);
	cr_assert_eq(mkdir("root", 0755), 0);
	scratch_write("outside", "secret");
	scratch_write("root/lib", "its own");
	scratch_write("root/other", "its own, too");
	cr_assert_eq(symlink("../outside", "root/up"), 0);
	pid = start_in_root("root");
	objtab_init(&t, 100);
	o = object_named(&t, pid, "/lib", "root/lib");
	cr_assert_geq(o->fd, 0);
	cr_assert_geq(o->root_fd, 0, "its debug file is there, too");
	root = o->root_fd;
	cr_expect_eq(object_named(&t, pid, "/up", "outside")->fd, -1);
	snprintf(outside, sizeof(outside), "%s/outside", dir.path);
	cr_expect_eq(object_named(&t, pid, outside, "root/other")->fd, -1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	o = object_named(&t, pid, "/other", "root/other");
	cr_expect_geq(o->fd, 0, "its root is held");
	cr_expect_eq(o->root_fd, root);
	objtab_done(&t);
	scratch_leave(&dir);
}

/* chroot(1) maps its libraries, changes its root and is another program soon. */
Test(objtab, what_was_mapped_before_the_root_was_changed_is_found)
{
	struct scratch_dir dir;
	const struct object *o;
	struct objtab t;
	char outside[96];
	pid_t pid;

	scratch_enter(&dir);
	cr_assert_eq(mkdir("root", 0755), 0);
	scratch_write("outside", "a library");
	pid = start_in_root("root");
	snprintf(outside, sizeof(outside), "%s/outside", dir.path);
	objtab_init(&t, 100);
	o = object_named(&t, pid, outside, "outside");
	cr_expect_geq(o->fd, 0);
	cr_expect_eq(o->root_fd, -1, "its debug file is where it is");
	objtab_done(&t);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	scratch_leave(&dir);
}

static struct aspace *mine;

static int enter_mine(void)
{
	struct objtab t;
	size_t n = 0;
	int r;

	objtab_init(&t, 100);
	r = enter_own(&t, mine);
	if (r == -ENOMEM) { /* the table is as good as ever */
		cr_expect_eq(enter_own(&t, mine), 0);
		array_each(&t.mappings, m)
			cr_expect_lt(m->object, t.objects.n);
		array_each(&t.objects, o)
			n += o->fd >= 0;
		cr_expect_eq(t.open_files, n);
	}
	objtab_done(&t);
	return r;
}

Test(objtab, survives_every_failed_allocation)
{
	mine = own_aspace();
	allocfail_each_tolerant(enter_mine); /* a build id that cannot be read is none */
	aspace_unref(mine);
}
