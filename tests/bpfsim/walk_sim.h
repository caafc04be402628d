/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the walk up a user stack works on: unwind tables, as user space puts them into the sampler's
 * maps, and a stack that the test lays out word by word. The current process is SIM_WALKER.
 */
#pragma once

#include "fake_user.h"
#include "residency.h"
#include "sim.h"
#include "unwind.h"

#define SIM_WALKER 77

/* DWARF numbers of the registers that tests name. */
enum { RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15, RIP };

/* Where tests put the stack: that many bytes are there from STACK on. */
#define STACK	    0x7ffc00004000ull
#define STACK_BYTES 0x8000

/* Sets the simulation up with roomy maps, walks by rows, no snapshots; and the end of it. */
void walk_init(void);
void walk_done(void);

/* The same with maps of these sizes. */
void walk_start(const struct sim_sizes *sizes);

struct residency *walk_residency(void);

/* A table of @n rows (ascending; pc relative to the table's base), the last of which ends at @end. */
struct walk_row {
	uint32_t pc;
	struct unwind_rule rule;
};
struct unwind_table *walk_made_table(const struct walk_row *rows, size_t n, uint32_t end);

/* CFA = @reg + @off, the return address below it, rbp unchanged. */
struct unwind_rule walk_rule(uint32_t reg, uint32_t off);

/* The table of a file, and that file's code as an area at @start; the table must be resident. */
struct unwind_table *walk_table_of(const char *path);
struct wire_area walk_area(const struct unwind_table *t, struct residency_ref ref, uint64_t start,
			   uint64_t end);

struct residency_ref walk_add_table(const struct unwind_table *t);

/* No tick is under way: what was evicted or dropped can be used again. */
void walk_pass_grace(void);

/* What the sampler is told of SIM_WALKER, replacing what it was told before. */
void walk_set_space(const struct wire_area *areas, size_t n);

/* Writes @n words from address @at on. */
void walk_put(uint64_t at, const uint64_t *words, size_t n);
#define WORDS_AT(at, ...)                             \
	walk_put(at, (const uint64_t[]){ __VA_ARGS__ }, \
		 sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Registers of the interrupted code. */
void walk_regs(uint64_t pc, uint64_t sp, uint64_t fp);

/* A stack as it was recorded. */
struct walked {
	size_t n;
	uint64_t addr[WIRE_USER_FRAMES];
	uint8_t end, flags; /* enum wire_end, enum wire_flags */
};

/* One tick, in user mode or in the kernel, and what it recorded of the user stack. */
void walk_tick(bool in_user, struct walked *ret);

const char *walk_end_text(unsigned end);

/* Ticks in user mode and compares: how the stack ends, its addresses. */
void walk_expect(const char *file, int line, unsigned end, const uint64_t *addr, size_t n);
#define EXPECT_WALK(end, ...)                                                     \
	walk_expect(__FILE__, __LINE__, end, (const uint64_t[]){ __VA_ARGS__ },   \
		    sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
