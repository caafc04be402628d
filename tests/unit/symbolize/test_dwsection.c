/* SPDX-License-Identifier: Apache-2.0 */
/* ELF files made by hand, with sections that are compressed in every way. */
#include <criterion/criterion.h>
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "array.h"
#include "dwsection.h"
#include "elf_fixture.h"
#include "inflate.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

#define MANY ((size_t)1 << 30)

struct blob {
	uint8_t *p;
	size_t n;
};

/* Every blob of a test, to be freed behind it. */
static void *blobs[64];
static size_t n_blobs;

static struct blob new_blob(size_t n)
{
	cr_assert_lt(n_blobs, ARRAY_LEN(blobs));
	blobs[n_blobs] = calloc(1, n);
	return (struct blob){ blobs[n_blobs++], n };
}

static void free_blobs(void)
{
	while (n_blobs > 0)
		free(blobs[--n_blobs]);
}

TestSuite(dwsection, .fini = free_blobs);
TestSuite(inflate, .fini = free_blobs);

/* Bytes that compress, but not to nothing. */
static struct blob pattern(size_t n)
{
	struct blob b = new_blob(n);
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		b.p[i] = "debug information"[(x >> 24) % 17];
	}
	return b;
}

/* The same, compressed, behind @head bytes of room. */
static struct blob packed(struct blob raw, size_t head, bool zstd)
{
	size_t n = zstd ? ZSTD_compressBound(raw.n) : compressBound(raw.n);
	struct blob b = new_blob(head + n);

	if (zstd) {
		n = ZSTD_compress(b.p + head, n, raw.p, raw.n, 1);
	} else {
		uLongf got = n;

		cr_assert_eq(compress2(b.p + head, &got, raw.p, raw.n, 1), Z_OK);
		n = got;
	}
	b.n = head + n;
	return b;
}

static struct blob with_chdr(struct blob raw, uint32_t type, uint64_t size)
{
	struct blob b = packed(raw, sizeof(Elf64_Chdr), type == ELFCOMPRESS_ZSTD);

	memcpy(b.p, &(Elf64_Chdr){ .ch_type = type, .ch_size = size, .ch_addralign = 1 },
	       sizeof(Elf64_Chdr));
	return b;
}

static struct blob with_zhdr(struct blob raw)
{
	struct blob b = packed(raw, 12, false);
	uint64_t size = htobe64(raw.n);

	memcpy(b.p, "ZLIB", 4);
	memcpy(b.p + 4, &size, 8);
	return b;
}

struct section {
	const char *name;
	struct blob bytes;
	uint64_t flags;
	uint32_t type; /* 0 = SHT_PROGBITS */
};

/* An ELF file of type @type with @n sections; the last byte of it is that of the last section. */
static int elf_of(uint16_t type, const struct section *s, size_t n)
{
	Elf64_Shdr sh[16] = { { 0 } };
	char names[512] = "";
	size_t at = 1, off = sizeof(Elf64_Ehdr);
	Elf64_Ehdr eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			  .e_type = type,
			  .e_machine = EM_X86_64,
			  .e_version = EV_CURRENT,
			  .e_shoff = off,
			  .e_ehsize = sizeof(eh),
			  .e_shentsize = sizeof(sh[0]),
			  .e_shnum = (uint16_t)(n + 2),
			  .e_shstrndx = (uint16_t)(n + 1) };
	int fd = memfd_create("elf", MFD_CLOEXEC);

	cr_assert(fd >= 0 && n + 2 <= ARRAY_LEN(sh));
	off += (n + 2) * sizeof(sh[0]) + sizeof(names);
	for (size_t i = 0; i < n; i++) {
		sh[i + 1] = (Elf64_Shdr){ .sh_name = (Elf64_Word)at,
					  .sh_type = s[i].type ? s[i].type : SHT_PROGBITS,
					  .sh_flags = s[i].flags,
					  .sh_offset = off,
					  .sh_size = s[i].bytes.n };
		strcpy(names + at, s[i].name);
		at += strlen(s[i].name) + 1;
		cr_assert_eq((size_t)pwrite(fd, s[i].bytes.p, s[i].bytes.n, (off_t)off), s[i].bytes.n);
		off += s[i].bytes.n;
	}
	sh[n + 1] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				  .sh_offset = sizeof(eh) + (n + 2) * sizeof(sh[0]),
				  .sh_size = sizeof(names) };
	cr_assert_eq(pwrite(fd, &eh, sizeof(eh), 0), sizeof(eh));
	cr_assert_eq((size_t)pwrite(fd, sh, (n + 2) * sizeof(sh[0]), sizeof(eh)),
		     (n + 2) * sizeof(sh[0]));
	cr_assert_eq(pwrite(fd, names, sizeof(names), (off_t)sh[n + 1].sh_offset), sizeof(names));
	return fd;
}

