/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that Go built, against Go itself: `go tool addr2line` says for each address the function
 * that it is in and the innermost place, the program's own runtime the innermost function, and
 * llvm-symbolizer the whole chain from the DWARF of the same program unstripped.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_fixture.h"
#include "elffile.h"
#include "go_frames.h"
#include "gopclntab.h"

enum { RANDOM = 3000, LINE_MAX_BYTES = 16384 };

struct program {
	struct strtab own;
	struct symunit_builder b;
	ARRAY(uint64_t) addrs; /* every function's entry, and some at random */
	char asked[64];	       /* a file with them */
};

static bool have(const char *command)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null 2>&1", command);
	return system(cmd) == 0;
}

static void draw_addrs(struct program *p)
{
	uint64_t lo = UINT64_MAX, hi = 0;
	unsigned seed = 3;

	array_each(&p->b.ranges, r) {
		if (p->b.scopes.items[r->scope].parent != SYMUNIT_NONE)
			continue;
		cr_assert_eq(array_push(&p->addrs, r->lo), 0);
		lo = r->lo < lo ? r->lo : lo;
		hi = r->hi > hi ? r->hi : hi;
	}
	cr_assert_gt(p->addrs.n, 1000);
	for (int i = 0; i < RANDOM; i++)
		cr_assert_eq(array_push(&p->addrs, lo + ((uint64_t)rand_r(&seed) << 16 ^
							 (uint64_t)rand_r(&seed)) %
								   (hi - lo)),
			     0);
}

static void program_open(struct program *p, const char *name)
{
	struct elf_file f;
	FILE *ask;
	int fd;

	if (!have("go"))
		cr_skip("no go");
	*p = (struct program){ .asked = "/tmp/wick-go-XXXXXX" };
	fd = fixture_open(name);
	cr_assert_eq(strtab_init(&p->own), 0);
	cr_assert_eq(elf_file_open_fd(&f, fd, UINT64_MAX), 0);
	cr_assert_eq(gopclntab_read(&f, 256 << 20, &p->own, &p->b), 0);
	elf_file_close(&f);
	close(fd);
	draw_addrs(p);
	ask = fdopen(mkstemp(p->asked), "w");
	cr_assert(ask);
	array_each(&p->addrs, addr)
		fprintf(ask, "%" PRIx64 "\n", *addr);
	fclose(ask);
}

static void program_done(struct program *p)
{
	unlink(p->asked);
	strtab_done(&p->own);
	go_builder_done(&p->b);
	array_free(&p->addrs);
}

/* "name@file:line" of the innermost or the outermost frame in what go_frames() says. */
static const char *innermost(const char *frames, char *buf)
{
	snprintf(buf, LINE_MAX_BYTES, "%.*s", (int)strcspn(frames, "\n"), frames);
	return buf;
}

static const char *outer_name(const char *frames, char *buf)
{
	const char *last = strrchr(frames, '\n');

	last = last ? last + 1 : frames;
	snprintf(buf, LINE_MAX_BYTES, "%.*s", (int)strcspn(last, "@"), last);
	return buf;
}

/* Names of types in brackets, as the runtime prints them: "[...]". */
static void hide_types(char *name)
{
	char *from = strchr(name, '['), *at = strchr(name, '@');
	char *to = from;

	for (char *p = name; p < at; p++)
		to = *p == ']' ? p : to;
	if (from && from < at && to > from) {
		char rest[LINE_MAX_BYTES];

		snprintf(rest, sizeof(rest), "%s", to);
		sprintf(from, "[...%s", rest);
	}
}

static bool read_line(FILE *f, char buf[LINE_MAX_BYTES])
{
	if (!fgets(buf, LINE_MAX_BYTES, f))
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return true;
}

static FILE *run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static FILE *run(const char *fmt, ...)
{
	char cmd[3 * PATH_MAX];
	va_list args;
	FILE *f;

	va_start(args, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, args);
	va_end(args);
	f = popen(cmd, "r");
	cr_assert(f);
	return f;
}

