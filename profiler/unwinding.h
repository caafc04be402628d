/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the sampler told how to unwind every process that was seen: which of its code has which
 * table. Tables are built by a thread of their own and shared by all processes that map the object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct objtab;
struct process;
struct proctab;
struct sampler;
struct snapshot;
struct snapshot_trace;
struct unwinding;

/* Borrows all three until unwinding_free(). 0 and *@ret, or -errno. */
int unwinding_new(struct unwinding **ret, struct sampler *s, struct objtab *objects,
		  struct proctab *procs);
void unwinding_free(struct unwinding *u);

/* Readable when tables are ready: then unwinding_install() is due. */
int unwinding_poll_fd(const struct unwinding *u);

/* The mappings of @p were read: asks for the tables that are missing, tells the sampler. */
void unwinding_update(struct unwinding *u, struct process *p);

/* The same for every process whose areas have changed. */
void unwinding_refresh(struct unwinding *u);

/* Takes the tables that are ready, and tells the sampler of the processes that waited for them. */
void unwinding_install(struct unwinding *u);

/* A sample had code in mapping @m of @p: its table is in use, and asked for again if it was
 * evicted. */
void unwinding_touch(struct unwinding *u, struct process *p, uint32_t mapping);

/*
 * The sampler's walk ended at a rule that it could not evaluate, at one of these @n addresses of calls in @p:
 * if that is in code that no table describes, it is read now, and the walk goes on there from then on. Whether
 * it is in such code, or was.
 */
bool unwinding_want_code(struct unwinding *u, const struct process *p, uint64_t time_ns,
			 const uint64_t *addr, size_t n);

/* Unwinds a snapshot that was taken of @p at @time_ns, as snapshot_unwind() does: 0 or -errno. */
int unwinding_snapshot(struct unwinding *u, const struct process *p, uint64_t time_ns,
		       const struct snapshot *s, struct snapshot_trace *ret);

/* @p is forgotten: the sampler is told so. */
void unwinding_forget(struct unwinding *u, struct process *p);

/* An RCU grace period begins; and it has passed. */
void unwinding_mark(struct unwinding *u);
void unwinding_collect(struct unwinding *u);

/* Waits at most @ms until every table asked for is there. */
void unwinding_settle(struct unwinding *u, unsigned ms);