static void expect_section(const struct dwsections *d, enum dwsection_id id, struct blob want)
{
	uint8_t *buf = malloc(want.n);
	const uint8_t *p;

	cr_assert_eq(d->s[id].size, want.n, "section %d", id);
	p = dwsection_window(d, id, 0, want.n, buf);
	cr_assert(p && memcmp(p, want.p, want.n) == 0, "section %d", id);
	free(buf);
}

/* --- what is there ---------------------------------------------------------------------------- */

Test(dwsection, leaves_sections_in_the_file)
{
	struct blob info = pattern(1000), str = pattern(500);
	const struct section s[] = { { .name = ".debug_str", .bytes = str },
				     { .name = ".debug_info", .bytes = info },
				     { .name = ".debug_info", .bytes = str },
				     { .name = ".debug_line", .bytes = str, .type = SHT_NOBITS },
				     { .name = ".debug_line.dwo", .bytes = str },
				     { .name = ".debug_line_str2", .bytes = str } };
	int fd = elf_of(ET_DYN, s, ARRAY_LEN(s));
	struct dwsections d;
	uint8_t buf[16];

	cr_assert_eq(dwsections_open(fd, false, 0, &d), 0);
	cr_expect_eq(d.fd, fd);
	cr_expect_eq(d.mem_bytes, 0);
	expect_section(&d, DW_INFO, info);
	expect_section(&d, DW_STR, str);
	cr_expect_eq(d.s[DW_LINE].size, 0);
	cr_expect_eq(d.s[DW_LINE_STR].size, 0);
	cr_expect_eq(memcmp(dwsection_window(&d, DW_INFO, 990, 10, buf), info.p + 990, 10), 0);
	cr_expect_null(dwsection_window(&d, DW_INFO, 990, 11, buf));
	cr_expect_null(dwsection_window(&d, DW_INFO, 1001, 0, buf));
	cr_expect_null(dwsection_window(&d, DW_INFO, UINT64_MAX, 2, buf));
	cr_expect_null(dwsection_window(&d, DW_LINE, 0, 1, buf));
	/* The owner cuts the file. */
	cr_assert_eq(ftruncate(fd, 100), 0);
	cr_expect_null(dwsection_window(&d, DW_INFO, 990, 10, buf));
	dwsections_close(&d);
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
}

