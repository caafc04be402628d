/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without symbols in a folder that plays the root of a process, "root", and its debug
 * file in all the places where it may or may not be found.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "debug_fixture.h"
#include "debugfile.h"
#include "elf_fixture.h"
#include "scratch.h"

static struct scratch_dir dir;
static const char *const no_dirs[] = { NULL };

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	alloc_fail_at(-1);
	scratch_leave(&dir);
}

TestSuite(debugfile, .init = enter, .fini = leave, .timeout = 60);

/* Asks for the debug file of @a below its root alone. */
static const char *find_in_root(const struct asking *a, const char *path, const char *expected)
{
	const struct debugfile_search s = { .root_fd = a->root, .path = path };
	int fd = -7, r = debugfile_find(&a->f, &s, &fd);

	return name_found(r, fd, (const char *const[]){ expected, NULL });
}

/* root/usr/bin/prog, without symbols, and its debug file "prog.debug"; linked to it when @link. */
static void make_program(const char *fixture, bool link)
{
	sh("mkdir -p root/usr/bin root/usr/lib/debug && objcopy --only-keep-debug %s prog.debug",
	   fixture_path(fixture));
	sh("objcopy -S %s %s root/usr/bin/prog", link ? "--add-gnu-debuglink=prog.debug" : "",
	   fixture_path(fixture));
}

Test(debugfile, finds_by_build_id)
{
	struct asking a;
	const char *at;

	make_program("names-debug", false);
	asking_open(&a, "root/usr/bin/prog");
	cr_assert_eq(strlen(a.id), 40);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", ""), ENOENT_TEXT);
	at = put_by_id("prog.debug", "root/usr/lib/debug", a.id);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), at);
	cr_expect_str_eq(find_in_root(&a, "", at), at);
	asking_close(&a);
}

Test(debugfile, asks_for_files_in_memory_too)
{
	struct asking a;
	struct elf_file mem;
	const char *at;
	uint8_t *p;
	size_t n;

	make_program("names-debug", false);
	asking_open(&a, "root/usr/bin/prog");
	at = put_by_id("prog.debug", "root/usr/lib/debug", a.id);
	p = fixture_read(a.fd, &n);
	cr_assert_eq(elf_file_open_mem(&mem, p, n), 0);
	elf_file_close(&a.f);
	a.f = mem;
	cr_expect_str_eq(find_in_root(&a, "", at), at);
	free(p);
	asking_close(&a);
}

static void check_debuglink(const char *fixture)
{
	static const char *const places[] = {
		"root/usr/bin/prog.debug",
		"root/usr/bin/.debug/prog.debug",
		"root/usr/lib/debug/usr/bin/prog.debug",
		"root/usr/lib/debug/bin/prog.debug",
	};
	struct asking a;

	make_program(fixture, true);
	asking_open(&a, "root/usr/bin/prog");
	sh("mkdir -p root/usr/bin/.debug root/usr/lib/debug/usr/bin root/usr/lib/debug/bin root/opt");
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		sh("cp prog.debug %s", places[i]);
		cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", places[i]), places[i]);
		/* Where it was called, and where the descriptor says that it is. */
		cr_expect_str_eq(find_in_root(&a, "", places[i]), places[i]);
		cr_expect_str_eq(find_in_root(&a, "/opt/link", places[i]), places[i]);
		sh("rm %s", places[i]);
		cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", ""), ENOENT_TEXT);
	}
	sh("cp prog.debug root/opt");
	cr_expect_str_eq(find_in_root(&a, "/opt/link", "root/opt/prog.debug"),
			 "root/opt/prog.debug");
	asking_close(&a);
}

Test(debugfile, finds_by_debuglink)
{
	check_debuglink("names-debug");
}

Test(debugfile, finds_by_debuglink_without_build_id)
{
	check_debuglink("names-debugnoid");
}

Test(debugfile, wants_the_checksum_without_build_id)
{
	struct asking a;
	const char *at = "root/usr/bin/prog.debug";

	make_program("names-debugnoid", true);
	asking_open(&a, "root/usr/bin/prog");
	cr_expect_str_eq(a.id, "");
	sh("cp prog.debug %s && printf x >>%s", at, at);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), ENOENT_TEXT);
	sh("cp prog.debug %s", at);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), at);
	asking_close(&a);
}

/* What was changed after the link was made, by strip or objcopy, has another checksum. */
Test(debugfile, build_id_outweighs_the_checksum)
{
	struct asking a;
	const char *at = "root/usr/bin/prog.debug";

	make_program("names-debug", true);
	asking_open(&a, "root/usr/bin/prog");
	sh("cp prog.debug %s && printf x >>%s", at, at);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), at);
	/* One without a build id of its own has only the checksum. */
	sh("objcopy -R .note.gnu.build-id prog.debug %s", at);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), ENOENT_TEXT);
	asking_close(&a);
}

