/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The kernel as a BPF program sees it, faked in memory: maps, a ring buffer, a current task with
 * its stacks and registers; fake_user.h has that task's memory. Every element of a map is an
 * allocation of its own and of its exact size, so that the address sanitizer sees what the verifier
 * would refuse; but arrays that user space maps are one piece, and whole for the sanitizer, too. A
 * test sets `fake` and calls programs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_CPUS   4
#define FAKE_FRAMES 200 /* deeper than the kernel's own walk goes */
#define FAKE_REGS   17	/* by DWARF number, the last is the pc */

/* A stack as the unwinder of the kernel finds it, leaf first. */
struct fake_stack {
	int n; /* frames; 0 = there is none, so that helpers answer -EFAULT */
	uint64_t addr[FAKE_FRAMES];
};

/* A PID namespace; what a process or thread is called in those that it is in, the machine's first;
 * and the task, as far as programs look into it. */
struct fake_pidns {
	uint64_t other[2];
	uint32_t inum;
};
struct fake_pid {
	uint32_t count, level;
	struct {
		int nr;
		const struct fake_pidns *ns;
	} numbers[4];
};
struct fake_signal {
	uint64_t other[3];
	const struct fake_pid *pids[4]; /* [1] is the process's */
};
struct fake_task {
	uint64_t other[7];
	uint8_t *stack;
	const void *mm;
	const struct fake_pid *thread_pid;
	const struct fake_signal *signal;
};

/* Calls that a test may let fail. */
enum fake_call {
	FAKE_LOOKUP, /* any failure is a miss */
	FAKE_UPDATE,
	FAKE_RING,
	FAKE_STACKID,
	FAKE_GET_STACK,
	FAKE_READ,	/* bpf_probe_read_kernel(); its map is "" */
	FAKE_READ_USER, /* bpf_probe_read_user(); likewise */
};

struct fake_kernel {
	uint32_t tgid, tid; /* the current task */
	char comm[16];
	uint64_t now_ns; /* a nanosecond passes with each look at the clock */
	unsigned cpu;
	struct fake_stack user, kernel;
	uint64_t regs[FAKE_REGS]; /* user code's, now or when it entered the kernel */
	uint16_t cs;		  /* likewise; 0 = a kernel thread */
	uint64_t syscall;	  /* number of the system call that it is in; 0 = in none */
	const struct fake_task *task;
	const struct fake_pid *thread_pid; /* of the task that a tick interrupts; likewise … */
	const struct fake_signal *signal;  /* … of its process */
	uint32_t above_regs;		   /* bytes of the kernel stack above the saved registers */
	bool has_no_memory;		   /* the task exits */
	bool has_no_layout;		   /* nobody knows where things are in structures */
	struct fake_fault {
		uint64_t page;	   /* of the user's, that the kernel is replacing; 0 = none */
		const void *old;   /* what it replaces: as many bytes, aligned to their size */
		uint64_t flags;	   /* of its entry in the page table */
		bool is_foreign;   /* in another process's memory */
		bool is_scattered; /* entries of page tables are no physical addresses */
	} replacing;
	uint32_t uid, gid;
	uint64_t cgroup_id;
	uint32_t cgroups; /* bit i: the current task is below entry i of a CGROUP_ARRAY */
	/* Asked at each call: 0, or the -errno that it answers. NULL = nothing fails. */
	int (*fault)(enum fake_call call, const char *map);
	uint64_t wakeups; /* ring records sent with BPF_RB_FORCE_WAKEUP */
};

extern struct fake_kernel fake;

struct fake_entry {
	void *key, *value;
	uint64_t used; /* when it was looked at last */
};

struct fake_map {
	const void *def; /* address of the definition: how programs name the map */
	const char *name;
	uint32_t type, key_size, value_size, max_entries;
	/* Hashes and stack traces: n entries in order of age. Arrays: all entries, CPU by CPU. */
	struct fake_entry *entries;
	size_t n;
	void *memory; /* all values of an array that user space maps, else NULL */
	/* Ring buffers: the records not read yet, their sizes in used. */
	size_t ring_used;
};

/* Creates the map that the program defines at @def. */
void fake_map_add(const void *def, const char *name, uint32_t type, size_t key_size,
		  size_t value_size, size_t max_entries);

/* The same for an array that user space maps: its values lie in `memory`, one after another. */
void fake_map_add_mapped(const void *def, const char *name, size_t value_size, size_t max_entries);

/* Frees all maps and the user's memory and sets `fake` to zero. */
void fake_reset(void);

/* The map of that name; the test fails when there is none. */
struct fake_map *fake_map(const char *name);

/* The value of an array, of CPU @cpu where it is a per-CPU one. */
void *fake_array_value(const char *name, unsigned cpu, uint32_t i);

/* What user space does: puts a value under a number, looks (NULL = absent), empties. */
void fake_put(const char *name, uint32_t key, const void *value);
void *fake_get(const char *name, uint32_t key);
void fake_put_u32(const char *name, uint32_t key, uint32_t value);
const uint32_t *fake_get_u32(const char *name, uint32_t key);
void fake_map_clear(const char *name);
