/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of ELF files of 32 bits or of the other byte order, as those of a 64-bit little-endian
 * file (System V ABI, chapter 4): a field that is narrower there is widened, and what does not
 * exist is 0.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the numbers of a file are written. Zero: 64 bits, little-endian, as everything else here
 * reads. */
struct elfwide {
	bool narrow;  /* ELFCLASS32 */
	bool swapped; /* ELFDATA2MSB */
};

/* What @ident says: 0 and *@ret, or -ENOTSUP for a class or a byte order that ELF does not know. */
int elfwide_of(const unsigned char ident[EI_NIDENT], struct elfwide *ret);

/* Bytes of one header in the file. */
size_t elfwide_ehdr_size(struct elfwide w);
size_t elfwide_phdr_size(struct elfwide w);
size_t elfwide_shdr_size(struct elfwide w);

/* Of a symbol. */
size_t elfwide_sym_size(struct elfwide w);

/* Reads one from as many bytes at @p, which need not be aligned. */
void elfwide_ehdr(struct elfwide w, const void *p, Elf64_Ehdr *ret);
void elfwide_phdr(struct elfwide w, const void *p, Elf64_Phdr *ret);
void elfwide_shdr(struct elfwide w, const void *p, Elf64_Shdr *ret);
void elfwide_sym(struct elfwide w, const void *p, Elf64_Sym *ret);

/* A number of 4 bytes at @p in the file's byte order. */
uint32_t elfwide_u32(struct elfwide w, const void *p);

/* One of 8 bytes. */
uint64_t elfwide_u64(struct elfwide w, const void *p);

/* Writes into the section header at @p in the file: it has no flag SHF_COMPRESSED, and other bytes.
 */
void elfwide_put_inflated(struct elfwide w, void *p, uint64_t off, uint64_t size);
