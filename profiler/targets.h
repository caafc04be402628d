/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets that are described instead of numbered: processes of a name, of a user, in a container.
 * Whoever is asked about them is asked of one process at a time; options of one kind add up, all
 * kinds that were given have to hold. Kinds are named by their flags of wire.h: WIRE_OF_COMM,
 * WIRE_OF_USER, WIRE_IN_CONTAINER.
 */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "array.h"

struct err;

/* A kind of its own, that the sampler alone decides on: here it tells whose files to open early. */
#define TARGETS_IN_CGROUP (1 << 7)

struct targets {
	uint8_t asked;	  /* the kinds that were given; 0 = everybody is meant */
	uint8_t expected; /* those, and TARGETS_IN_CGROUP */
	bool inherit;	  /* what held of a process holds of it after execve(2), too */
	ARRAY(regex_t) comms;
	ARRAY(uint32_t) users;		/* ids */
	ARRAY(const char *) containers; /* beginnings of ids or names; borrowed */
	ARRAY(char *) cgroups;		/* paths below the mount */
};

/* Adds one of a kind: an extended regular expression; a name or number; the beginning of an id. 0,
 * or -EINVAL, -ENOENT, -ENOSPC, -ENOMEM with a sentence. */
int targets_add_comm(struct targets *t, const char *regex, struct err *e);
int targets_add_user(struct targets *t, const char *user, struct err *e);
int targets_add_container(struct targets *t, const char *id, struct err *e);

/* Adds a cgroup (v2) whose directory is open as @fd, if its path can be told. 0 or -ENOMEM. */
int targets_add_cgroup(struct targets *t, int fd);

/* Whether @comm, a process's name, is one that was asked for. */
bool targets_has_comm(const struct targets *t, const char *comm);

/* Whether the cgroup of @path, or one around it, is that of a container that was asked for. */
bool targets_has_cgroup(const struct targets *t, const char *path);

/* The kinds of those expected that hold now of process @tgid, called @comm: by /proc. */
uint8_t targets_look(const struct targets *t, uint32_t tgid, const char *comm);

void targets_done(struct targets *t);
