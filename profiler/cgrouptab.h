/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control groups that were met: what their paths say (cgrouppath.h), each once, found by path
 * or by the id that the kernel gives groups of the version 2 hierarchy. Ids are learnt from a walk
 * at the start, from the kernel's word of new groups, and else by asking for the path while the
 * group is there. What was learnt stays, so that a group that is gone keeps its name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "hindex.h"
#include "strtab.h"

#define CGROUPTAB_NONE UINT32_MAX

struct cgroup_entry {
	uint32_t path, container, pod, unit, slice; /* strings; 0 = none */
};

struct cgrouptab {
	struct strtab strings;
	ARRAY(struct cgroup_entry) entries;
	ARRAY(struct cgroup_id {
		uint64_t id;
		uint32_t entry; /* or CGROUPTAB_NONE: it was gone when it was asked for */
	})
	ids;
	struct hindex path_index, id_index;
	int mount_fd;	  /* of the version 2 hierarchy, -1 = it is not mounted */
	char *mount;	  /* its path */
	bool has_v1;	  /* controllers of version 1 are in use, too */
	bool foreign_ids; /* the kernel's word of new groups is of another hierarchy: not heard */
	size_t refused;	  /* groups that were one too many */
};

/* Looks where the hierarchies are. 0 or -ENOMEM. */
int cgrouptab_init(struct cgrouptab *t);
void cgrouptab_done(struct cgrouptab *t);

/* Learns the groups that there are, some thousands at most. */
void cgrouptab_scan(struct cgrouptab *t);

/* The kernel says that group @id was made, at @path from the root of its hierarchy. */
void cgrouptab_told(struct cgrouptab *t, uint64_t id, const char *path);

/* The entry of the group of version 2 called @id; CGROUPTAB_NONE when nobody knows it any more. */
uint32_t cgrouptab_by_id(struct cgrouptab *t, uint64_t id);

/* The entry of the path of @n bytes; CGROUPTAB_NONE when there is no room for it. */
uint32_t cgrouptab_by_path(struct cgrouptab *t, const char *path, size_t n);

/* Which of two entries, either of which may be CGROUPTAB_NONE, says more: @a, the one in doubt. */
uint32_t cgrouptab_better(const struct cgrouptab *t, uint32_t a, uint32_t b);

/* Whether the entry is that of the root, which holds what nobody put anywhere. */
bool cgrouptab_is_root(const struct cgrouptab *t, uint32_t entry);

/* Bytes in use. */
size_t cgrouptab_bytes(const struct cgrouptab *t);
