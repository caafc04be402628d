/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings what the kernel tells of processes (sideband.h) into the process table: fork copies an
 * address space, exec begins a new one, mmap adds to it, exit ends it.
 */
#pragma once

struct containers;
struct proctab;
struct sideband_callbacks;

/* The callbacks that do so with @t, and tell @c of new cgroups (NULL = nobody asked for them); both
 * are borrowed as long as they may be called. */
void procevents_callbacks(struct proctab *t, struct containers *c, struct sideband_callbacks *ret);
