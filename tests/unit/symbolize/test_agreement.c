/* SPDX-License-Identifier: Apache-2.0 */
/* The symbolizer against nm, on addresses drawn at random from the code of real objects. */
#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "elf_fixture.h"

enum { ADDRESSES = 2000 };

struct nm_symbol {
	uint64_t start, size; /* size 0: nm gave none */
	char name[256];
};

struct nm_table {
	ARRAY(struct nm_symbol) symbols;
};

static void cut_version(char *name)
{
	name[strcspn(name, "@")] = '\0';
}

/* Code symbols of `nm -S`: "address [size] type name". */
static void nm_read(const char *options, const char *path, struct nm_table *ret)
{
	char cmd[PATH_MAX + 64], line[8192];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "nm --defined-only -S %s '%s'", options, path);
	f = popen(cmd, "r");
	cr_assert(f);
	while (fgets(line, sizeof(line), f)) {
		struct nm_symbol s = { 0 };
		char type = 0;

		if (sscanf(line, "%" SCNx64 " %" SCNx64 " %c %255s", &s.start, &s.size, &type,
			   s.name) != 4) {
			s.size = 0;
			if (sscanf(line, "%" SCNx64 " %c %255s", &s.start, &type, s.name) != 3)
				continue;
		}
		if (!strchr("tTwWi", type))
			continue;
		cut_version(s.name);
		cr_assert_eq(array_push(&ret->symbols, s), 0);
	}
	pclose(f);
	cr_assert_gt(ret->symbols.n, 100);
}

/* The start of the innermost symbol with a size that covers @addr; 0 = there is none. */
static uint64_t nm_innermost(struct nm_table *t, uint64_t addr)
{
	uint64_t best = 0;

	array_each(&t->symbols, s)
		if (s->size && s->start <= addr && addr - s->start < s->size && s->start > best)
			best = s->start;
	return best;
}

static bool nm_has(struct nm_table *t, uint64_t start, uint64_t addr, const char *name)
{
	array_each(&t->symbols, s)
		if (s->start == start && addr - start < s->size && strcmp(s->name, name) == 0)
			return true;
	return false;
}

static bool nm_has_unsized(struct nm_table *t, uint64_t addr, const char *name)
{
	array_each(&t->symbols, s)
		if (s->size == 0 && s->start <= addr && strcmp(s->name, name) == 0)
			return true;
	return false;
}

static Elf64_Phdr code_segment(int fd)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	cr_assert_eq(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	for (int i = 0; i < eh.e_phnum; i++) {
		cr_assert_eq(pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))),
			     sizeof(ph));
		if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X))
			return ph;
	}
	cr_assert_fail("no code");
	return ph;
}

/* Compares one answer: *@ret_named counts those with names. */
static void compare(struct nm_table *t, uint64_t vaddr, const struct sym_batch *b,
		    const struct sym_answer *a, unsigned *ret_named)
{
	uint64_t start = nm_innermost(t, vaddr);
	char name[1024] = "";

	if (a->reason == SYM_OK)
		snprintf(name, sizeof(name), "%.255s",
			 b->strings + b->frames[a->frame_first].system_name);
	if (start) {
		cut_version(name);
		cr_assert(nm_has(t, start, vaddr, name),
			  "%#" PRIx64 ": \"%s\" is none of nm's names at %#" PRIx64, vaddr, name,
			  start);
		(*ret_named)++;
	} else if (name[0] && !strstr(name, "@plt")) {
		/* nm -S has no stubs, and no sizes where there are none; and the byte before a
		 * function has its name here. */
		cut_version(name);
		cr_assert(nm_has_unsized(t, vaddr, name) || nm_has(t, vaddr + 1, vaddr + 1, name),
			  "%#" PRIx64 ": \"%s\" where nm has nothing", vaddr, name);
	}
}

static void agree(const char *path, const char *options)
{
	int fd = open(path, O_RDONLY);
	Elf64_Phdr code = code_segment(fd);
	struct nm_table t = { 0 };
	uint64_t offs[ADDRESSES];
	struct sym_request req = { .fd = fd, .build_id = "", .offs = offs, .n = ADDRESSES };
	struct symbolizer *s;
	struct sym_batch b;
	unsigned seed = 7, named = 0;

	nm_read(options, path, &t);
	for (int i = 0; i < ADDRESSES; i++)
		offs[i] = code.p_offset +
			  ((uint64_t)rand_r(&seed) << 20 ^ (uint64_t)rand_r(&seed)) % code.p_filesz;
	cr_assert_eq(symbolizer_new(&s, NULL), 0);
	cr_assert_eq(symbolizer_run(s, &req, &b), 0);
	for (int i = 0; i < ADDRESSES; i++)
		compare(&t, offs[i] - code.p_offset + code.p_vaddr, &b, &b.answers[i], &named);
	cr_expect_gt(named, ADDRESSES / 10, "only %u of %d addresses have names", named, ADDRESSES);
	sym_batch_done(&b);
	symbolizer_free(s);
	array_free(&t.symbols);
	close(fd);
}

/* By its mapping: a sanitizer may have put its own functions before those of the library. */
Test(agreement, with_nm_on_the_c_library)
{
	char line[PATH_MAX + 256], path[PATH_MAX] = "";
	FILE *maps = fopen("/proc/self/maps", "r");

	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "/libc.so.6\n"))
			sscanf(strchr(line, '/'), "%4095s", path);
	fclose(maps);
	if (!path[0])
		cr_skip("no libc.so.6 is mapped");
	agree(path, "-D");
}

Test(agreement, with_nm_on_the_test_program)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	cr_assert(n > 0);
	exe[n] = '\0';
	agree(exe, "");
}
