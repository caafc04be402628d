/* SPDX-License-Identifier: Apache-2.0 */
/* Files that libdw reads for us: made here for other machines by clang, and held against
 * llvm-symbolizer. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug_fixture.h"
#include "elf_fixture.h"
#include "elffile.h"
#include "libdwsource.h"
#include "scratch.h"

static struct scratch_dir dir;
static char source[PATH_MAX];

static void enter(void)
{
	cr_assert_not_null(realpath("tests/fixtures/symbolize/foreign.c", source));
	scratch_enter(&dir);
}

static void leave(void)
{
	alloc_fail_at(-1);
	scratch_leave(&dir);
}

TestSuite(libdw, .init = enter, .fini = leave, .timeout = 240);

/* Compiles the fixture for @target with @flags to "x.o". */
static void compile(const char *target, const char *flags)
{
	sh("clang --target=%s -O2 -g %s -c %s -o x.o 2>clang.log || { cat clang.log; false; }",
	   target, flags, source);
}

static struct symbolizer *new_symbolizer(bool allow)
{
	static const char *const dirs[] = { NULL };
	struct symbolizer_opts opts = { .allow_libdw = allow, .debug_dirs = dirs };
	struct symbolizer *s;

	cr_assert_eq(symbolizer_new(&s, &opts), 0);
	return s;
}

/* --- answers as text -------------------------------------------------------------------------- */

enum { TEXT = 2048 };

/* "FUNCTION FILE:LINE; ..." from the innermost frame outwards, or "!REASON". */
static void text_of(const struct sym_batch *b, size_t i, char ret[TEXT])
{
	const struct sym_answer *a = &b->answers[i];
	size_t n = 0;

	if (a->reason != SYM_OK)
		snprintf(ret, TEXT, "!%s", sym_reason_text(a->reason));
	for (uint32_t k = 0; k < a->frame_n && n < TEXT; k++) {
		const struct sym_frame *f = &b->frames[a->frame_first + k];
		const char *file = b->strings + f->file;

		n += (size_t)snprintf(ret + n, TEXT - n, "%s %s:%u; ", b->strings + f->name,
				      file[0] ? file : "??", f->line);
	}
}

static void ask(struct symbolizer *s, const char *path, struct sym_request req,
		struct sym_batch *ret)
{
	char real[PATH_MAX];

	req.fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(req.fd, 0, "%s: %m", path);
	req.path = realpath(path, real);
	cr_assert_eq(symbolizer_run(s, &req, ret), 0);
	close(req.fd);
}

/* The answer to one question, with a symbolizer of its own. */
static const char *answer(const char *path, enum sym_kind kind, uint64_t off, bool no_inlines)
{
	static char text[TEXT];
	struct symbolizer *s = new_symbolizer(true);
	struct sym_batch b;

	ask(s, path,
	    (struct sym_request){ .kind = kind, .offs = &off, .n = 1, .no_inlines = no_inlines },
	    &b);
	text_of(&b, 0, text);
	sym_batch_done(&b);
	symbolizer_free(s);
	return text;
}

/* --- against llvm-symbolizer ------------------------------------------------------------------ */

/* Reads the answer to one address from llvm-symbolizer, whose next line is the address itself. */
static void read_llvm(FILE *f, char ret[TEXT])
{
	char function[512], place[PATH_MAX + 64];
	size_t n = 0;
	int c;

	cr_assert_not_null(fgets(function, sizeof(function), f));
	ret[0] = '\0';
	while ((c = fgetc(f)) != EOF) {
		char *colon;

		ungetc(c, f);
		if (c == '0')
			break;
		cr_assert_not_null(fgets(function, sizeof(function), f));
		cr_assert_not_null(fgets(place, sizeof(place), f));
		function[strcspn(function, "\n")] = '\0';
		place[strcspn(place, "\n")] = '\0';
		colon = strrchr(place, ':');
		cr_assert_not_null(colon, "%s", place);
		n += (size_t)snprintf(ret + n, TEXT - n, "%s %.*s:%d; ", function,
				      (int)(colon - place), place, atoi(colon + 1));
	}
}

