/* SPDX-License-Identifier: Apache-2.0 */
#include "dwform.h"

static const uint8_t *skip(const uint8_t *p, const uint8_t *end, uint64_t n)
{
	return p && n <= (uint64_t)(end - p) ? p + n : NULL;
}

const uint8_t *dwform_read(const uint8_t *p, const uint8_t *end, const uint8_t *unit, unsigned form,
			   int64_t implicit, const struct dwshape *u, uint64_t *ret)
{
	int size = dwform_size(form, u);
	uint64_t n = 0;

	if (size > 0 && size <= 8)
		return dwform_uint(p, end, (unsigned)size, ret);
	switch (form) {
	case DW_FORM_flag_present:
		*ret = 1;
		return p;
	case DW_FORM_implicit_const:
		*ret = (uint64_t)implicit;
		return p;
	case DW_FORM_data16:
		*ret = 0;
		return skip(p, end, 16);
	case DW_FORM_sdata:
		return dwform_sleb(p, end, (int64_t *)ret);
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return dwform_uleb(p, end, ret);
	case DW_FORM_string: {
		const uint8_t *nul = memchr(p, 0, (size_t)(end - p));

		*ret = (uint64_t)(p - unit);
		return nul ? nul + 1 : NULL;
	}
	case DW_FORM_block1:
		p = dwform_uint(p, end, 1, &n);
		break;
	case DW_FORM_block2:
		p = dwform_uint(p, end, 2, &n);
		break;
	case DW_FORM_block4:
		p = dwform_uint(p, end, 4, &n);
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		p = dwform_uleb(p, end, &n);
		break;
	case DW_FORM_indirect:
		p = dwform_uleb(p, end, &n);
		/* Never of an indirect form again, and a constant of the abbreviation makes no sense. */
		if (!p || n == DW_FORM_indirect || n == DW_FORM_implicit_const || n > UINT16_MAX)
			return NULL;
		return dwform_read(p, end, unit, (unsigned)n, 0, u, ret);
	default:
		return NULL; /* of unknown size: nothing behind it can be read */
	}
	*ret = n;
	return skip(p, end, n);
}
