/* SPDX-License-Identifier: Apache-2.0 */
#include "kstruct.h"

#include <errno.h>
#include <string.h>

#include <bpf/btf.h>

/* The offset of @member in @t: 0 or -ENOENT. */
static int find_member(const struct btf *btf, const struct btf_type *t, const char *member,
		       uint32_t *ret)
{
	const struct btf_member *m = btf_members(t);

	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const char *s = btf__name_by_offset(btf, m[i].name_off);

		if (s && strcmp(s, member) == 0) {
			*ret = btf_member_bit_offset(t, i) / 8;
			return 0;
		}
	}
	return -ENOENT;
}

int kstruct_offsets(const char *name, struct kstruct_member *members, size_t n)
{
	struct btf *btf = btf__load_vmlinux_btf(); /* takes milliseconds: once for all */
	int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT) : -ENOENT, r = -ENOENT;

	for (size_t i = 0; i < n && id > 0; i++) {
		r = find_member(btf, btf__type_by_id(btf, (uint32_t)id), members[i].name,
				members[i].ret);
		if (r < 0)
			break;
	}
	btf__free(btf);
	return r;
}