struct section {
	uint64_t addr, off, n;
};

static struct section section_of(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const Elf64_Shdr *sh;
	struct section ret;
	struct elf_file f;

	cr_assert_eq(elf_file_open_any(&f, fd, UINT64_MAX), 0, "%s", path);
	cr_assert_eq(elf_file_read_sections(&f), 0);
	sh = elf_file_section_named(&f, name);
	cr_assert_not_null(sh, "%s has no %s", path, name);
	ret = (struct section){ sh->sh_addr, sh->sh_offset, sh->sh_size };
	elf_file_close(&f);
	close(fd);
	return ret;
}

/*
 * Every address of .text. Where llvm knows no function there is padding between functions, for
 * which it has a line all the same; we say nothing of it.
 */
static void agree(const char *path)
{
	struct section text = section_of(path, ".text");
	uint64_t *addrs = calloc(text.n, sizeof(*addrs));
	struct symbolizer *s = new_symbolizer(true);
	FILE *f = fopen("addrs", "w");
	size_t inlined = 0;
	struct sym_batch b;
	char command[PATH_MAX + 128];

	for (size_t i = 0; i < text.n; i++) {
		addrs[i] = text.addr + i;
		fprintf(f, "0x%" PRIx64 "\n", addrs[i]);
	}
	fclose(f);
	snprintf(command, sizeof(command),
		 "llvm-symbolizer --output-style=GNU -a -f -i -e %s <addrs 2>&1", path);
	f = popen(command, "r");
	ask(s, path, (struct sym_request){ .kind = SYM_VADDR, .offs = addrs, .n = text.n }, &b);
	for (size_t i = 0; i < text.n; i++) {
		char want[TEXT], got[TEXT];

		read_llvm(f, want);
		text_of(&b, i, got);
		if (strncmp(want, "?? ", 3) != 0 && strncmp(want, "sink ", 5) != 0)
			cr_expect_str_eq(got, want, "%s at %#" PRIx64 ": '%s', llvm says '%s'",
					 path, addrs[i], got, want);
		inlined += b.answers[i].frame_n > 1;
	}
	cr_expect_gt(inlined, text.n / 10, "%s: %zu of %" PRIu64 " addresses", path, inlined,
		     text.n);
	pclose(f);
	sym_batch_done(&b);
	symbolizer_free(s);
	free(addrs);
}

Test(libdw, agrees_with_llvm_on_objects_of_many_machines)
{
	static const char *const targets[] = {
		"x86_64-linux-gnu",	 "i386-linux-gnu",	 "armv7-linux-gnueabihf",
		"aarch64-linux-gnu",	 "aarch64_be-linux-gnu", "powerpc-linux-gnu",
		"powerpc64le-linux-gnu", "s390x-linux-gnu",
	};

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		char name[128];

		/* Position-independent code of a 32-bit PowerPC has a word of data in front. */
		compile(targets[i], "-DONE_SECTION -fno-pic");
		snprintf(name, sizeof(name), "%s.o", targets[i]);
		cr_assert_eq(rename("x.o", name), 0);
		agree(name);
	}
}

Test(libdw, agrees_with_llvm_on_every_version_of_dwarf)
{
	static const char *const flags[] = { "-gdwarf-2",
					     "-gdwarf-3",
					     "-gdwarf-4",
					     "-gdwarf-5",
					     "-gdwarf-5 -gz=zlib",
					     "-O1 -gdwarf-4 -gz=zlib",
					     "-fPIC -gdwarf-5 -fdebug-types-section" };

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		char all[128];

		snprintf(all, sizeof(all), "-DONE_SECTION %s", flags[i]);
		compile("i386-linux-gnu", all);
		agree("x.o");
		compile("s390x-linux-gnu", all);
		agree("x.o");
	}
}

Test(libdw, agrees_with_llvm_on_64_bit_dwarf)
{
	if (!libdw_reads_lines("lines-clang-wide"))
		cr_skip_test("this libdw does not read such lines");
	compile("x86_64-linux-gnu", "-DONE_SECTION -gdwarf-5 -gdwarf64");
	agree("x.o");
}

