/* SPDX-License-Identifier: Apache-2.0 */
/* Writes call frame instructions (DWARF 5 §6.4.2) for what is known otherwise, so that a snapshot is
 * unwound by it as by all others. Offsets count in -1; x86-64. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cfi.h"
#include "cfientry.h"

#define SNAP_INSNS_MAX 128

/* What @state says: @out gets the bytes, at most SNAP_INSNS_MAX, whose number is returned. Only states
 * that code or Go's table lead to. */
size_t snap_insn_state(uint8_t *out, const struct cfi_state *state);

/* All registers are where the kernel left them for a signal handler. */
size_t snap_insn_signal(uint8_t *out);

/* Of the function at @vaddr, and for that address alone. */
struct cfi_entry snap_insn_entry(uint64_t vaddr, struct bytes insns, bool is_signal);
