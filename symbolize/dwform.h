/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attribute values as they lie in .debug_info (DWARF 5 §7.5.6). Inline, because they are read
 * millions of times; each takes the position and the end and gives the position behind the value,
 * or NULL when it would pass the end.
 */
#pragma once

#include <dwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What the size of a value depends on beside its form. */
struct dwshape {
	uint8_t version, address_size, offset_size; /* 2 to 5; 8; 4 or 8 */
};

static inline const uint8_t *dwform_uleb(const uint8_t *p, const uint8_t *end, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; p < end; shift += 7) {
		uint8_t b = *p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*ret = v;
			return p;
		}
	}
	return NULL;
}

static inline const uint8_t *dwform_sleb(const uint8_t *p, const uint8_t *end, int64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; p < end;) {
		uint8_t b = *p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (!(b & 0x80)) {
			if (shift < 64 && (b & 0x40))
				v |= ~0ull << shift;
			*ret = (int64_t)v;
			return p;
		}
	}
	return NULL;
}

/* An unsigned integer of @n bytes (1, 2, 3, 4 or 8). */
static inline const uint8_t *dwform_uint(const uint8_t *p, const uint8_t *end, unsigned n,
					 uint64_t *ret)
{
	uint64_t v = 0;

	if ((size_t)(end - p) < n)
		return NULL;
	memcpy(&v, p, n);
	*ret = v;
	return p + n;
}

/* The bytes of a form of fixed size, -1 for the others. */
static inline int dwform_size(unsigned form, const struct dwshape *u)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_ref_sup4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return u->address_size;
	case DW_FORM_ref_addr: /* DWARF 2 §7.5.4: of the size of an address */
		return u->version == 2 ? u->address_size : u->offset_size;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_strp_sup:
	case DW_FORM_sec_offset:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return u->offset_size;
	default:
		return -1;
	}
}

/*
 * Reads one value of @form: a number; for a string in place, the distance of its first byte from
 * @unit; for blocks nothing but the skipping (*@ret is their length). @implicit is the constant of
 * DW_FORM_implicit_const.
 */
const uint8_t *dwform_read(const uint8_t *p, const uint8_t *end, const uint8_t *unit, unsigned form,
			   int64_t implicit, const struct dwshape *u, uint64_t *ret);
