/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process is, beside its program: whose child, in which group, and what it says of itself.
 * Looked up in /proc when the process is seen first and is still there; a child has its parent's
 * until then, so that one that is gone before anybody looks is not without.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "attrs.h"
#include "cgrouptab.h"
#include "wire.h"

enum { IDENTITY_MAX_ENV = 8 }; /* environment variables that can be asked for */

/* Part of a process; zero = nothing is known yet. */
struct identity {
	bool looked;		/* /proc was, or the process is gone */
	bool has_cgroup;	/* `cgroup` is known */
	uint8_t env_looks;	/* at the environment, while execve(2) had not made it */
	uint32_t ppid;		/* 0 = not known */
	uint32_t cgroup;	/* entry of identities.cgroups by /proc/PID/cgroup */
	uint32_t cgroup_window; /* in which that was read */
	uint32_t env, otel;	/* attribute sets of identities.attrs */
	uint32_t attrs;		/* both */
	uint32_t otel_next;	/* window in which the process is looked at again */
	uint32_t otel_wait;	/* windows between looks */
	uint64_t otel_addr;	/* of the context; 0 = none was found */
	uint64_t otel_published;
	char parent_comm[WIRE_COMM + 1];
};

struct identities {
	struct cgrouptab cgroups;
	struct attrs attrs;
	const char *const *env; /* names of environment variables; borrowed */
	size_t n_env;
	dev_t shm_dev;
	uint32_t window;
	uint64_t spent_ns; /* in this window, on looking for contexts and groups */
	size_t refused;	   /* sets of attributes that were one too many */
};

/* Prepares @t; @env is borrowed until identities_done(). 0 or -ENOMEM. */
int identities_init(struct identities *t, const char *const *env, size_t n_env);
void identities_done(struct identities *t);

/* Another window began: what is looked up again may be, within its budget of time. */
void identities_next_window(struct identities *t);

/* Bytes in use. */
size_t identities_bytes(const struct identities *t);

/*
 * Whether a process that is alive is to be looked at before there is a sample of it, for it may be
 * gone by then: nobody did, or execve(2) had not made its environment when somebody did.
 */
bool identity_is_due(const struct identities *t, const struct identity *id);

/*
 * Looks at process @tgid, of which there is a sample, if that is due. @is_alive: its number is
 * still its own. What cannot be read stays as it was.
 */
void identity_look(struct identities *t, struct identity *id, uint32_t tgid, bool is_alive);

/* Looks for the parent of process @tgid, which is alive, where nobody did before. */
void identity_look_parent(struct identity *id, uint32_t tgid);

/* What a child has that @parent, called @comm, forked as process @ppid. */
struct identity identity_of_child(const struct identity *parent, uint32_t ppid, const char *comm);

/* What remains when the process @before begins another program. */
struct identity identity_after_exec(const struct identity *before);
