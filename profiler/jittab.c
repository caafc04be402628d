/* SPDX-License-Identifier: Apache-2.0 */
#include "jittab.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "cleanup.h"
#include "clock.h"
#include "fdutil.h"
#include "objtab.h"
#include "rootopen.h"

#define STATUS_MAX   (64 << 10)
#define TRY_INTERVAL (NSEC_PER_SEC / 10) /* between two looks for a perf map that is not there */

void jittab_init(struct jittab *t, struct objtab *objects)
{
	*t = (struct jittab){ .objects = objects };
}

static void close_held(struct jittab *t, int *fd)
{
	if (*fd < 0)
		return;
	close(take_fd(fd));
	t->objects->open_files--;
}

void jittab_done(struct jittab *t)
{
	array_each(&t->procs, j) {
		close_held(t, &j->tmp_fd);
		close_held(t, &j->map_fd);
		array_free(&j->epochs);
	}
	array_free(&t->procs);
}

/* --- opening --------------------------------------------------------------------------------- */

/* What /proc/PID/status says: the number of the process in its own namespace, and whose it is. */
static int read_status(struct jit_process *j, bool *ret_nested)
{
	_cleanup_free_ char *text = NULL;
	const char *line, *word;
	char path[64], *end;
	size_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", j->tgid);
	if ((r = read_whole_file(path, STATUS_MAX, &text, &n)) < 0)
		return r;
	line = strstr(text, "\nUid:");
	if (!line || sscanf(line, " Uid: %u %u %u %u", &j->uids[0], &j->uids[1], &j->uids[2],
			    &j->uids[3]) != 4)
		return -EBADMSG;
	*ret_nested = false;
	line = strstr(text, "\nNSpid:"); /* outermost first */
	for (word = line ? line + strlen("\nNSpid:") : ""; *word == '\t' || *word == ' ';
	     word = end) {
		unsigned long number = strtoul(word, &end, 10);

		if (end == word)
			break;
		*ret_nested = number != j->tgid;
		j->ns_tgid = (uint32_t)number;
	}
	return 0;
}

/* The /tmp that the process sees. A link there leads nowhere out of its root. */
static int open_tmp(uint32_t tgid)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int root = -1;
	char path[64];
	long fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/root", tgid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = syscall(SYS_openat2, root, "tmp", &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

static bool may_open(struct jittab *t)
{
	if (t->objects->open_files < t->objects->max_open_files)
		return true;
	t->refused++;
	return false;
}

static void open_process(struct jittab *t, struct jit_process *j)
{
	bool nested = false;

	j->ns_tgid = j->tgid;
	for (size_t i = 0; i < ARRAY_LEN(j->uids); i++)
		j->uids[i] = geteuid(); /* of a process that is gone */
	if (!may_open(t))
		return;
	(void)read_status(j, &nested);
	j->tmp_fd = open_tmp(j->tgid);
	/* It is gone already. If it lived where we do, so does its file. */
	if (j->tmp_fd < 0 && !nested)
		j->tmp_fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->tmp_fd < 0)
		j->tmp_fd = -1;
	else
		t->objects->open_files++;
}

static bool may_be_owner(const struct jit_process *j, uid_t uid)
{
	for (size_t i = 0; i < ARRAY_LEN(j->uids); i++)
		if (j->uids[i] == uid)
			return true;
	return uid == 0;
}

/* Opens the perf map if it is there by now; its /tmp is of no use any more then. */
static void try_map(struct jit_process *j)
{
	_cleanup_close_ int place = -1, fd = -1;
	struct stat st;
	char name[64];

	if (j->tmp_fd < 0)
		return;
	snprintf(name, sizeof(name), "perf-%" PRIu32 ".map", j->ns_tgid);
	place = openat(j->tmp_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0 || root_open_place(place, &fd) < 0 || fstat(fd, &st) < 0 ||
	    !may_be_owner(j, st.st_uid))
		return;
	close(j->tmp_fd);
	j->tmp_fd = -1;
	j->map_fd = take_fd(&fd); /* in its place in the account of open files */
}

/* --- entries --------------------------------------------------------------------------------- */

static uint32_t free_entry(struct jittab *t)
{
	for (uint32_t i = t->last_free; i < t->procs.n; i++)
		if (t->procs.items[i].free) {
			t->last_free = i + 1;
			return i;
		}
	t->last_free = (uint32_t)t->procs.n;
	if (t->procs.n >= JITTAB_MAX ||
	    array_push(&t->procs, (struct jit_process){ .tmp_fd = -1, .map_fd = -1 }) < 0)
		return JITTAB_NONE;
	t->last_free++;
	return (uint32_t)t->procs.n - 1;
}

