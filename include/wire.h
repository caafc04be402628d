/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What the sampler in the kernel and the collector in user space say to each other: map keys and
 * values, arena blocks, ring records, knobs. The only header, with counters.h, that both sides see.
 *
 * A tick becomes a row in the arena of its CPU: who (tgid, tid, comm), the number of a kernel stack
 * in the stack-trace map, and the user stack; or it is added to the row that is there. There are
 * two sets of these maps; the sampler writes to the active one, and user space swaps them, reads
 * the other and empties it. What finds no room in the maps travels whole through the ring instead.
 */
#pragma once

#include <linux/types.h>

#include "leafcode.h"
#include "wire_unwind.h"

#define WIRE_COMM	    16
#define WIRE_KERNEL_FRAMES  127 /* the default of kernel.perf_event_max_stack */
#define WIRE_POINTER_FRAMES 127 /* user frames by the kernel's own walk: likewise */
#define WIRE_USER_FRAMES    512
#define WIRE_MAX_EVENTS	    8
#define WIRE_MAX_CGROUPS    16
#define WIRE_MAX_CONTAINERS 64
#define WIRE_MAX_USERS	    16
#define WIRE_SETS	    2

/* struct wire_key.flags, struct wire_sample.flags */
enum wire_flags {
	WIRE_CALLS = 1 << 0,	    /* user addresses are of calls, not what calls return to */
	WIRE_KERNEL_DEPTH = 1 << 1, /* the kernel stack goes on beyond the limit */
	WIRE_KERNEL_READ = 1 << 2,  /* set by the reader: the kernel stack was gone */
	WIRE_RESTLESS = 1 << 3,	    /* the process has replaced code lately: see wire_space */
	/* What of wire_config.judged held of the task itself … */
	WIRE_OF_USER = 1 << 4,	    /* … it ran as one of the users */
	WIRE_IN_CONTAINER = 1 << 5, /* … in the cgroup of one of the containers */
	WIRE_OF_COMM = 1 << 6,	    /* never set: only user space knows the name of a process */
	WIRE_IN_EXEC = 1 << 7, /* the task was in execve(2), perhaps without a stack any more */
};
#define WIRE_JUDGED   (WIRE_OF_USER | WIRE_IN_CONTAINER | WIRE_OF_COMM)

#define WIRE_NO_STACK (-1)

/* What tells one row from another. */
struct wire_key {
	__u32 tgid;
	__u32 tid;
	__s32 kernel_stack;   /* id in the set's stack-trace map, or WIRE_NO_STACK */
	__u16 event;	      /* index of the event that fired */
	__u8 flags;	      /* enum wire_flags */
	__u8 end;	      /* enum wire_end of the user stack */
	__u64 user_stack;     /* hash of its addresses, 0 = none */
	char comm[WIRE_COMM]; /* of the thread, NUL-padded */
};
_Static_assert(sizeof(struct wire_key) == 40, "wire_key is packed by hand");

/* Samples of one key that a CPU took. */
struct wire_row {
	struct wire_key key;
	__u64 samples;
	__u64 value;   /* Σ sample_period: event units that the samples stand for */
	__u64 time_ns; /* CLOCK_MONOTONIC of the first sample */
	__u64 cgroup;  /* of the thread at the first sample, in the hierarchy of version 2; 0 =
			  unknown */
	__u32 uid;     /* likewise, as the first user namespace has it */
	__u32 n_user;  /* addresses of the user stack, 0 … WIRE_USER_FRAMES */
	__u64 addr[];  /* leaf first */
};
_Static_assert(sizeof(struct wire_row) == 80, "wire_row is packed by hand");

/*
 * The arena: an array of blocks, `blocks_per_cpu` of them for each possible CPU and set, in the
 * order of wire_part(). A CPU fills its blocks in order, row by row, each from the beginning of a
 * cache line; user space reads them through mmap and sets `used` of all and what the CPU's first
 * block counts back to 0.
 */
#define WIRE_BLOCK_BYTES 32768
#define WIRE_BLOCK_DATA	 (WIRE_BLOCK_BYTES - 64)
#define WIRE_ROW_ALIGN	 64

/* The part of `arena`, and of `buckets`, that is @cpu's of @set. */
static inline __u32 wire_part(__u32 cpu, __u32 set)
{
	return cpu * WIRE_SETS + set;
}

