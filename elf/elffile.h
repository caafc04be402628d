/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer shape of an ELF file: header, program headers, section headers. Everything is copied to
 * the heap by explicit reads and nothing is mapped: the owner of a mapped file can truncate it, and
 * the next access would kill the profiler with SIGBUS. Offsets and sizes are checked against the
 * size that the file had when it was opened; a file that shrinks later gives -EBADMSG.
 *
 * Read are 64-bit little-endian executables and shared objects; of others the headers, as if they
 * were.
 */
#pragma once

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "cleanup.h"
#include "elfwide.h"

struct elf_file {
	int fd;		  /* borrowed; -1 when the bytes are in mem */
	struct bytes mem; /* borrowed */
	uint64_t size;
	struct elfwide wide; /* how it is written: not zero only after elf_file_open_any() */
	Elf64_Ehdr header;
	Elf64_Shdr *sections; /* NULL before elf_file_read_sections() */
	size_t n_sections;
	char *names; /* contents of the section name table and a NUL, or NULL */
	size_t n_names;
};

/*
 * Reads the header. 0, or -EBADMSG for what is not ELF or broken, -ENOTSUP for a kind that is not
 * read (32-bit, big-endian, relocatable, core), -EFBIG when it is larger than @max_bytes, -errno of
 * reading. @fd and @p are borrowed until elf_file_close().
 */
int elf_file_open_fd(struct elf_file *f, int fd, uint64_t max_bytes);
int elf_file_open_mem(struct elf_file *f, const void *p, size_t n);

/* elf_file_open_fd() for what is relocatable by its type, but without any relocation: a .dwo or .dwp, a
 * common file of dwz. */
int elf_file_open_dwo(struct elf_file *f, int fd, uint64_t max_bytes);

/*
 * elf_file_open_fd() for 32-bit, big-endian and relocatable files, too. Headers are as in a 64-bit
 * little-endian file; what sections hold is as it lies in the file. -ENOTSUP for core files.
 */
int elf_file_open_any(struct elf_file *f, int fd, uint64_t max_bytes);
int elf_file_open_any_mem(struct elf_file *f, const void *p, size_t n);

/* @f as it was just opened, to read its sections without changing @f; closed on its own, before @f. */
struct elf_file elf_file_again(const struct elf_file *f);

/* Frees what was read. Accepts a file whose opening failed. */
void elf_file_close(struct elf_file *f);

static inline void elf_file_closep(struct elf_file *f)
{
	elf_file_close(f);
}

/* Copies @n bytes at @off: 0, -EBADMSG past the end, -errno. */
int elf_file_read(const struct elf_file *f, uint64_t off, void *buf, size_t n);

/*
 * The same into new memory with a NUL behind it: 0 and *@ret (caller frees), -EBADMSG, -EFBIG when
 * @n is more than @max, -ENOMEM, -errno.
 */
int elf_file_read_new(const struct elf_file *f, uint64_t off, uint64_t n, size_t max, void **ret);

/* The program headers: 0, *@ret (caller frees) and *@ret_n; errors as above. */
int elf_file_read_segments(const struct elf_file *f, Elf64_Phdr **ret, size_t *ret_n);

/* Fills sections and names, once: 0 (also when the file has none); errors as above. */
int elf_file_read_sections(struct elf_file *f);

/* The first section of a type or name that has bytes in the file, NULL when there is none. */
const Elf64_Shdr *elf_file_section_of_type(const struct elf_file *f, uint32_t type);
const Elf64_Shdr *elf_file_section_named(const struct elf_file *f, const char *name);

/* Reads a section's bytes, at most @max: as elf_file_read_new(); *@ret_n is its size. */
int elf_file_read_section(const struct elf_file *f, const Elf64_Shdr *sh, size_t max, void **ret,
			  size_t *ret_n);