Test(dwsection, inflates_what_is_compressed)
{
	/* Large enough for threads. */
	struct blob info = pattern(8 << 20), line = pattern(3 << 20), str = pattern(5 << 20),
		    abbrev = pattern(10), ranges = pattern(100 << 10);
	const struct section s[] = {
		{ ".debug_line", with_chdr(line, ELFCOMPRESS_ZSTD, line.n), SHF_COMPRESSED, 0 },
		{ ".debug_info", with_chdr(info, ELFCOMPRESS_ZLIB, info.n), SHF_COMPRESSED, 0 },
		{ ".zdebug_str", with_zhdr(str), 0, 0 },
		{ ".zdebug_ranges", with_zhdr(ranges), 0, 0 },
		{ ".debug_abbrev", abbrev, 0, 0 },
	};
	size_t sum = info.n + line.n + str.n + ranges.n;
	struct dwsections d;
	int fd;

	fd = elf_of(ET_EXEC, s, 4);
	cr_assert_eq(dwsections_open_held(fd, false, sum, sum, &d), 0);
	cr_expect_eq(d.fd, -1, "nothing is left to be read");
	cr_expect_eq(fcntl(fd, F_GETFD), -1);
	cr_expect_eq(d.mem_bytes, sum);
	expect_section(&d, DW_INFO, info);
	expect_section(&d, DW_LINE, line);
	expect_section(&d, DW_STR, str);
	expect_section(&d, DW_RANGES, ranges);
	cr_expect_null(dwsection_window(&d, DW_LINE, line.n, 1, NULL));
	dwsections_close(&d);

	fd = elf_of(ET_EXEC, s, 5);
	cr_assert_eq(dwsections_open_held(fd, false, sum, sum, &d), 0);
	cr_expect_eq(d.fd, fd);
	expect_section(&d, DW_INFO, info);
	expect_section(&d, DW_ABBREV, abbrev);
	dwsections_close(&d);

	/* The largest one does not fit any more, which is no reason to go without. */
	fd = elf_of(ET_EXEC, s, 5);
	cr_assert_eq(dwsections_open_held(fd, false, sum - 1, sum, &d), 0);
	cr_expect_eq(d.mem_bytes, sum - info.n);
	expect_section(&d, DW_INFO, info);
	cr_expect_eq(dwsection_hold(&d, DW_INFO, SIZE_MAX), 0);
	cr_expect_null(d.s[DW_INFO].mem, "it may not");
	cr_expect_lt(dwsections_bytes(&d), sum);
	dwsections_close(&d);
}

/* Whoever makes a file of 64 KB does not have 64 MB read for it, if that is more than may be held. */
Test(dwsection, refuses_what_is_large_only_once_it_is_inflated)
{
	struct blob zeros = new_blob(64 << 20);
	const struct section s = { ".debug_info", with_chdr(zeros, ELFCOMPRESS_ZLIB, zeros.n),
				   SHF_COMPRESSED, 0 };
	struct dwsections d;
	int fd;

	fd = elf_of(ET_EXEC, &s, 1);
	cr_expect_eq(dwsections_open(fd, false, zeros.n - 1, &d), -EFBIG);
	cr_expect_neq(fcntl(fd, F_GETFD), -1, "it stays the caller's");
	cr_assert_eq(dwsections_open(fd, false, zeros.n, &d), 0);
	dwsections_close(&d);
}

Test(dwsection, reads_pieces_of_what_is_compressed_and_large)
{
	struct blob info = pattern(3 << 20), str = pattern(2 << 20), abbrev = pattern(100 << 10);
	const struct section s[] = {
		{ ".debug_info", with_chdr(info, ELFCOMPRESS_ZLIB, info.n), SHF_COMPRESSED, 0 },
		{ ".debug_str", with_chdr(str, ELFCOMPRESS_ZSTD, str.n), SHF_COMPRESSED, 0 },
		{ ".zdebug_abbrev", with_zhdr(abbrev), 0, 0 },
	};
	size_t sum = info.n + str.n + abbrev.n;
	int fd = elf_of(ET_EXEC, s, ARRAY_LEN(s));
	struct dwsections d;
	char buf[300], same[300];

	cr_assert_eq(dwsections_open_held(fd, false, sum, 200 << 10, &d), 0);
	cr_expect_eq(d.fd, fd);
	cr_expect_eq(d.inflated, sum);
	cr_expect_eq(d.mem_bytes, abbrev.n);
	expect_section(&d, DW_INFO, info);
	expect_section(&d, DW_STR, str);
	expect_section(&d, DW_ABBREV, abbrev);
	memcpy(same, str.p + 1000, sizeof(same) - 1);
	same[sizeof(same) - 1] = '\0';
	cr_expect_str_eq(dwsection_str(&d, DW_STR, 1000, sizeof(buf), buf), same);
	cr_expect_gt(dwsections_bytes(&d), d.mem_bytes);
	dwsections_rest(&d);
	cr_expect_eq(dwsection_hold(&d, DW_INFO, info.n - 1), 0);
	cr_expect_null(d.s[DW_INFO].mem, "it is larger");
	cr_expect_eq(dwsection_hold(&d, DW_INFO, info.n), 0);
	cr_expect(d.s[DW_INFO].mem && memcmp(d.s[DW_INFO].mem, info.p, info.n) == 0);
	cr_expect_eq(d.mem_bytes, abbrev.n + info.n);
	dwsections_close(&d);
}