Test(debugfile, refuses_another_build_id)
{
	struct asking a;
	const char *at;

	make_program("names-debug", true);
	make_other_id("prog.debug", "other.debug");
	asking_open(&a, "root/usr/bin/prog");
	at = put_by_id("other.debug", "root/usr/lib/debug", a.id);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), ENOENT_TEXT);
	asking_close(&a);
	/* Not even with the right checksum. */
	sh("mkdir d && cp other.debug d/prog.debug && cp other.debug root/usr/bin/prog.debug");
	sh("objcopy -S --add-gnu-debuglink=d/prog.debug %s root/usr/bin/prog",
	   fixture_path("names-debug"));
	asking_open(&a, "root/usr/bin/prog");
	at = "root/usr/bin/prog.debug";
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), ENOENT_TEXT);
	asking_close(&a);
}

Test(debugfile, looks_on_the_host_after_the_root)
{
	char host[128];
	const char *dirs[] = { "/nothing", host, NULL };
	const char *host_at, *root_at = "root/usr/bin/prog.debug";
	struct debugfile_search s = { .path = "/usr/bin/prog", .dirs = dirs };
	struct asking a;
	int fd = -7, r;

	snprintf(host, sizeof(host), "%s/host", dir.path);
	make_program("names-debug", true);
	asking_open(&a, "root/usr/bin/prog");
	host_at = put_by_id("prog.debug", host, a.id);
	s.root_fd = a.root;
	r = debugfile_find(&a.f, &s, &fd);
	cr_expect_str_eq(name_found(r, fd, (const char *const[]){ host_at, NULL }), host_at);
	/* A debuglink in the root goes before a build id on the host. */
	sh("cp prog.debug %s", root_at);
	fd = -7;
	r = debugfile_find(&a.f, &s, &fd);
	cr_expect_str_eq(name_found(r, fd, (const char *const[]){ host_at, root_at, NULL }),
			 root_at);
	/* Without a root: relative and absolute paths are those of this process. */
	s = (struct debugfile_search){ .root_fd = -1, .dirs = no_dirs };
	for (int i = 0; i < 3; i++) {
		char absolute[128];

		snprintf(absolute, sizeof(absolute), "%s/root/usr/bin/prog", dir.path);
		s.path = (const char *const[]){ "root/usr/bin/prog", absolute, "" }[i];
		fd = -7;
		r = debugfile_find(&a.f, &s, &fd);
		cr_expect_str_eq(name_found(r, fd, (const char *const[]){ root_at, NULL }),
				 root_at);
	}
	asking_close(&a);
}

/* In a mount namespace of its own, whose root is the folder; it waits to be killed. */
static pid_t start_container(void)
{
	int ready[2];
	pid_t pid;
	char ok = 0;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNS) == 0 &&
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    mount("root", "root", NULL, MS_BIND, NULL) == 0 && chdir("root") == 0 &&
		    syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 &&
		    chdir("/") == 0)
			ok = 1;
		if (write(ready[1], &ok, 1) == 1)
			pause();
		_exit(0);
	}
	cr_assert_eq(read(ready[0], &ok, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (!ok) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		cr_skip("no mount namespaces without privilege");
	}
	return pid;
}

Test(debugfile, finds_in_a_container)
{
	static const char *const places[] = {
		"root/usr/bin/prog.debug",
		"root/usr/lib/debug/usr/bin/prog.debug",
	};
	char path[64];
	struct asking a;
	pid_t pid;

	make_program("names-debug", true);
	sh("mkdir -p root/usr/lib/debug/usr/bin");
	pid = start_container();
	snprintf(path, sizeof(path), "/proc/%d/root/usr/bin/prog", pid);
	asking_open(&a, path);
	close(a.root);
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	a.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		sh("cp prog.debug %s", places[i]);
		cr_expect_str_eq(find_in_root(&a, "", places[i]), places[i]);
		cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", places[i]), places[i]);
		sh("rm %s", places[i]);
	}
	/* The root outlives the process. */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	sh("cp prog.debug %s", places[0]);
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", places[0]), places[0]);
	asking_close(&a);
}

