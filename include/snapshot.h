/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unwinds snapshots: the registers of a thread and the top of its stack, copied by the kernel when
 * it could not unwind the stack itself. The thread has run on or is gone; what remains of it is the
 * copy, its mappings and the files behind them.
 *
 * Stacks, files and tables are foreign and may be hostile. Nothing is read outside the bytes given,
 * every frame costs a bounded number of steps, and only call frame instructions that were checked
 * reach the interpreter.
 *
 * Nothing is remembered about a process, so its mappings may change between two calls. What is
 * remembered about objects is kept in a budget.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leafcode.h"

struct snapshot_unwinder;

/* User registers of x86-64, in the order of their DWARF numbers. */
enum snapshot_reg {
	SNAPSHOT_RAX,
	SNAPSHOT_RDX,
	SNAPSHOT_RCX,
	SNAPSHOT_RBX,
	SNAPSHOT_RSI,
	SNAPSHOT_RDI,
	SNAPSHOT_RBP,
	SNAPSHOT_RSP,
	SNAPSHOT_R8,
	SNAPSHOT_R9,
	SNAPSHOT_R10,
	SNAPSHOT_R11,
	SNAPSHOT_R12,
	SNAPSHOT_R13,
	SNAPSHOT_R14,
	SNAPSHOT_R15,
	SNAPSHOT_RIP,
	SNAPSHOT_REG_MAX,
};

struct snapshot_regs {
	uint64_t r[SNAPSHOT_REG_MAX];
};

/* Registers that an epilogue has popped already are said to be saved below rsp until it returns. */
#define SNAPSHOT_RED_ZONE 128

/* Another stack that the copied one leads to, from somewhere in its middle on. */
#define SNAPSHOT_OTHERS	  2
struct snapshot_piece {
	uint64_t start; /* address of bytes[0] */
	const uint8_t *bytes;
	size_t n;
};

/* What the kernel sends. The bytes are borrowed during the call. */
struct snapshot {
	struct snapshot_regs regs;
	uint64_t stack_start; /* address of stack[0]: rsp - SNAPSHOT_RED_ZONE */
	const uint8_t *stack;
	size_t n_stack;	 /* bytes */
	uint32_t absent; /* pages of it that were not there, a bit each; 0 = the first one */
	struct snapshot_piece others[SNAPSHOT_OTHERS];
	struct leaf_code code; /* at the leaf, which may be in memory without a file */
};

/*
 * A file that code is mapped from. @id names its contents, for ever and for all processes: what was
 * learned is found again by it. Reads go through @bytes if that is set (the vDSO), else through
 * @fd, a regular file open for reading at any position, -1 when it could not be opened. Both are
 * borrowed during the call and may differ from call to call.
 */
struct snapshot_object {
	uint64_t id;
	int fd;
	const uint8_t *bytes;
	size_t n_bytes;
};

/* An executable mapping. */
struct snapshot_area {
	uint64_t start, end; /* addresses, end exclusive */
	uint64_t file_off;   /* in the object, at `start` */
	bool has_object;     /* else anonymous: JIT code */
	struct snapshot_object object;
};

/*
 * The address space that the snapshot was taken in. `find` fills *@ret with the area that holds
 * @addr and returns true, or false when there is no executable mapping; it is called about once a
 * frame.
 */
struct snapshot_space {
	bool (*find)(const void *ctx, uint64_t addr, struct snapshot_area *ret);
	const void *ctx;
};

/* Why a stack ends where it ends. Only the first is a whole stack. */
enum snapshot_end {
	SNAPSHOT_END_ROOT,     /* the outermost frame: _start, clone */
	SNAPSHOT_END_SHORT,    /* the stack goes on beyond the bytes of the snapshot */
	SNAPSHOT_END_NO_INFO,  /* no unwind information, and no sane frame pointer either */
	SNAPSHOT_END_BAD_INFO, /* unwind information that is broken, or of a kind not trusted */
	SNAPSHOT_END_MEMORY,   /* a rule needs memory that is in neither snapshot nor files */
	SNAPSHOT_END_UNMAPPED, /* an address in no executable mapping: not returned, but for the
				  leaf */
	SNAPSHOT_END_LOOP,     /* the caller's frame would not lie further up */
	SNAPSHOT_END_DEPTH,    /* no room for more frames */
	SNAPSHOT_END_MAX,
};

/* A short text for each end: "no unwind information", … Never NULL. */
const char *snapshot_end_text(enum snapshot_end end);

struct snapshot_frame {
	uint64_t addr;
	bool is_exact; /* `addr` was about to be executed (leaf, or interrupted by a signal); else
			  it is a return address: look up addr - 1 */
};

/* Set `frames` and `max` before the call; the rest is the answer. */
struct snapshot_trace {
	struct snapshot_frame *frames; /* leaf first */
	size_t max, n;
	enum snapshot_end end;
	size_t n_guessed; /* frames found by the frame pointer for want of unwind information */
};

/* Zero means the default. */
struct snapshot_opts {
	size_t max_bytes;	/* of objects kept between calls; 0 = 32 MiB */
	size_t max_objects;	/* 0 = 512 */
	size_t max_rules;	/* rules kept, each for one address in one object; 0 = 4096 */
	size_t max_frame_reads; /* memory reads that one frame may cost; 0 = 256 Ki */
};

struct snapshot_stats {
	uint64_t rule_hits, rule_misses;
	uint64_t object_loads, object_evictions;
	uint64_t file_reads;   /* blocks read from objects */
	size_t objects, bytes; /* held now, bytes without the rules */
	size_t rule_bytes;
};

/*
 * 0 and *@ret (free with snapshot_unwinder_free()); -ENOMEM; -ENOTSUP on machines other than
 * x86-64. An unwinder is used by one thread at a time.
 */
int snapshot_unwinder_new(const struct snapshot_opts *opts, struct snapshot_unwinder **ret);

/* Accepts NULL. */
void snapshot_unwinder_free(struct snapshot_unwinder *u);

static inline void snapshot_unwinder_freep(struct snapshot_unwinder **u)
{
	snapshot_unwinder_free(*u);
}

/*
 * Unwinds @s in @space into @trace. 0 whatever the stack looks like, see trace->end: at least the
 * leaf is returned. -EINVAL when there is no room for the leaf. Running out of memory ends the
 * stack as if there were no unwind information.
 */
int snapshot_unwind(struct snapshot_unwinder *u, const struct snapshot *s,
		    const struct snapshot_space *space, struct snapshot_trace *trace);

void snapshot_unwinder_stats(const struct snapshot_unwinder *u, struct snapshot_stats *ret);