Test(dwsection, reads_split_files)
{
	struct blob info = pattern(1000), other = pattern(50);
	const struct section s[] = { { ".debug_info.dwo", other, SHF_GROUP, 0 }, /* a type unit */
				     { ".debug_info.dwo", info, SHF_EXCLUDE, 0 },
				     { ".debug_cu_index", other, 0, 0 },
				     { ".debug_str", other, 0, 0 },
				     { ".debug_str_offsets.dwo", other, 0, 0 } };
	int fd = elf_of(ET_REL, s, ARRAY_LEN(s));
	struct dwsections d;

	cr_assert_eq(dwsections_open(fd, true, MANY, &d), 0);
	expect_section(&d, DW_INFO, info);
	expect_section(&d, DW_CU_INDEX, other);
	expect_section(&d, DW_STR_OFFSETS, other);
	cr_expect_eq(d.s[DW_STR].size, 0);
	dwsections_close(&d);
}

Test(dwsection, is_content_without_debug_information)
{
	struct dwsections d;

	cr_assert_eq(dwsections_open(fixture_open("names-stripped"), false, MANY, &d), 0);
	for (int i = 0; i < DW_SECTIONS; i++)
		cr_expect_eq(d.s[i].size, 0);
	cr_expect_eq(d.fd, -1);
	dwsections_close(&d);
}

/* --- strings ---------------------------------------------------------------------------------- */

static void expect_strings(const struct dwsections *d)
{
	char buf[600];

	cr_expect_str_eq(dwsection_str(d, DW_STR, 0, sizeof(buf), buf), "first");
	cr_expect_str_eq(dwsection_str(d, DW_STR, 2, sizeof(buf), buf), "rst");
	cr_expect_str_eq(dwsection_str(d, DW_STR, 5, sizeof(buf), buf), "");
	cr_expect_eq(strlen(dwsection_str(d, DW_STR, 6, sizeof(buf), buf)), 500);
	cr_expect_str_eq(dwsection_str(d, DW_STR, 0, 6, buf), "first");
	cr_expect_str_eq(dwsection_str(d, DW_STR, 0, 4, buf), "fir");
	cr_expect_str_eq(dwsection_str(d, DW_STR, 0, 1, buf), "");
	cr_expect_str_eq(dwsection_str(d, DW_STR, 0, 0, NULL), "");
	cr_expect_eq(strlen(dwsection_str(d, DW_STR, 6, 300, buf)), 299);
	cr_expect_str_eq(dwsection_str(d, DW_STR, 507, sizeof(buf), buf), "", "it has no end");
	cr_expect_str_eq(dwsection_str(d, DW_STR, 511, sizeof(buf), buf), "");
	cr_expect_str_eq(dwsection_str(d, DW_STR, UINT64_MAX, sizeof(buf), buf), "");
	cr_expect_str_eq(dwsection_str(d, DW_LINE_STR, 0, sizeof(buf), buf), "");
}

Test(dwsection, reads_strings)
{
	struct blob str = new_blob(511);
	struct section s = { .name = ".debug_str", .bytes = str };
	struct dwsections d;

	strcpy((char *)str.p, "first");
	memset(str.p + 6, 'x', 500);
	memcpy(str.p + 507, "open", 4);
	cr_assert_eq(dwsections_open(elf_of(ET_DYN, &s, 1), false, MANY, &d), 0);
	expect_strings(&d);
	dwsections_close(&d);
	s.bytes = with_chdr(str, ELFCOMPRESS_ZLIB, str.n);
	s.flags = SHF_COMPRESSED;
	cr_assert_eq(dwsections_open(elf_of(ET_DYN, &s, 1), false, MANY, &d), 0);
	expect_strings(&d);
	dwsections_close(&d);
}