Test(debugfile, follows_links_inside_the_root_only)
{
	static const char *const inside[] = { "/opt/real.debug",
					      "../../../../../../opt/real.debug" };
	struct asking a;
	char out[128];
	const char *at;

	make_program("names-debug", false);
	asking_open(&a, "root/usr/bin/prog");
	at = put_by_id("prog.debug", "root/usr/lib/debug", a.id);
	sh("mkdir root/opt && cp prog.debug root/opt/real.debug");
	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		sh("ln -sf %s %s", inside[i], at);
		cr_expect_str_eq(find_in_root(&a, "", "root/opt/real.debug"),
				 "root/opt/real.debug");
	}
	/* The same file lies outside: it is right in every way, and not reached. */
	snprintf(out, sizeof(out), "%s/prog.debug", dir.path);
	sh("ln -sf %s %s", out, at);
	cr_expect_str_eq(find_in_root(&a, "", out), ENOENT_TEXT);
	sh("ln -sf ../../../../../../prog.debug %s", at);
	cr_expect_str_eq(find_in_root(&a, "", out), ENOENT_TEXT);
	sh("rm -r root/usr/lib/debug && ln -s %s root/usr/lib/debug", dir.path);
	put_by_id("prog.debug", dir.path, a.id);
	cr_expect_str_eq(find_in_root(&a, "", out), ENOENT_TEXT);
	asking_close(&a);
}

Test(debugfile, takes_regular_elf_files_only)
{
	static const char *const kinds[] = {
		"mkfifo $f",
		"mkdir $f",
		"ln -s /dev/zero $f",
		": >$f",
		"echo '#!/bin/sh' >$f",
		"head -c 200 prog.debug >$f",
		"mknod $f c 1 5 || :",
	};
	struct asking a;
	const char *at;

	make_program("names-debug", true);
	asking_open(&a, "root/usr/bin/prog");
	at = put_by_id("prog.debug", "root/usr/lib/debug", a.id);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		sh("for f in %s root/usr/bin/prog.debug; do rm -rf $f; %s; done", at, kinds[i]);
		cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", at), ENOENT_TEXT, "%s",
				 kinds[i]);
	}
	asking_close(&a);
}

Test(debugfile, keeps_to_the_size_that_it_is_allowed)
{
	struct debugfile_search s = { .path = "/usr/bin/prog" };
	const char *at = "root/usr/bin/prog.debug";
	struct asking a;
	struct stat st;
	int fd = -7, r;

	make_program("names-debugnoid", true);
	asking_open(&a, "root/usr/bin/prog");
	sh("cp prog.debug %s", at);
	cr_assert_eq(stat(at, &st), 0);
	s.root_fd = a.root;
	s.max_bytes = (uint64_t)st.st_size - 1;
	cr_expect_eq(debugfile_find(&a.f, &s, &fd), -ENOENT);
	s.max_bytes++;
	r = debugfile_find(&a.f, &s, &fd);
	cr_expect_str_eq(name_found(r, fd, (const char *const[]){ at, NULL }), at);
	/* A wrong one before it uses up what may be summed up. */
	sh("mkdir root/usr/bin/.debug && mv %s root/usr/bin/.debug && "
	   "sed 's/main/mane/' root/usr/bin/.debug/prog.debug >%s",
	   at, at);
	fd = -7;
	cr_expect_eq(debugfile_find(&a.f, &s, &fd), -ENOENT);
	s.max_bytes *= 2;
	at = "root/usr/bin/.debug/prog.debug";
	r = debugfile_find(&a.f, &s, &fd);
	cr_expect_str_eq(name_found(r, fd, (const char *const[]){ at, NULL }), at);
	asking_close(&a);
}

Test(debugfile, wants_symbols_or_dwarf)
{
	static const struct {
		const char *options;
		bool good;
	} t[] = {
		{ "-S", false },
		{ "-g", true },					 /* .symtab alone */
		{ "--strip-all --keep-section .debug_*", true }, /* DWARF alone */
		{ "--compress-debug-sections=zlib -x -N main", true },
		{ "--compress-debug-sections=zlib-gnu --only-keep-debug", true },
	};
	struct asking a;
	const char *at;

	make_program("names-debug", false);
	asking_open(&a, "root/usr/bin/prog");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		sh("objcopy -w %s %s made", t[i].options, fixture_path("names-debug"));
		at = put_by_id("made", "root/usr/lib/debug", a.id);
		cr_expect_str_eq(find_in_root(&a, "", at), t[i].good ? at : ENOENT_TEXT, "%s",
				 t[i].options);
	}
	asking_close(&a);
}

