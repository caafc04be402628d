/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocfail.h"
#include "clock.h"
#include "jittab.h"
#include "objtab.h"

static struct objtab objects;
static struct jittab jits;
static char path[64]; /* of our own perf map */

static void start(void)
{
	objtab_init(&objects, 100);
	jittab_init(&jits, &objects);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
}

static void done(void)
{
	jittab_done(&jits);
	cr_expect_eq(objects.open_files, 0);
	objtab_done(&objects);
	unlink(path);
}

TestSuite(jittab, .init = start, .fini = done, .timeout = 30);

static void append(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static uint32_t add_self(void)
{
	uint32_t j = jittab_add(&jits, (uint32_t)getpid(), JITTAB_NONE);

	cr_assert_neq(j, JITTAB_NONE);
	return j;
}

static bool has_map(uint32_t j)
{
	return jits.procs.items[j].map_fd >= 0;
}

static uint32_t epoch_now(uint32_t j)
{
	return jittab_epoch(&jits, j, clock_mono_ns());
}

Test(jittab, opens_the_map_that_is_there)
{
	struct sym_jit files = { 0 };
	enum jit_source sources[SYM_JIT_FILES];
	uint32_t j;

	append("10 8 one\n");
	j = add_self();
	cr_expect(has_map(j));
	cr_expect_eq(objects.open_files, 1);
	jittab_files(&jits, j, &files, sources);
	cr_assert_eq(files.n_files, 1);
	cr_expect_eq(files.files[0].format, SYM_JIT_PERFMAP);
	cr_expect_eq(sources[0], JIT_MAP);
}

Test(jittab, opens_the_map_that_comes_later)
{
	uint32_t j = add_self();

	cr_expect_not(has_map(j));
	cr_expect_eq(objects.open_files, 1, "its /tmp");
	cr_expect_eq(epoch_now(j), 0);
	append("10 8 one\n");
	jittab_settle(&jits);
	cr_expect(has_map(j));
	cr_expect_eq(objects.open_files, 1);
}

Test(jittab, epoch_ends_when_a_file_has_grown)
{
	const struct jit_process *p;
	uint32_t j;

	append("10 8 one\n");
	j = add_self();
	cr_expect_eq(epoch_now(j), 0);
	append("20 8 two\n");
	cr_expect_eq(jittab_epoch(&jits, j, 0), 0, "of a time that was looked at");
	cr_expect_eq(epoch_now(j), 1);
	jittab_next_window(&jits);
	cr_expect_eq(epoch_now(j), 1, "nothing is new");
	append("30 8 three\n");
	jittab_next_window(&jits);
	cr_expect_eq(jittab_epoch(&jits, j, 0), 2,
		     "samples that were counted come with the end of a window");
	p = &jits.procs.items[j];
	cr_expect_eq(p->epochs.items[0].bytes[JIT_MAP], 9);
	cr_expect_eq(p->epochs.items[1].bytes[JIT_MAP], 18);
	cr_expect_eq(p->epochs.items[2].bytes[JIT_MAP], 29);
}

Test(jittab, epochs_are_limited)
{
	uint32_t j = add_self(), last = 0;

	append("10 8 x\n");
	for (size_t i = 0; i < JITTAB_MAX_EPOCHS + 100; i++) {
		append("10 8 x\n");
		last = epoch_now(j);
	}
	cr_expect_eq(last, JITTAB_MAX_EPOCHS - 1);
	cr_expect_eq(jits.procs.items[j].epochs.n, JITTAB_MAX_EPOCHS);
}

Test(jittab, refuses_what_is_no_regular_file)
{
	uint32_t j = add_self();

	cr_assert_eq(mkfifo(path, 0666), 0);
	jittab_epoch(&jits, j, 0);
	cr_expect_not(has_map(j), "a FIFO");
	unlink(path);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	jittab_settle(&jits);
	cr_expect_not(has_map(j), "a link to a device");
	unlink(path);
	cr_assert_eq(symlink("/etc/passwd", path), 0);
	jittab_settle(&jits);
	cr_expect_not(has_map(j), "a link to a file");
	unlink(path);
	cr_assert_eq(mkdir(path, 0700), 0);
	jittab_settle(&jits);
	cr_expect_not(has_map(j), "a folder");
	rmdir(path);
}

Test(jittab, refuses_a_map_of_somebody_else)
{
	uint32_t j;

	if (geteuid())
		cr_skip("needs root to give a file away");
	append("10 8 one\n");
	cr_assert_eq(chown(path, 12345, 12345), 0);
	j = add_self();
	cr_expect_not(has_map(j));
	cr_assert_eq(chown(path, 0, 0), 0);
	jittab_settle(&jits); /* it has no places yet */
	cr_expect_not(has_map(j));
	epoch_now(j);
	cr_expect(has_map(j), "root may write for anybody");
}

Test(jittab, map_of_the_user_of_the_process)
{
	pid_t child;
	uint32_t j;

	if (geteuid())
		cr_skip("needs root to become somebody else");
	child = fork();
	if (child == 0) {
		if (setgid(12345) < 0 || setuid(12345) < 0)
			_exit(1);
		snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
		append("10 8 one\n");
		raise(SIGSTOP);
		unlink(path);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, NULL, WUNTRACED), child);
	j = jittab_add(&jits, (uint32_t)child, JITTAB_NONE);
	cr_expect(has_map(j));
	kill(child, SIGCONT);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	epoch_now(j);
	cr_expect_eq(jits.procs.items[j].epochs.items[0].bytes[JIT_MAP], 9,
		     "it is held after its process and its name are gone");
}