/* Of every address of .text. */
static void same_answers(const char *one, const char *other)
{
	struct section text = section_of(one, ".text");

	for (uint64_t i = 0; i < text.n; i++) {
		char want[TEXT];

		snprintf(want, sizeof(want), "%s", answer(one, SYM_VADDR, text.addr + i, false));
		cr_expect_str_eq(answer(other, SYM_VADDR, text.addr + i, false), want, "%#" PRIx64,
				 text.addr + i);
	}
}

Test(libdw, agrees_with_llvm_on_32_bit_programs)
{
	compile("i386-linux-gnu", "-ffunction-sections");
	sh("ld -m elf_i386 -e first x.o -o program && ld -m elf_i386 -shared x.o -o library");
	agree("program");
	agree("library");
	/* llvm knows one of these in some versions only. */
	sh("objcopy --compress-debug-sections=zlib-gnu program packed");
	same_answers("program", "packed");
	if (system("objcopy --compress-debug-sections=zstd program packed 2>/dev/null") == 0)
		same_answers("program", "packed");
}

Test(libdw, puts_the_folder_of_the_unit_before_relative_ones)
{
	sh("mkdir sub && cp %s sub/f.c", source);
	snprintf(source, sizeof(source), "sub/f.c");
	compile("i386-linux-gnu", "-DONE_SECTION -gdwarf-4");
	agree("x.o");
	/* llvm says this folder twice. */
	compile("s390x-linux-gnu", "-gdwarf-5 -fdebug-compilation-dir=some/where");
	cr_expect_str_eq(answer("x.o", SYM_VADDR, 0, true), "first some/where/sub/f.c:33; ");
	compile("s390x-linux-gnu", "-gdwarf-4 -fdebug-compilation-dir=some/where");
	cr_expect_str_eq(answer("x.o", SYM_VADDR, 0, true), "first some/where/sub/f.c:33; ");
}

/* Before DWARF 3 a unit could name one range only, and .debug_aranges has the rest. */
Test(libdw, asks_aranges_about_units_in_several_places)
{
	compile("i386-linux-gnu", "-gdwarf-2 -gstrict-dwarf -mllvm -generate-arange-section");
	sh("ld -m elf_i386 -shared x.o -o a");
	cr_expect_not_null(strstr(answer("a", SYM_VADDR, section_of("a", ".init.text").addr, false),
				  "begin_all /"));
}

/* --- sections of relocatable files ------------------------------------------------------------ */

Test(libdw, reaches_every_section_by_offsets_and_the_first_by_addresses)
{
	static const struct {
		const char *section, *function;
	} t[] = {
		{ ".text.first", "first" },
		{ ".init.text", "begin_all" },
		{ ".text.second", "second" },
		{ ".text.quiet", "quiet" },
	};
	struct section init, first;

	compile("i386-linux-gnu", "-ffunction-sections");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct section sec = section_of("x.o", t[i].section);
		const char *got = answer("x.o", SYM_ELF, sec.off, true);

		cr_expect_eq(strncmp(got, t[i].function, strlen(t[i].function)), 0, "%s: %s",
			     t[i].section, got);
		got = answer("x.o", SYM_ELF, sec.off + sec.n - 1, true);
		cr_expect_eq(strncmp(got, t[i].function, strlen(t[i].function)), 0, "%s: %s",
			     t[i].section, got);
	}
	cr_expect_eq(strncmp(answer("x.o", SYM_VADDR, 1, true), "first ", 6), 0);
	/* The first one is shorter than the second. */
	first = section_of("x.o", ".text.first");
	init = section_of("x.o", ".init.text");
	cr_assert_lt(first.n, init.n);
	cr_expect_eq(strncmp(answer("x.o", SYM_VADDR, first.n, true), "begin_all ", 10), 0);
	cr_expect_str_eq(answer("x.o", SYM_VADDR, 1 << 20, true), "!no symbol at this address");
	cr_expect_str_eq(answer("x.o", SYM_ELF, 1, true), "!no symbol at this address");
}

