/* SPDX-License-Identifier: Apache-2.0 */
#include "stackend.h"

bool stack_end_may_be(struct bytes insns, uint64_t len)
{
	if (len < STACK_END_MIN || len > STACK_END_MAX)
		return false;
	for (size_t i = 0; i < insns.n; i++) {
		if (insns.p[i] != 0) /* DW_CFA_nop */
			return false;
	}
	return true;
}

bool stack_end_is(struct bytes code)
{
	static const uint8_t mov_rbx_rsp[] = { 0x48, 0x89, 0xdc };

	for (size_t i = 0; i + sizeof(mov_rbx_rsp) <= code.n; i++) {
		if (memcmp(code.p + i, mov_rbx_rsp, sizeof(mov_rbx_rsp)) == 0)
			return true;
	}
	return false;
}
