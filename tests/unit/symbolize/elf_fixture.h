/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room share. Failures inside end the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize.h"

/* Opens build/VARIANT/fixtures/symbolize/@name, which lies beside the test program. */
int fixture_open(const char *name);

/* Its path, valid until the next call. */
const char *fixture_path(const char *name);

/* All bytes of @fd; the caller frees. */
uint8_t *fixture_read(int fd, size_t *ret_n);

/* A memfd that holds @n bytes. */
int fixture_memfd(const void *p, size_t n);

/* The file offset of address @vaddr by the program headers, UINT64_MAX when it is in no segment. */
uint64_t fixture_offset(int fd, uint64_t vaddr);

/* The address of symbol @name by `nm OPTIONS PATH`. */
uint64_t fixture_nm(const char *options, const char *path, const char *name);

/* Whether libdw, which some tests are judged by, reads the line tables of fixture @name: 0.192
 * refuses 64-bit ones of clang. */
bool libdw_reads_lines(const char *name);

/* What one offset or kernel address resolves to: "name|system name|module" or "!reason". */
const char *fixture_name(struct symbolizer *s, enum sym_kind kind, int fd, uint64_t off);

/* The n-th next allocation and all later ones fail; negative: none does. */
void alloc_fail_at(long n);

/* Allocations made and not freed by the code under test since the last call of alloc_fail_at(). */
long alloc_live(void);
