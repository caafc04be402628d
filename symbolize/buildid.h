/* SPDX-License-Identifier: Apache-2.0 */
/* Build ids inside this room: of files already open, and as text. */
#pragma once

#include <stddef.h>

#include "symbolize.h"

struct elf_file;

#define BUILD_ID_BYTES_MAX ((BUILD_ID_HEX_MAX - 1) / 2)

/* The GNU build id of @f, whose sections are read when they are needed: as elf_build_id(). */
int buildid_of_file(struct elf_file *f, char ret[BUILD_ID_HEX_MAX]);

/* Lowercase hex of @n bytes, at most BUILD_ID_BYTES_MAX. */
void buildid_to_hex(const void *id, size_t n, char ret[BUILD_ID_HEX_MAX]);
