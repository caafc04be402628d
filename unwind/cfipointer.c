/* SPDX-License-Identifier: Apache-2.0 */
#include "cfipointer.h"

#include "leb.h"

static int read_u16(struct bytes *b, uint64_t *ret)
{
	uint16_t v;
	int r = bytes_u16(b, &v);

	if (r == 0)
		*ret = v;
	return r;
}

static int read_u32(struct bytes *b, uint64_t *ret)
{
	uint32_t v;
	int r = bytes_u32(b, &v);

	if (r == 0)
		*ret = v;
	return r;
}

static int read_format(struct bytes *b, uint8_t format, uint64_t *ret)
{
	int r;

	switch (format) {
	case CFI_ENC_ABSPTR:
	case CFI_ENC_UDATA8:
	case CFI_ENC_SIGNED:
	case CFI_ENC_SDATA8:
		return bytes_u64(b, ret);
	case CFI_ENC_ULEB:
		return bytes_uleb(b, ret);
	case CFI_ENC_SLEB:
		return bytes_sleb(b, (int64_t *)ret);
	case CFI_ENC_UDATA2:
		return read_u16(b, ret);
	case CFI_ENC_SDATA2:
		r = read_u16(b, ret);
		if (r == 0)
			*ret = (uint64_t)(int64_t)(int16_t)*ret;
		return r;
	case CFI_ENC_UDATA4:
		return read_u32(b, ret);
	case CFI_ENC_SDATA4:
		r = read_u32(b, ret);
		if (r == 0)
			*ret = (uint64_t)(int64_t)(int32_t)*ret;
		return r;
	default:
		return -EBADMSG;
	}
}

/* Moves to the next address that is a multiple of 8. */
static int align(struct bytes *b, const struct cfi_bases *bases)
{
	return bytes_skip(b, -(bases->vaddr + b->pos) & 7);
}

static int read_any(struct bytes *b, uint8_t enc, const struct cfi_bases *bases, uint64_t *ret)
{
	int r;

	if ((enc & CFI_ENC_RELATION) != CFI_ENC_ALIGNED)
		return read_format(b, enc & CFI_ENC_FORMAT, ret);
	r = align(b, bases);
	return r < 0 ? r : read_format(b, CFI_ENC_ABSPTR, ret);
}

int cfi_pointer(struct bytes *b, uint8_t enc, const struct cfi_bases *bases, uint64_t *ret)
{
	uint64_t at = bases->vaddr + b->pos, v = 0;
	int r;

	if (enc & CFI_ENC_INDIRECT) /* and CFI_ENC_OMIT */
		return -ENOTSUP;
	r = read_any(b, enc, bases, &v);
	if (r < 0)
		return r;
	switch (enc & CFI_ENC_RELATION) {
	case 0:
	case CFI_ENC_ALIGNED:
		break;
	case CFI_ENC_PCREL:
		v += at;
		break;
	case CFI_ENC_TEXTREL:
		v += bases->text;
		break;
	case CFI_ENC_DATAREL:
		v += bases->data;
		break;
	default:
		return -ENOTSUP;
	}
	*ret = v;
	return 0;
}

int cfi_pointer_skip(struct bytes *b, uint8_t enc, const struct cfi_bases *bases)
{
	uint64_t unused;

	if (enc == CFI_ENC_OMIT)
		return 0;
	return read_any(b, enc, bases, &unused);
}
