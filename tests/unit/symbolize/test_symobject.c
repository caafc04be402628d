/* SPDX-License-Identifier: Apache-2.0 */
/* What an object answers from its index on disk is what it answered before there was one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "debug_fixture.h"
#include "elf_fixture.h"
#include "scratch.h"

static struct scratch_dir dir;

static void enter(void)
{
	scratch_enter(&dir);
}

static void leave(void)
{
	scratch_leave(&dir);
}

TestSuite(symobject, .init = enter, .fini = leave, .timeout = 60);

/* The frames of main() as "name system_name file:line", in @ret. */
static void describe(char *ret, size_t size)
{
	uint64_t addr = fixture_nm("", fixture_path("names-debug"), "main");
	int fd = fixture_open("names-debug");
	struct sym_request req = { .kind = SYM_VADDR, .fd = fd, .offs = &addr, .n = 1 };
	char id[BUILD_ID_HEX_MAX];
	struct symbolizer *s;
	struct sym_batch b;
	size_t at = 0;

	cr_assert_eq(elf_build_id(fd, id), 0);
	req.build_id = id;
	cr_assert_eq(symbolizer_new(&s, &(struct symbolizer_opts){ .store_dir = "store" }), 0);
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	for (size_t i = 0; i < b.n_frames; i++)
		at += (size_t)snprintf(ret + at, size - at, "%s %s %s:%u\n",
				       b.strings + b.frames[i].name,
				       b.strings + b.frames[i].system_name,
				       b.strings + b.frames[i].file, b.frames[i].line);
	sym_batch_done(&b);
	symbolizer_free(s);
	close(fd);
}

Test(symobject, has_the_same_names_from_the_index_on_disk)
{
	char before[4096], after[4096];

	describe(before, sizeof(before));
	cr_expect(strstr(before, "main main "), "%s", before);
	cr_expect(strstr(before, "names.c:"), "%s", before);
	sh("ls store/*.wickidx >list");
	describe(after, sizeof(after));
	cr_expect_str_eq(before, after);
}
