/* SPDX-License-Identifier: Apache-2.0 */
#include "kstruct.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <bpf/btf.h>

#define NESTED_MAX 4 /* structs without a name in one another */

static bool has_name(const struct btf *btf, uint32_t off, const char *name)
{
	const char *s = btf__name_by_offset(btf, off);

	return s && strcmp(s, name) == 0;
}

/* Finds @member in @t, which is @base bits into the struct: 0 or -ENOENT. */
static int find_member(const struct btf *btf, const struct btf_type *t, const char *member,
		       uint32_t base, int depth, uint32_t *ret)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		uint32_t at = base + btf_member_bit_offset(t, i);
		const struct btf_type *inner;
		int id;

		if (m[i].name_off && !has_name(btf, m[i].name_off, member))
			continue;
		if (m[i].name_off) {
			*ret = at / 8;
			return 0;
		}
		id = btf__resolve_type(btf, m[i].type);
		inner = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
		if (inner && btf_is_composite(inner) && depth < NESTED_MAX &&
		    find_member(btf, inner, member, at, depth + 1, ret) == 0)
			return 0;
	}
	return -ENOENT;
}

/* Finds those of @members that are of the struct @t: a bit each. */
static uint64_t find_members(const struct btf *btf, const struct btf_type *t,
			     const struct kstruct_member *members, size_t n)
{
	uint64_t found = 0;

	for (size_t i = 0; i < n; i++)
		if (has_name(btf, t->name_off, members[i].type) &&
		    find_member(btf, t, members[i].name, 0, 0, members[i].ret) == 0)
			found |= 1ull << i;
	return found;
}

int kstruct_offsets(const struct kstruct_member *members, size_t n)
{
	struct btf *btf = btf__load_vmlinux_btf(); /* takes milliseconds: once for all */
	uint32_t n_types = btf ? btf__type_cnt(btf) : 0;
	uint64_t missing = (1ull << n) - 1;

	for (uint32_t id = 1; id < n_types && missing; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_struct(t) && t->name_off)
			missing &= ~find_members(btf, t, members, n);
	}
	btf__free(btf);
	return missing ? -ENOENT : 0;
}