/* As modules of the kernel are made: several units, relocated against one section. */
Test(libdw, agrees_with_llvm_on_several_units_in_one_section)
{
	compile("i386-linux-gnu", "-DONE_SECTION -Dsecond=third -Dfirst=fourth");
	sh("mv x.o y.o");
	compile("i386-linux-gnu", "-DONE_SECTION -Dbegin_all=begin_some");
	sh("ld -r -m elf_i386 x.o y.o -o both.o");
	agree("both.o");
	compile("x86_64-linux-gnu", "-DONE_SECTION -gdwarf-4 -mcmodel=kernel");
	sh("ld -r x.o -o module.ko");
	agree("module.ko");
}

/* --- other sources ---------------------------------------------------------------------------- */

Test(libdw, names_by_symbols_what_has_no_debug_information)
{
	compile("i386-linux-gnu", "-ffunction-sections");
	sh("ld -m elf_i386 -shared x.o -o full && objcopy -g x.o bare.o && strip -g full -o bare && "
	   "strip full -o least");
	cr_expect_str_eq(answer("bare.o", SYM_ELF, section_of("bare.o", ".text.quiet").off, false),
			 "quiet ??:0; ");
	cr_expect_str_eq(answer("bare", SYM_VADDR, section_of("bare", ".init.text").addr, false),
			 "begin_all ??:0; ");
	cr_expect_str_eq(answer("least", SYM_VADDR, section_of("least", ".init.text").addr, false),
			 "begin_all ??:0; ");
	compile("s390x-linux-gnu", "-g0");
	cr_expect_str_eq(answer("x.o", SYM_VADDR, 0, false), "first ??:0; ");
	compile("s390x-linux-gnu", "-g0 -ffunction-sections");
	cr_expect_str_eq(answer("x.o", SYM_ELF, section_of("x.o", ".init.text").off, false),
			 "begin_all ??:0; ");
	compile("armv7-linux-gnueabihf", "-g0 -mthumb");
	cr_expect_str_eq(answer("x.o", SYM_VADDR, 0, false), "first ??:0; ");
}

Test(libdw, finds_separate_debug_files)
{
	uint64_t addr;
	char want[TEXT];

	compile("i386-linux-gnu", "");
	sh("ld -m elf_i386 -shared --build-id=sha1 x.o -o full");
	addr = section_of("full", ".init.text").addr;
	snprintf(want, sizeof(want), "%s", answer("full", SYM_VADDR, addr, false));
	cr_assert(strstr(want, "foreign.c"), "%s", want);
	sh("objcopy --only-keep-debug full full.debug && strip full -o lib && "
	   "objcopy --add-gnu-debuglink=full.debug lib");
	cr_expect_str_eq(answer("lib", SYM_VADDR, addr, false), want);
	sh("printf x >>full.debug"); /* by its build id, it is the one still */
	cr_expect_str_eq(answer("lib", SYM_VADDR, addr, false), want);
	/* Of a big-endian object, which has no build id: its checksum decides. */
	compile("s390x-linux-gnu", "");
	snprintf(want, sizeof(want), "%s", answer("x.o", SYM_VADDR, 0, false));
	if (system("llvm-objcopy --only-keep-debug x.o x.debug && llvm-objcopy --strip-debug "
		   "--add-gnu-debuglink=x.debug x.o y.o") != 0)
		return;
	cr_expect_str_eq(answer("y.o", SYM_VADDR, 0, false), want);
	sh("printf x >>x.debug");
	cr_expect_str_eq(answer("y.o", SYM_VADDR, 0, false), "first ??:0; ");
}