Test(jittab, process_that_is_gone)
{
	uint32_t j = jittab_add(&jits, 4000000, JITTAB_NONE), k; /* above pid_max */
	char name[] = "/tmp/perf-4000001.map";
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_expect_not(has_map(j));
	k = jittab_add(&jits, 4000001, JITTAB_NONE);
	cr_expect(has_map(k), "its file may be where ours are");
	unlink(name);
}

Test(jittab, jitdumps_are_known_by_name)
{
	static const struct {
		const char *path;
		uint32_t number;
	} names[] = {
		{ "/tmp/jit-12.dump", 12 },  { "/jit-1.dump", 1 },
		{ "jit-12.dump", 0 },	     { "/tmp/jit-12.dump.bak", 0 },
		{ "/tmp/jit-.dump", 0 },     { "/tmp/jit-0.dump", 0 },
		{ "/tmp/jit--1.dump", 0 },   { "/tmp/jit- 1.dump", 0 },
		{ "/tmp/xjit-1.dump", 0 },   { "/jit-99999999999.dump", 0 },
		{ "/jit-1.dump/lib.so", 0 }, { "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		cr_expect_eq(jittab_dump_number(names[i].path), names[i].number, "%s",
			     names[i].path);
}

Test(jittab, own_jitdump_goes_before_one_that_was_inherited)
{
	uint32_t self = (uint32_t)getpid(), j = add_self();

	jittab_set_dump(&jits, j, 5, self + 1);
	cr_expect_eq(jits.procs.items[j].dump, 5);
	jittab_set_dump(&jits, j, 6, self);
	jittab_set_dump(&jits, j, 5, self + 1);
	cr_expect_eq(jits.procs.items[j].dump, 6);
}

/* What the parent made after the child was born is not the child's. */
Test(jittab, child_has_the_code_of_its_parent)
{
	uint32_t parent, child;
	struct sym_jit files = { 0 };
	enum jit_source sources[SYM_JIT_FILES];

	append("10 8 one\n");
	parent = add_self();
	child = jittab_add(&jits, 4000000, parent);
	epoch_now(child);
	append("10 8 two\n");
	cr_expect_eq(epoch_now(child), 0);
	cr_expect_eq(jits.procs.items[child].epochs.items[0].bytes[JIT_PARENT_MAP], 9);
	jittab_end(&jits, parent);
	jittab_files(&jits, child, &files, sources);
	cr_assert_eq(files.n_files, 1);
	cr_expect_eq(sources[0], JIT_PARENT_MAP);
}

Test(jittab, entries_without_places_are_used_again)
{
	uint32_t a = add_self(), b = add_self(), c = add_self();

	epoch_now(b);
	jittab_end(&jits, a);
	jittab_end(&jits, b);
	jittab_end(&jits, c);
	cr_expect_eq(objects.open_files, 0, "the map of b never came");
	cr_expect_eq(add_self(), a);
	cr_expect_eq(add_self(), c);
	cr_expect_eq(jits.procs.n, 3);
	cr_expect_eq(add_self(), 3);
	cr_expect_gt(jittab_bytes(&jits), 0);
}

Test(jittab, keeps_to_the_budget_of_open_files)
{
	uint32_t j;

	append("10 8 one\n");
	objects.max_open_files = 1;
	cr_expect(has_map(add_self()));
	j = add_self();
	cr_expect_not(has_map(j));
	cr_expect_eq(jits.refused, 1);
	cr_expect_eq(epoch_now(j), 0, "its places are its own all the same");
}

static int add_and_look(void)
{
	struct jittab t;
	uint32_t j;

	jittab_init(&t, &objects);
	j = jittab_add(&t, (uint32_t)getpid(), JITTAB_NONE);
	if (j != JITTAB_NONE)
		j = jittab_epoch(&t, j, 0);
	jittab_done(&t);
	return j == JITTAB_NONE ? -ENOMEM : 0;
}

Test(jittab, survives_every_failed_allocation)
{
	allocfail_each_tolerant(add_and_look); /* what /proc says can be done without */
}
