/* SPDX-License-Identifier: Apache-2.0 */
#include "libdwbytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "inflate.h"

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

enum {
	ABBREVS_MAX = 64 << 20, /* bytes: libdw takes ten times that */
	ALIGN = 16,		/* of inflated sections */
	OLD_HEAD = 12,		/* bytes before the stream in .zdebug_*: "ZLIB", the size */
};

/* A section to be inflated. Decided once: headers and contents of a broken file may be the same
 * bytes. */
struct job {
	size_t section;
	enum inflate_format format;
	size_t off, n;	 /* of the stream */
	size_t at, size; /* what becomes of it */
};

struct jobs {
	ARRAY(struct job) jobs;
	size_t end; /* of all that is inflated */
};

bool libdwbytes_is_named(const struct elf_file *f, size_t i, const char *name)
{
	const Elf64_Shdr *sh = &f->sections[i];
	const char *own = sh->sh_name < f->n_names ? f->names + sh->sh_name : "";

	if (sh->sh_type == SHT_NOBITS || own[0] != '.')
		return false;
	return strcmp(own + 1, name) == 0 || (own[1] == 'z' && strcmp(own + 2, name) == 0);
}

/* The bytes of a section, NULL when these are not all there or fewer than @min. */
static const uint8_t *section_bytes(const struct elf_file *f, size_t i, size_t min)
{
	const Elf64_Shdr *sh = &f->sections[i];

	if (sh->sh_type == SHT_NOBITS || sh->sh_offset > f->mem.n ||
	    sh->sh_size > f->mem.n - sh->sh_offset || sh->sh_size < min)
		return NULL;
	return f->mem.p + sh->sh_offset;
}

static size_t chdr_size(const struct elf_file *f)
{
	return f->wide.narrow ? sizeof(Elf32_Chdr) : sizeof(Elf64_Chdr);
}

/* What a section says that it becomes when it is inflated, 0 for one that is not compressed. */
static uint64_t inflated_size(const struct elf_file *f, size_t i)
{
	const struct elfwide big_endian = { .swapped = true };
	const uint8_t *p;

	if (f->sections[i].sh_flags & SHF_COMPRESSED) {
		p = section_bytes(f, i, chdr_size(f));
		if (!p)
			return 0;
		return f->wide.narrow ? elfwide_u32(f->wide, p + 4) : elfwide_u64(f->wide, p + 8);
	}
	p = section_bytes(f, i, OLD_HEAD);
	return p && memcmp(p, "ZLIB", 4) == 0 ? elfwide_u64(big_endian, p + 4) : 0;
}

static int check_sizes(const struct elf_file *f, size_t max_inflated)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < f->n_sections; i++) {
		uint64_t n = inflated_size(f, i);

		if (n > max_inflated - sum)
			return -EFBIG;
		sum += n;
		if (libdwbytes_is_named(f, i, "debug_abbrev") &&
		    (n > ABBREVS_MAX || f->sections[i].sh_size > ABBREVS_MAX))
			return -EFBIG;
	}
	return 0;
}

/* A name of 0 is "", as the standard has it. */
static int hide_sections(const struct elf_file *f, char *bytes)
{
	static const char *const names[] = { "gnu_debuglink", "gnu_debugaltlink", "gnu_debugdata" };
	size_t one = elfwide_shdr_size(f->wide);

	/* libelf is not to find names where we found none. */
	if (!f->names && f->header.e_shstrndx != SHN_UNDEF)
		return -EBADMSG;
	for (size_t i = 0; i < f->n_sections; i++)
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			if (!libdwbytes_is_named(f, i, names[k]))
				continue;
			if (f->names[0] != '\0')
				return -EBADMSG;
			/* The headers were read from there. */
			memset(bytes + f->header.e_shoff + i * one, 0, sizeof(uint32_t));
		}
	return 0;
}

static int add_job(const struct elf_file *f, size_t i, struct jobs *j)
{
	size_t head = chdr_size(f);
	const uint8_t *p = section_bytes(f, i, head);
	struct job job = { .section = i, .at = j->end, .size = inflated_size(f, i) };
	uint32_t type;

	if (!(f->sections[i].sh_flags & SHF_COMPRESSED) || !p || job.size == 0)
		return 0;
	type = elfwide_u32(f->wide, p);
	if (type != ELFCOMPRESS_ZLIB && type != ELFCOMPRESS_ZSTD)
		return 0;
	job.format = type == ELFCOMPRESS_ZLIB ? INFLATE_ZLIB : INFLATE_ZSTD;
	job.off = f->sections[i].sh_offset + head;
	job.n = f->sections[i].sh_size - head;
	if (!inflate_is_plausible(job.format, job.n, job.size))
		return 0;
	j->end += (job.size + ALIGN - 1) / ALIGN * ALIGN;
	return array_push(&j->jobs, job);
}

/* A section that is broken stays as it is. */
static int run_job(const struct elf_file *f, const struct job *job, char *bytes)
{
	size_t one = elfwide_shdr_size(f->wide);
	int r = inflate_section(job->format, bytes + job->off, job->n, bytes + job->at, job->size);

	if (r == 0)
		elfwide_put_inflated(f->wide, bytes + f->header.e_shoff + job->section * one,
				     job->at, job->size);
	return r == -ENOMEM ? r : 0;
}

static int inflate_all(struct elf_file *f, struct jobs *j, char **bytes, size_t *n)
{
	char *p;
	int r = 0;

	j->end = (*n + ALIGN - 1) / ALIGN * ALIGN;
	for (size_t i = 0; r == 0 && i < f->n_sections; i++)
		r = add_job(f, i, j);
	if (r < 0 || j->jobs.n == 0)
		return r;
	p = realloc(*bytes, j->end);
	if (!p)
		return -ENOMEM;
	memset(p + *n, 0, j->end - *n);
	f->mem = bytes_of(p, *n);
	*bytes = p;
	*n = j->end;
	for (size_t i = 0; r == 0 && i < j->jobs.n; i++)
		r = run_job(f, &j->jobs.items[i], p);
	return r;
}

int libdwbytes_prepare(struct elf_file *f, size_t max_inflated, char **bytes, size_t *n)
{
	struct jobs j = { 0 };
	int r = check_sizes(f, max_inflated);

	if (r == 0)
		r = hide_sections(f, *bytes);
	if (r == 0)
		r = inflate_all(f, &j, bytes, n);
	array_free(&j.jobs);
	return r;
}