/* Strings of all lengths, one behind the other, and asked for in several orders. */
Test(dwsection, strings_that_lie_near_are_the_same)
{
	enum { BYTES = 200000, MAX = 4096 };
	struct blob str = new_blob(BYTES);
	struct section s = { .name = ".debug_str", .bytes = str };
	static struct dwsection_near near;
	static char a[MAX], b[MAX];
	struct dwsections d;

	for (size_t i = 0, n = 0; i + n < BYTES; i += n + 1, n = (n * 5 + 3) % 20011)
		memset(str.p + i, 'a' + (int)(n % 26), n);
	cr_assert_eq(dwsections_open(elf_of(ET_DYN, &s, 1), false, MANY, &d), 0);
	for (int way = 0; way < 3; way++)
		for (size_t i = 0; i < BYTES + 100; i += way ? 97 : 1) {
			size_t off = way == 2 ? i * 7919 % BYTES : i;
			size_t n = i % 3 ? MAX : 50;
			const char *want = dwsection_str(&d, DW_STR, off, n, a);

			cr_assert_str_eq(dwsection_str_near(&d, DW_STR, off, n, b, &near), want);
		}
	for (size_t off = 0; off < BYTES; off += 501) {
		const uint8_t *p = dwsection_window_near(&d, DW_STR, off, 500, &near);

		cr_assert_eq(p != NULL, off + 500 <= BYTES);
		cr_assert(!p || memcmp(p, str.p + off, 500) == 0);
	}
	cr_expect_null(dwsection_window_near(&d, DW_STR, BYTES + 1, 0, &near));
	cr_expect_null(dwsection_window_near(&d, DW_STR, UINT64_MAX, 8, &near));
	dwsections_close(&d);
}

/* --- what is broken --------------------------------------------------------------------------- */

static int open_one(const char *name, struct blob bytes, uint64_t flags)
{
	const struct section s = { name, bytes, flags, 0 };
	int fd = elf_of(ET_DYN, &s, 1);
	struct dwsections d;
	int r = dwsections_open(fd, false, MANY, &d);

	if (r == 0)
		dwsections_close(&d);
	else
		close(fd);
	return r;
}

Test(dwsection, believes_no_declared_size)
{
	struct blob raw = pattern(10000), b;

	for (uint32_t type = ELFCOMPRESS_ZLIB; type <= ELFCOMPRESS_ZSTD; type++) {
		static const uint64_t sizes[] = {
			0, 1, 9999, 10001, 100000, 1ull << 40, UINT64_MAX
		};

		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			b = with_chdr(raw, type, sizes[i]);
			cr_expect_eq(open_one(".debug_info", b, SHF_COMPRESSED),
				     sizes[i] == 0 ? 0 : -EBADMSG, "%u %lu", type, sizes[i]);
		}
		b = with_chdr(raw, type, raw.n);
		cr_expect_eq(open_one(".debug_info", b, SHF_COMPRESSED), 0);
		b.n -= 10; /* cut */
		cr_expect_eq(open_one(".debug_info", b, SHF_COMPRESSED), -EBADMSG);
		b.n = sizeof(Elf64_Chdr) - 1;
		cr_expect_eq(open_one(".debug_info", b, SHF_COMPRESSED), -EBADMSG);
	}
	b = with_chdr(raw, 3, raw.n);
	cr_expect_eq(open_one(".debug_info", b, SHF_COMPRESSED), -ENOTSUP);
	cr_expect_eq(open_one(".debug_info", (struct blob){ raw.p, 8 }, SHF_COMPRESSED), -EBADMSG);
	cr_expect_eq(open_one(".zdebug_info", raw, 0), -EBADMSG);
	cr_expect_eq(open_one(".zdebug_info", (struct blob){ raw.p, 8 }, 0), -EBADMSG);
	cr_expect_eq(open_one(".debug_frame", b, SHF_COMPRESSED), 0, "it is not wanted");
}