struct wire_block {
	__u32 used;	 /* bytes of data */
	__u32 current;	 /* first block of a CPU: which of its blocks is being filled */
	__u32 rows;	 /* first block of a CPU: rows in all of them */
	__u32 asked;	 /* first block of a CPU: it asked for a drain of this set */
	__u32 snapshots; /* first block of a CPU: snapshots it sent */
	__u32 verified;	 /* first block of a CPU: snapshots it sent beside its own walk */
	__u32 reserved[10];
	__u8 data[WIRE_BLOCK_DATA];
};
_Static_assert(sizeof(struct wire_block) == WIRE_BLOCK_BYTES, "a block is a whole number of pages");

/* Bytes of a row with a user stack of @n_user addresses: so far behind it begins the next one. */
static inline __u32 wire_row_bytes(__u32 n_user)
{
	return (sizeof(struct wire_row) + n_user * sizeof(__u64) + WIRE_ROW_ALIGN - 1) &
	       ~(WIRE_ROW_ALIGN - 1u);
}

/*
 * How a CPU finds the row of a key: `buckets` has `buckets_per_cpu` of these for each CPU and set,
 * as the arena has blocks, and a key belongs to one of them by its hash. A place that was
 * overwritten because the bucket was full costs a second row with the same key, no more. User space
 * sets them back to 0.
 */
#define WIRE_BUCKET_PLACES 16
struct wire_bucket {
	__u32 place[WIRE_BUCKET_PLACES]; /* wire_place(), the first 0 ends them */
};
_Static_assert(sizeof(struct wire_bucket) == 64, "a look costs one cache line");

/* Where a row lies, never 0: which @block of its CPU and set, offset in its data. With it 15 bits
 * of the key's @hash, so that a look at other rows is rare. */
#define WIRE_PLACE_BLOCKS 254
#define WIRE_PLACE_HASH	  0xfffe0000u
static inline __u32 wire_place(__u32 hash, __u32 block, __u32 off)
{
	return (hash & WIRE_PLACE_HASH) | (block + 1) << 9 | off / WIRE_ROW_ALIGN;
}

static inline __u32 wire_place_block(__u32 place)
{
	return (place >> 9 & 0xff) - 1;
}

static inline __u32 wire_place_off(__u32 place)
{
	return (place & 0x1ff) * WIRE_ROW_ALIGN;
}
_Static_assert(WIRE_BLOCK_DATA / WIRE_ROW_ALIGN <= 0x200, "an offset has 9 bits");

/* Value of `counters`, by CPU: one cache line, by enum counter. */
struct wire_counters {
	__u64 n[8];
};

enum wire_type {
	WIRE_SAMPLE = 1, /* struct wire_sample */
	WIRE_DRAIN = 2,	 /* struct wire_notice: a set fills up, drain now */
	WIRE_NEW_PROCESS =
		3,	   /* struct wire_notice: first tick of a tgid, look at it while it lives */
	WIRE_STALE = 4,	   /* struct wire_notice: code outside of what is known of the tgid */
	WIRE_SNAPSHOT = 5, /* struct wire_snapshot */
	WIRE_VERIFY = 6,   /* struct wire_verify */
};

struct wire_notice {
	__u32 type;
	__u32 tgid; /* WIRE_NEW_PROCESS, WIRE_STALE */
};

/* A whole sample through the ring. n_user addresses follow, leaf first, then n_kernel. */
struct wire_sample {
	__u32 type;
	__u32 tgid;
	__u32 tid;
	__u16 event;
	__u8 flags;
	__u8 end;
	__u32 n_user;
	__u32 n_kernel;
	__u64 value;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 cgroup;  /* as in struct wire_row */
	__u32 uid;
	__u32 reserved;
	char comm[WIRE_COMM];
};
_Static_assert(sizeof(struct wire_sample) == 72, "wire_sample is packed by hand");

/*
 * A sample whose user stack user space unwinds; rec.n_user is 0. Of stack[] are sent n_stack bytes,
 * and behind them those of other stacks that this one leads to.
 */