/* An object with everything is no separate file of itself, however it is linked. */
Test(debugfile, does_not_find_the_object_itself)
{
	struct asking a;
	const char *at;

	sh("mkdir -p root/usr/bin && cp %s root/usr/bin/prog", fixture_path("names-debug"));
	asking_open(&a, "root/usr/bin/prog");
	at = put_by_id("root/usr/bin/prog", "root/usr/lib/debug", a.id);
	cr_expect_str_eq(find_in_root(&a, "", at), at);
	sh("ln -sf /usr/bin/prog %s", at);
	cr_expect_str_eq(find_in_root(&a, "", at), ENOENT_TEXT);
	sh("ln -f root/usr/bin/prog %s", at);
	cr_expect_str_eq(find_in_root(&a, "", at), ENOENT_TEXT);
	asking_close(&a);
}

/* Sections as no tool writes them. The debug file lies where a lenient reader would look. */
Test(debugfile, survives_odd_debuglinks)
{
	static const char *const sections[] = {
		"../bin/prog.debug\\0\\0\\0CCCC", /* a path */
		"/usr/bin/prog.debug\\0CCCC",
		"prog.debug",	       /* no end */
		"prog.debug\\0",       /* no checksum */
		"prog.debug\\0\\0CCC", /* half of one */
		"\\0\\0\\0\\0CCCC",    /* no name */
		".\\0\\0\\0CCCC",
		"..\\0\\0CCCC",
		"prog.debug\\0\\0CCCC",
	};
	struct asking a;

	make_program("names-debugnoid", false);
	sh("cp prog.debug root/usr/bin; mv root/usr/bin/prog plain");
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		sh("printf '%s' >section", sections[i]);
		sh("objcopy --add-section .gnu_debuglink=section plain root/usr/bin/prog");
		asking_open(&a, "root/usr/bin/prog");
		cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", ""), ENOENT_TEXT, "%s",
				 sections[i]);
		asking_close(&a);
	}
	sh("head -c 100000 /dev/zero | tr '\\0' x >section");
	sh("objcopy --add-section .gnu_debuglink=section plain root/usr/bin/prog");
	asking_open(&a, "root/usr/bin/prog");
	cr_expect_str_eq(find_in_root(&a, "/usr/bin/prog", ""), ENOENT_TEXT);
	asking_close(&a);
}

Test(debugfile, survives_paths_too_long)
{
	static char path[3 * PATH_MAX];
	struct asking a;

	make_program("names-debug", true);
	asking_open(&a, "root/usr/bin/prog");
	sh("cp prog.debug root/usr/bin");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	for (size_t n = 1; n < sizeof(path) - 1; n += 997) {
		path[n] = '/';
		cr_expect_str_eq(find_in_root(&a, path, "root/usr/bin/prog.debug"),
				 "root/usr/bin/prog.debug");
	}
	for (size_t n = PATH_MAX - 20; n < PATH_MAX + 20; n++) {
		memset(path, '/', n);
		path[n] = '\0';
		(void)find_in_root(&a, path, "");
	}
	asking_close(&a);
}

Test(debugfile, checks_a_file_for_a_build_id)
{
	struct asking a;
	int fd;

	make_program("names-debug", false);
	asking_open(&a, "root/usr/bin/prog");
	fd = open("prog.debug", O_RDONLY);
	cr_expect_eq(debugfile_check(fd, a.id, UINT64_MAX), 0);
	cr_expect_eq(debugfile_check(fd, a.id, 100), -EFBIG);
	cr_expect_eq(debugfile_check(a.fd, a.id, UINT64_MAX),
		     -ENOENT); /* neither symbols nor DWARF */
	a.id[3] ^= 1;
	cr_expect_eq(debugfile_check(fd, a.id, UINT64_MAX), -ENOENT);
	cr_expect_eq(debugfile_check(fd, "", UINT64_MAX), -ENOENT);
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	cr_expect_eq(debugfile_check(fd, a.id, UINT64_MAX), -ENOENT);
	close(fd);
	asking_close(&a);
}

Test(debugfile, survives_every_failing_allocation)
{
	struct asking a;
	struct debugfile_search s = { .path = "/usr/bin/prog" };
	int rounds = 0, r = -1;

	make_program("names-debugnoid", true);
	sh("mkdir root/usr/bin/.debug; cp prog.debug root/usr/bin/.debug");
	asking_open(&a, "root/usr/bin/prog");
	s.root_fd = a.root;
	for (; r != 0; rounds++) {
		int fd = -1;

		alloc_fail_at(rounds);
		r = debugfile_find(&a.f, &s, &fd);
		cr_expect(r == 0 || r == -ENOMEM, "allocation %d: %d", rounds, r);
		cr_expect_eq(alloc_live(), 0, "allocation %d: %ld not freed", rounds, alloc_live());
		if (r == 0)
			close(fd);
	}
	alloc_fail_at(-1);
	cr_expect_gt(rounds, 5);
	asking_close(&a);
}