static void agree_with_addr2line(const char *name)
{
	static char go_name[LINE_MAX_BYTES], go_place[LINE_MAX_BYTES], mine[LINE_MAX_BYTES];
	struct program p;
	unsigned differ = 0, known = 0;
	FILE *f;

	program_open(&p, name);
	f = run("go tool addr2line '%s' <%s", fixture_path(name), p.asked);
	array_each(&p.addrs, addr) {
		const char *frames = go_frames(&p.b, &p.own, *addr), *place;

		cr_assert(read_line(f, go_name) && read_line(f, go_place));
		place = strchr(innermost(frames, mine), '@');
		/* Behind a function's code: no file, and -1 or what else is there for a line. */
		if (go_place[0] == ':')
			strcpy(go_place, "?:0");
		known += go_place[0] != '?';
		if ((place && strcmp(place + 1, go_place) == 0) &&
		    strcmp(outer_name(frames, mine), go_name) == 0)
			continue;
		if (differ++ < 5)
			cr_log_warn("%" PRIx64 ": go: %s %s, here: %s", *addr, go_name, go_place,
				    frames);
	}
	pclose(f);
	cr_expect_eq(differ, 0, "%u of %zu differ", differ, p.addrs.n);
	cr_expect_gt(known, p.addrs.n * 9 / 10);
	program_done(&p);
}

Test(goprograms, agree_with_addr2line, .timeout = 300)
{
	agree_with_addr2line("go-debug");
}

Test(goprograms, agree_with_addr2line_stripped, .timeout = 300)
{
	agree_with_addr2line("go-stripped");
}

Test(goprograms, agree_with_addr2line_trimpath, .timeout = 300)
{
	agree_with_addr2line("go-trimpath");
}

Test(goprograms, agree_with_addr2line_pie, .timeout = 300)
{
	agree_with_addr2line("go-pie");
}

Test(goprograms, agree_with_their_runtime, .timeout = 300)
{
	static char said[LINE_MAX_BYTES], mine[LINE_MAX_BYTES];
	struct program p;
	unsigned differ = 0, inlined = 0;
	FILE *f;

	program_open(&p, "go-stripped");
	f = run("'%s' answer <%s", fixture_path("go-stripped"), p.asked);
	array_each(&p.addrs, addr) {
		const char *frames = go_frames(&p.b, &p.own, *addr);

		cr_assert(read_line(f, said));
		innermost(frames, mine);
		/* It does not know the name at the very start of its names. */
		if (strstr(mine, "@?:0") || said[0] == '@')
			continue;
		hide_types(mine);
		hide_types(said);
		inlined += strchr(frames, '\n') != NULL;
		if (strcmp(mine, said) != 0 && differ++ < 5)
			cr_log_warn("%" PRIx64 ": go: %s, here: %s", *addr, said, frames);
	}
	pclose(f);
	cr_expect_eq(differ, 0, "%u of %zu differ", differ, p.addrs.n);
	cr_expect_gt(inlined, 200);
	program_done(&p);
}

/* One answer of llvm-symbolizer -s, as names alone, each on a line; false where it knows none. */
static bool read_chain(FILE *f, char chain[LINE_MAX_BYTES])
{
	static char name[LINE_MAX_BYTES], place[LINE_MAX_BYTES];
	bool known = true;
	size_t n = 0;

	chain[0] = '\0';
	while (read_line(f, name) && name[0]) {
		cr_assert(read_line(f, place));
		known &= strncmp(place, "??", 2) != 0;
		if (n < LINE_MAX_BYTES / 2)
			n += (size_t)snprintf(
				chain + n, LINE_MAX_BYTES / 2, "%s%.*s", n ? "\n" : "",
				(int)(strstr(name, ".abi0") ? strlen(name) - 5 : strlen(name)),
				name);
	}
	return known;
}

static void names_alone(char *frames)
{
	char *to = frames;

	for (char *p = frames; *p;)
		if (*p == '@')
			p += strcspn(p, "\n");
		else
			*to++ = *p++;
	*to = '\0';
}

/* Both leave something out here and there: DWARF what was generated, llvm the dots in the middle.
 */
Test(goprograms, agree_with_their_debug_information, .timeout = 300)
{
	static char chain[LINE_MAX_BYTES], mine[LINE_MAX_BYTES];
	unsigned same = 0, compared = 0, inlined = 0;
	struct program p;
	FILE *f;

	if (!have("llvm-symbolizer"))
		cr_skip("no llvm-symbolizer");
	program_open(&p, "go-stripped");
	f = run("sed s/^/0x/ %s | llvm-symbolizer -i --obj='%s'", p.asked,
		fixture_path("go-debug"));
	array_each(&p.addrs, addr) {
		bool known = read_chain(f, chain);

		snprintf(mine, sizeof(mine), "%s", go_frames(&p.b, &p.own, *addr));
		if (!known || strstr(mine, "@?:0"))
			continue;
		names_alone(mine);
		compared++;
		same += strcmp(mine, chain) == 0;
		inlined += strchr(mine, '\n') != NULL;
	}
	pclose(f);
	cr_expect_gt(compared, RANDOM);
	cr_expect_gt(inlined, 200);
	cr_expect_geq(same, compared - compared / 200, "%u of %u", same, compared);
	program_done(&p);
}
