/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The memory of the current process: pages that are there, and addresses that are not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_PAGE 4096

/* Makes the pages of [@addr, @addr + @n) appear, zeroed where they are new, or disappear. */
void fake_user_map(uint64_t addr, uint64_t n);
void fake_user_unmap(uint64_t addr, uint64_t n);
void fake_user_reset(void);

/* Writes a word; its pages must be there. */
void fake_user_put(uint64_t addr, uint64_t word);

/* Copies @n bytes to @dst; false when one of them is not there, and then some may be copied. */
bool fake_user_read(uint64_t addr, void *dst, size_t n);
