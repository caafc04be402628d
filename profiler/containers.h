/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups (v2) of the containers that were asked for, as the sampler is to know them: those
 * that are there, and those that are made while it samples. Where containers have cgroups of
 * version 1 alone there is nothing to do here: then /proc says of each process where it is
 * (targets.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "array.h"

struct sampler;
struct targets;

struct containers {
	const struct targets *targets; /* borrowed, as is the sampler */
	struct sampler *sampler;
	char *mount; /* of cgroup v2; NULL = there is none */
	/* Path below the mount of the cgroup in that place of the sampler's; NULL = the place is
	 * free. */
	ARRAY(char *) places;
	size_t refused; /* containers that were too many */
};

/* Tells @sampler of the containers that are there. Without cgroup v2 it is left at that: 0 or
 * -ENOMEM. */
int containers_init(struct containers *c, const struct targets *targets, struct sampler *sampler);

/* A cgroup has appeared: @path below the mount. */
void containers_born(struct containers *c, const char *path);

/* Containers that the sampler knows of. */
size_t containers_count(const struct containers *c);

void containers_done(struct containers *c);