uint32_t jittab_add(struct jittab *t, uint32_t tgid, uint32_t parent)
{
	uint32_t i = free_entry(t);

	if (i == JITTAB_NONE) {
		t->refused++;
		return i;
	}
	t->procs.items[i] = (struct jit_process){
		.tgid = tgid,
		.parent = parent,
		.tmp_fd = -1,
		.map_fd = -1,
		.dump = JITTAB_NONE,
		.window = t->window,
	};
	open_process(t, &t->procs.items[i]);
	try_map(&t->procs.items[i]);
	if (parent != JITTAB_NONE) /* its map is to stay */
		t->procs.items[parent].used = true;
	return i;
}

uint32_t jittab_dump_number(const char *path)
{
	const char *base = strrchr(path, '/');
	char *end;
	unsigned long n;

	if (!base || strncmp(base, "/jit-", 5) != 0 || base[5] < '1' || base[5] > '9')
		return 0;
	n = strtoul(base + 5, &end, 10);
	return n <= INT32_MAX && strcmp(end, ".dump") == 0 ? (uint32_t)n : 0;
}

void jittab_set_dump(struct jittab *t, uint32_t process, uint32_t object, uint32_t number)
{
	struct jit_process *j = &t->procs.items[process];

	/* One with another number was its parent's. */
	if (j->dump == JITTAB_NONE || number == j->ns_tgid)
		j->dump = object;
}

void jittab_end(struct jittab *t, uint32_t process)
{
	struct jit_process *j = &t->procs.items[process];

	if (j->used) {
		try_map(j); /* some are written in the last moment */
		close_held(t, &j->tmp_fd);
		return;
	}
	close_held(t, &j->tmp_fd);
	close_held(t, &j->map_fd);
	array_free(&j->epochs);
	j->free = true;
	if (process < t->last_free)
		t->last_free = process;
}

void jittab_settle(struct jittab *t)
{
	array_each(&t->procs, j)
		if (j->used)
			try_map(j);
}

/* --- time ------------------------------------------------------------------------------------ */

void jittab_next_window(struct jittab *t)
{
	t->window++;
}

static int source_fd(const struct jittab *t, const struct jit_process *j, enum jit_source s)
{
	switch (s) {
	case JIT_DUMP:
		return j->dump == JITTAB_NONE ? -1 : t->objects->objects.items[j->dump].fd;
	case JIT_MAP:
		return j->map_fd;
	default:
		return j->parent == JITTAB_NONE ? -1 : t->procs.items[j->parent].map_fd;
	}
}

/* How far the files have come. */
static struct sym_jit_when look(const struct jittab *t, const struct jit_process *j)
{
	struct sym_jit_when w = { .time_ns = clock_mono_ns() };

	for (enum jit_source s = 0; s < JIT_SOURCES; s++) {
		int fd = source_fd(t, j, s);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0)
			w.bytes[s] = (uint64_t)st.st_size;
	}
	if (j->epochs.n) /* what its parent makes later is not its own */
		w.bytes[JIT_PARENT_MAP] = j->epochs.items[0].bytes[JIT_PARENT_MAP];
	return w;
}

uint32_t jittab_epoch(struct jittab *t, uint32_t process, uint64_t time_ns)
{
	struct jit_process *j = &t->procs.items[process];
	struct sym_jit_when now, *last;

	if (j->epochs.n && j->window == t->window && time_ns <= j->looked_ns)
		return (uint32_t)j->epochs.n - 1;
	if (!j->tried_ns || clock_mono_ns() - j->tried_ns > TRY_INTERVAL) {
		try_map(j);
		j->tried_ns = clock_mono_ns();
	}
	now = look(t, j);
	last = j->epochs.n ? &j->epochs.items[j->epochs.n - 1] : NULL;
	if (last && (j->epochs.n >= JITTAB_MAX_EPOCHS ||
		     memcmp(last->bytes, now.bytes, sizeof(now.bytes)) == 0))
		*last = now;
	else if (array_push(&j->epochs, now) < 0)
		return JITTAB_NONE;
	j->looked_ns = now.time_ns;
	j->window = t->window;
	j->used = true;
	return (uint32_t)j->epochs.n - 1;
}

void jittab_files(const struct jittab *t, uint32_t process, struct sym_jit *ret,
		  enum jit_source ret_sources[SYM_JIT_FILES])
{
	const struct jit_process *j = &t->procs.items[process];

	ret->n_files = 0;
	for (enum jit_source s = 0; s < JIT_SOURCES; s++) {
		int fd = source_fd(t, j, s);

		if (fd < 0)
			continue;
		ret_sources[ret->n_files] = s;
		ret->files[ret->n_files++] = (struct sym_jit_file){
			.format = s == JIT_DUMP ? SYM_JIT_JITDUMP : SYM_JIT_PERFMAP,
			.fd = fd,
		};
	}
}

size_t jittab_bytes(const struct jittab *t)
{
	size_t n = t->procs.cap * sizeof(*t->procs.items);

	array_each(&t->procs, j)
		n += j->epochs.cap * sizeof(*j->epochs.items);
	return n;
}
