/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets in kernel structures, from the running kernel's BTF. The sampler itself has no CO-RE
 * relocations: it works without these numbers, only less well, and so loads on kernels without BTF.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct kstruct_member {
	const char *type; /* of the struct */
	const char *name; /* of the member, which may be in a struct without a name inside of it */
	uint32_t *ret;	  /* gets its offset in bytes */
};

/* Finds @members, fewer than 64: 0, or -ENOENT when there is no BTF or one of them is not there; what
 * is not found is left as it was. */
int kstruct_offsets(const struct kstruct_member *members, size_t n);
