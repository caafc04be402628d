/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the bytes of a file fit for libelf and libdw: these inflate what a file tells them to,
 * however much it is, do not all know zstd, and look for other files by themselves.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "elffile.h"

/*
 * Changes the *@n bytes at *@bytes, which @f reads from memory and which may move: sections with
 * the flag SHF_COMPRESSED are inflated behind the others; those that make libdw look for more files
 * lose their names. 0; -EFBIG when the compressed sections, also those of the old kind (.zdebug_*),
 * would become more than
 * @max_inflated, or .debug_abbrev is larger than anybody's; -EBADMSG, -ENOMEM. On failure the bytes
 * are the caller's still. @f->sections stay as they were read.
 */
int libdwbytes_prepare(struct elf_file *f, size_t max_inflated, char **bytes, size_t *n);

/* Whether section @i of @f has bytes and is called ".NAME", or ".zNAME", which is compressed. */
bool libdwbytes_is_named(const struct elf_file *f, size_t i, const char *name);
