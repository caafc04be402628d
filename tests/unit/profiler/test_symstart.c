/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the debug files of a recording, from a server that is a folder. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate.h"
#include "clock.h"
#include "objtab.h"
#include "scratch.h"
#include "symbolize.h"
#include "symstart.h"

enum {
	OBJECTS = 320, /* more than wait for an answer, and than are kept, at a time */
	EVERY = 50,    /* of these the server has a debug file */
	ID_BYTES = 8,
};

static struct scratch_dir dir;
static struct objtab objects;
static struct aggregate counts;
static uint64_t code; /* of f() */

static void run(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Copies @from, a file whose build id is all 0xab, as that of object @i. */
static void copy_as(const char *from, unsigned i, const char *to)
{
	static const uint8_t id[ID_BYTES] = { 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab };
	static uint8_t bytes[256 << 10];
	FILE *f = fopen(from, "r");
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	uint8_t *p = memmem(bytes, n, id, sizeof(id));

	fclose(f);
	cr_assert(p && n < sizeof(bytes), "%s", from);
	p[ID_BYTES - 2] = (uint8_t)(i >> 8);
	p[ID_BYTES - 1] = (uint8_t)i;
	f = fopen(to, "w");
	cr_assert(f && fwrite(bytes, 1, n, f) == n, "%s", to);
	fclose(f);
}

static void add_object(unsigned i)
{
	struct object o = { .kind = OBJECT_FILE, .is_elf = true, .root_fd = -1 };
	struct mapping m = { .object = i, .start = 0x1000, .limit = 0x100000 };
	struct place p = { .mapping = i, .addr = 0x1000 };
	char path[256], command[256];

	snprintf(path, sizeof(path), "object-%u", i);
	copy_as("stripped", i, path);
	o.fd = open(path, O_RDONLY | O_CLOEXEC);
	o.name = strdup(path);
	cr_assert_eq(elf_build_id(o.fd, o.build_id), 0);
	cr_assert(array_push(&objects.objects, o) == 0 && array_push(&objects.mappings, m) == 0);
	cr_assert_geq(aggregate_place(&counts, &p), 0);
	if (i % EVERY != EVERY - 1)
		return;
	snprintf(command, sizeof(command), "mkdir -p server/buildid/%s", o.build_id);
	run(command);
	snprintf(path, sizeof(path), "server/buildid/%s/debuginfo", o.build_id);
	copy_as("whole", i, path);
}

static void enter(void)
{
	char text[256];
	FILE *f;

	scratch_enter(&dir);
	scratch_write("f.c", "int f(int x) { return x + 1; }\n");
	run("gcc -g -O1 -shared -nostdlib -Wl,--build-id=0xabababababababab f.c -o whole &&"
	    " objcopy -S whole stripped && nm whole | awk '$3 == \"f\" { print $1 }' >addr");
	f = fopen("addr", "r");
	cr_assert_eq(fscanf(f, "%" SCNx64, &code), 1);
	fclose(f);
	snprintf(text, sizeof(text), "file://%s/server", dir.path);
	setenv("DEBUGINFOD_URLS", text, 1);
	snprintf(text, sizeof(text), "%s/fetched", dir.path);
	setenv("DEBUGINFOD_CACHE_PATH", text, 1);
	unsetenv("DEBUGINFOD_PROGRESS");
	unsetenv("DEBUGINFOD_VERBOSE");
	objtab_init(&objects, OBJECTS);
	cr_assert_eq(aggregate_init(&counts, 1 << 20, labels_default_split()), 0);
	for (unsigned i = 0; i < OBJECTS; i++)
		add_object(i);
}

static void leave(void)
{
	aggregate_done(&counts);
	objtab_done(&objects);
	scratch_leave(&dir);
}

TestSuite(symstart, .init = enter, .fini = leave, .timeout = 60);

static struct symbolizer *start(void)
{
	struct symbolizer *s = NULL;
	int r = symbolizer_new(&s, &(struct symbolizer_opts){ .debuginfod = true });

	if (r == -ENOSYS)
		cr_skip("there is no libdebuginfod");
	cr_assert_eq(r, 0, "%d", r);
	return s;
}

static unsigned line_of(struct symbolizer *s, unsigned i)
{
	const struct object *o = &objects.objects.items[i];
	struct sym_request req = {
		.kind = SYM_VADDR, .fd = o->fd, .build_id = o->build_id, .offs = &code, .n = 1
	};
	struct sym_batch b;
	unsigned line;

	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	line = b.n_frames ? b.frames[0].line : 0;
	sym_batch_done(&b);
	return line;
}

Test(symstart, waits_for_more_files_than_are_asked_for_at_a_time)
{
	struct symbolizer *s = start();
	uint64_t before = clock_mono_ns();

	cr_assert_eq(symstart_wait(s, &counts, &objects, 20000), 0);
	cr_expect_lt(clock_mono_ns() - before, 19 * NSEC_PER_SEC, "no longer than is needed");
	for (unsigned i = 0; i < OBJECTS; i++) {
		unsigned line = line_of(s, i);
		struct symbolizer_fetching f = symbolizer_stats(s).fetching;

		cr_expect_eq(line, i % EVERY == EVERY - 1,
			     "object %u: %u; %" PRIu64 " timed out, %" PRIu64
			     " failed (%d), %" PRIu64 " skipped, %" PRIu64 " late",
			     i, line, f.timed_out, f.failed, f.error, f.skipped, f.late);
	}
	symbolizer_free(s);
}

Test(symstart, waits_for_none_without_servers)
{
	struct symbolizer *s = NULL;

	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	cr_assert_eq(symstart_wait(s, &counts, &objects, 20000), 0);
	cr_expect_eq(line_of(s, EVERY - 1), 0);
	symbolizer_free(s);
}