Test(libdw, finds_what_dwz_made)
{
	char want[TEXT];
	uint64_t addr;

	if (system("command -v dwz >/dev/null") != 0)
		cr_skip("there is no dwz");
	compile("i386-linux-gnu", "-gdwarf-4");
	sh("ld -m elf_i386 -shared x.o -o a && cp a b");
	addr = section_of("a", ".init.text").addr;
	snprintf(want, sizeof(want), "%s", answer("a", SYM_VADDR, addr, false));
	sh("dwz -m common a b && readelf -S a | grep -q gnu_debugaltlink");
	cr_expect_str_eq(answer("a", SYM_VADDR, addr, false), want);
	sh("rm common");
	cr_expect_eq(answer("a", SYM_VADDR, addr, true)[0], 'b');
}

Test(libdw, reads_split_debug_information)
{
	char want[TEXT];
	uint64_t addr;

	compile("i386-linux-gnu", "");
	sh("ld -m elf_i386 -shared x.o -o a");
	addr = section_of("a", ".init.text").addr;
	snprintf(want, sizeof(want), "%s", answer("a", SYM_VADDR, addr, false));
	compile("i386-linux-gnu", "-gsplit-dwarf -fdebug-compilation-dir=$PWD");
	sh("ld -m elf_i386 -shared x.o -o a");
	cr_expect_str_eq(answer("a", SYM_VADDR, addr, false), want);
	sh("rm *.dwo && mkfifo x.dwo"); /* nobody waits for its writer */
	cr_expect_eq(answer("a", SYM_VADDR, addr, true)[0], 'b');
}

Test(libdw, reads_the_small_symbol_table_of_stripped_programs)
{
	uint64_t addr;

	if (system("command -v xz >/dev/null") != 0)
		cr_skip("there is no xz");
	compile("i386-linux-gnu", "-ffunction-sections");
	sh("ld -m elf_i386 -e first x.o -o full && strip -g full -o mini && xz -k mini && "
	   "strip full -o bare && objcopy --add-section .gnu_debugdata=mini.xz bare");
	addr = section_of("full", ".text").addr;
	cr_expect_str_eq(answer("bare", SYM_VADDR, addr, false), "first ??:0; ");
}

/* --- limits ----------------------------------------------------------------------------------- */

static enum sym_reason reason_of(const char *path, const struct symbolizer_opts *opts)
{
	struct symbolizer *s;
	struct sym_batch b;
	enum sym_reason ret;
	uint64_t addr = 0;

	cr_assert_eq(symbolizer_new(&s, opts), 0);
	ask(s, path, (struct sym_request){ .kind = SYM_VADDR, .offs = &addr, .n = 1 }, &b);
	ret = b.answers[0].reason;
	sym_batch_done(&b);
	symbolizer_free(s);
	return ret;
}

Test(libdw, is_not_asked_unless_allowed)
{
	compile("i386-linux-gnu", "");
	cr_expect_eq(reason_of("x.o", NULL), SYM_UNSUPPORTED);
	cr_expect_eq(reason_of("x.o", &(struct symbolizer_opts){ .allow_libdw = true }), SYM_OK);
}

Test(libdw, keeps_limits)
{
	struct symbolizer_opts opts = { .allow_libdw = true, .max_file_bytes = 1000 };

	compile("i386-linux-gnu", "");
	cr_expect_eq(reason_of("x.o", &opts), SYM_LIMIT);
	compile("i386-linux-gnu", "-gz=zlib");
	opts = (struct symbolizer_opts){ .allow_libdw = true, .max_inflated = 100 };
	cr_expect_eq(reason_of("x.o", &opts), SYM_LIMIT);
	sh("printf '\\177ELF\\1\\1\\1' >x.o");
	cr_expect_eq(reason_of("x.o", &opts), SYM_BAD_FILE);
	sh("printf '\\177ELF\\7\\1\\1..........................' >x.o");
	cr_expect_eq(reason_of("x.o", &opts), SYM_UNSUPPORTED);
}

static int open_source(const char *path, uint64_t max_ns, struct elf_object *o,
		       struct libdwsource **s)
{
	static const char *const dirs[] = { NULL };
	struct libdwsource_opts opts = { .max_file_bytes = UINT64_MAX,
					 .max_inflated = 1 << 20,
					 .max_images = 1 << 20,
					 .max_ns = max_ns,
					 .debug_dirs = dirs,
					 .path = "",
					 .root_fd = -1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = libdwsource_open(fd, &opts, o, s);