Test(dwsection, refuses_sections_outside_of_the_file)
{
	struct blob raw = pattern(100);
	const struct section s = { ".debug_info", raw, 0, 0 };
	int fd = elf_of(ET_DYN, &s, 1);
	struct dwsections d = { .fd = 123 };

	cr_assert_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - 1), 0);
	cr_expect_eq(dwsections_open(fd, false, MANY, &d), -EBADMSG);
	cr_expect_eq(d.fd, 123);
	close(fd);
	/* A sparse file of a terabyte, all of it the compressed form of 100 bytes. */
	fd = elf_of(ET_DYN,
		    &(struct section){ ".debug_info", with_chdr(raw, ELFCOMPRESS_ZLIB, raw.n),
				       SHF_COMPRESSED, 0 },
		    1);
	cr_assert_eq(ftruncate(fd, 1ll << 40), 0);
	cr_assert_eq(
		pwrite(fd, &(uint64_t){ 1ull << 39 }, 8,
		       sizeof(Elf64_Ehdr) + sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, sh_size)),
		8);
	cr_expect_eq(dwsections_open(fd, false, MANY, &d), -EBADMSG);
	close(fd);
	fd = fixture_memfd("no ELF", 6);
	cr_expect_eq(dwsections_open(fd, false, MANY, &d), -EBADMSG);
	close(fd);
}

static void check_lack_of_memory(size_t held)
{
	struct blob info = pattern(1000), line = pattern(2000);
	const struct section s[] = {
		{ ".debug_info", with_chdr(info, ELFCOMPRESS_ZLIB, info.n), SHF_COMPRESSED, 0 },
		{ ".debug_line", with_chdr(line, ELFCOMPRESS_ZSTD, line.n), SHF_COMPRESSED, 0 },
		{ ".debug_str", line, 0, 0 },
	};
	int fd = elf_of(ET_DYN, s, ARRAY_LEN(s)), r = -ENOMEM;
	struct dwsections d;

	for (long at = 0; r == -ENOMEM; at++) {
		alloc_fail_at(at);
		r = dwsections_open_held(fd, false, MANY, held, &d);
		cr_assert(r == 0 || r == -ENOMEM);
		if (r == 0)
			dwsections_close(&d);
		cr_expect_eq(alloc_live(), 0);
		alloc_fail_at(-1);
	}
}

Test(dwsection, survives_a_lack_of_memory)
{
	check_lack_of_memory(MANY);
	check_lack_of_memory(0);
}

Test(inflate, takes_several_streams_for_one)
{
	struct blob a = pattern(1000), b = pattern(700);

	for (int zstd = 0; zstd < 2; zstd++) {
		struct blob x = packed(a, 0, zstd), y = packed(b, 0, zstd);
		enum inflate_format format = zstd ? INFLATE_ZSTD : INFLATE_ZLIB;
		struct blob both = new_blob(x.n + y.n);
		uint8_t out[1700];

		memcpy(mempcpy(both.p, x.p, x.n), y.p, y.n);
		cr_expect_eq(inflate_section(format, both.p, both.n, out, 1700), 0);
		cr_expect_eq(memcmp(out, a.p, 1000), 0);
		cr_expect_eq(memcmp(out + 1000, b.p, 700), 0);
		cr_expect_eq(inflate_section(format, both.p, both.n, out, 1500), -EBADMSG);
	}
}

Test(inflate, knows_what_is_plausible)
{
	struct blob zeros = new_blob(64 << 20);

	for (int zstd = 0; zstd < 2; zstd++) {
		enum inflate_format format = zstd ? INFLATE_ZSTD : INFLATE_ZLIB;
		struct blob b = packed(zeros, 0, zstd); /* nothing compresses better */

		cr_expect(inflate_is_plausible(format, b.n, zeros.n));
		cr_expect_not(inflate_is_plausible(format, b.n, (uint64_t)zeros.n << 12));
		cr_expect_not(inflate_is_plausible(format, 0, UINT64_MAX));
	}
}