#define WIRE_SNAPSHOT_STACK  32768
#define WIRE_SNAPSHOT_OTHERS 2
#define WIRE_OTHER_STACK     12288
#define WIRE_SNAPSHOT_BYTES  (WIRE_SNAPSHOT_STACK + WIRE_SNAPSHOT_OTHERS * WIRE_OTHER_STACK)
#define WIRE_SNAPSHOT_REGS   17 /* by DWARF number: rax rdx rcx rbx rsi rdi rbp rsp r8 … r15 rip */
struct wire_snapshot {
	struct wire_sample rec;
	__u64 regs[WIRE_SNAPSHOT_REGS];
	__u64 stack_start; /* address of stack[0] */
	__u32 n_stack;
	__u32 absent; /* pages of stack[] that were not there, a bit each, the first one's is 0 */
	struct leaf_code code; /* around regs[rip] */
	__u64 other_start[WIRE_SNAPSHOT_OTHERS];
	__u32 n_other[WIRE_SNAPSHOT_OTHERS];
	__u64 kernel[WIRE_KERNEL_FRAMES]; /* rec.n_kernel of them */
	__u8 stack[WIRE_SNAPSHOT_BYTES];
};
#define WIRE_SNAPSHOT_HEAD (sizeof(struct wire_snapshot) - WIRE_SNAPSHOT_BYTES)

/*
 * A sample both ways, for user space to compare: the snapshot, and what the sampler itself made of
 * the same stack: n_walked addresses, leaf first, that end by snap.rec.end.
 */
struct wire_verify {
	__u32 type;
	__u32 n_walked;
	__u64 walked[WIRE_USER_FRAMES];
	struct wire_snapshot snap;
};
#define WIRE_VERIFY_HEAD (sizeof(struct wire_verify) - WIRE_SNAPSHOT_BYTES)

/* Knobs, constant while the program runs. */
struct wire_config {
	__u32 self_tgid;       /* not recorded unless it is a target */
	__u32 n_cgroups;       /* entries of target_cgroups; 0 = no such filter */
	__u32 max_user_frames; /* 1 … WIRE_USER_FRAMES */
	__u32 blocks_per_cpu;
	__u32 buckets_per_cpu;	 /* of `buckets`, a power of two */
	__u32 ring_wakeup_bytes; /* ring fill at which user space is woken */
	__u32 ring_copy_bytes;	 /* ring fill from which on no copies of stacks are sent: what is
				    left is for samples that have no other way */
	__u32 snapshots_per_cpu; /* snapshots that a CPU may send in one window */
	__u32 verify_per_cpu;	 /* the same beside its own walk (WIRE_VERIFY); 0 = none */
	__u32 only_tgid; /* the only target that was named, where that is a process; else 0 */
	__u8 by_tgid;	 /* only tgids in target_tgids … */
	__u8 by_tid;	 /* … or tids in target_tids */
	__u8 kernel_only;
	__u8 user_only;
	__u8 by_pointer;  /* user stacks by frame pointers alone, as the kernel walks them */
	__u8 by_snapshot; /* user stacks by snapshots, as many as are allowed */
	__u8 has_cgroups; /* the kernel knows of any */
	__u8 judged;	  /* WIRE_JUDGED of what all have to hold; 0 = nothing */
	__u32 pidns;	  /* inode of wick's PID namespace; 0 = it is the machine's */
	/* What a tick that is turned away looks at lies before, in one cache line. */
	__u32 n_users;
	__u32 users[WIRE_MAX_USERS]; /* real user ids, of WIRE_OF_USER */
};

/* Where things are in structures of the running kernel, constant while the program runs: offsets of
 * members, 0 = unknown. The sampler does without what it does not know. */
struct wire_layout {
	__u32 task_stack, task_mm; /* of struct task_struct */
	__u32 vma_mm;		   /* of struct vm_area_struct */
	/* Of struct vm_fault: all are known or fault_address is 0. */
	__u32 fault_vma, fault_address, fault_pud, fault_pmd, fault_pte, fault_orig_pte;
	__u32 stack_size; /* bytes of a kernel stack */
};

/* Where the kernel keeps the numbers that processes have in wick's PID namespace, constant while the
 * program runs: offsets of members. Unused where that is the machine's. */
struct wire_pidns {
	__u32 task_pid, task_signal;  /* of struct task_struct */
	__u32 signal_pids;	      /* of struct signal_struct */
	__u32 pid_level, pid_numbers; /* of struct pid */
	__u32 upid_nr, upid_ns;	      /* of struct upid, … */
	__u32 upid_bytes;	      /* … which is so long */
	__u32 ns_inum;		      /* of struct pid_namespace */
};