	close(fd);
	return r;
}

Test(libdw, answers_a_limit_when_time_is_up)
{
	struct libdwsource *s;
	struct elf_object o;

	compile("i386-linux-gnu", "");
	cr_expect_eq(open_source("x.o", 1, &o, &s), -EFBIG);
}

/* Reads the names of as many places as there are functions: -ENOMEM when that is what it says. */
static int try_all(const char *path)
{
	struct dwframes frames = { 0 };
	struct dwquery q[16] = { 0 };
	struct libdwsource *s;
	struct elf_object o;
	int r = open_source(path, 0, &o, &s);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(q); i++)
		q[i].addr = o.n_code ? o.code[o.n_code * i / ARRAY_LEN(q)].vaddr + i : i;
	r = libdwsource_find(s, q, ARRAY_LEN(q), &frames);
	array_each(&frames.frames, f)
		(void)strlen(libdwsource_string(s, f->name.name));
	(void)libdwsource_address(s, SYM_VADDR, 5);
	(void)libdwsource_address(s, SYM_ELF, 70);
	cr_expect_gt(libdwsource_bytes(s), 0);
	array_free(&frames.frames);
	elf_object_done(&o);
	libdwsource_free(s);
	return r;
}

Test(libdw, survives_every_failing_allocation)
{
	int r = -1, rounds = 0;

	compile("i386-linux-gnu", "-ffunction-sections");
	for (; r != 0; rounds++) {
		alloc_fail_at(rounds);
		r = try_all("x.o");
		cr_expect(r == 0 || r == -ENOMEM, "allocation %d: %d", rounds, r);
		cr_expect_eq(alloc_live(), 0, "allocation %d: %ld not freed", rounds, alloc_live());
	}
	alloc_fail_at(-1);
	cr_expect_gt(rounds, 20);
}

/* --- broken files ----------------------------------------------------------------------------- */

static void write_file(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "w");

	cr_assert_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void corrupt(const char *path, unsigned seed)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n;
	uint8_t *p = fixture_read(fd, &n), *q = malloc(n);

	close(fd);
	for (int round = 0; round < 150; round++) {
		memcpy(q, p, n);
		for (int k = 1 << rand_r(&seed) % 6; k > 0; k--)
			q[(size_t)rand_r(&seed) % n] ^= (uint8_t)(1 << rand_r(&seed) % 8);
		write_file("broken", q, n);
		(void)try_all("broken");
		write_file("broken", p, (size_t)rand_r(&seed) % n);
		(void)try_all("broken");
	}
	free(p);
	free(q);
}

Test(libdw, survives_broken_files)
{
	compile("i386-linux-gnu", "-ffunction-sections");
	sh("ld -m elf_i386 -shared x.o -o lib");
	corrupt("x.o", 1);
	corrupt("lib", 2);
	compile("s390x-linux-gnu", "-gdwarf-4 -gz=zlib");
	corrupt("x.o", 3);
	compile("x86_64-linux-gnu", "-gdwarf-5");
	corrupt("x.o", 4);
}

/* --- build ids -------------------------------------------------------------------------------- */

Test(libdw, gives_build_ids_of_other_files)
{
	char id[BUILD_ID_HEX_MAX] = "";
	int fd;

	compile("i386-linux-gnu", "");
	sh("ld -m elf_i386 -shared --build-id=0x1234567890abcdef x.o -o a");
	fd = open("a", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(elf_build_id(fd, id), 0);
	cr_expect_str_eq(id, "1234567890abcdef");
	close(fd);
	sh("printf '.section .note.gnu.build-id,\"a\",@note\\n.long 4,4,3\\n.asciz \"GNU\"\\n"
	   ".byte 1,2,3,4\\n' >n.s && clang --target=s390x-linux-gnu -c n.s -o n.o");
	fd = open("n.o", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(elf_build_id(fd, id), 0);
	cr_expect_str_eq(id, "01020304");
	close(fd);
}
