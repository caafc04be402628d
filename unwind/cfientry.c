/* SPDX-License-Identifier: Apache-2.0 */
#include "cfientry.h"

#include <string.h>

#include "leb.h"

int cfi_entry_size(struct bytes head, uint64_t *ret_id, uint64_t *ret_size)
{
	uint64_t n;
	uint32_t n32;

	if (bytes_u32(&head, &n32) < 0 || n32 == 0)
		return -EBADMSG;
	n = n32;
	if (n32 == UINT32_MAX && bytes_u64(&head, &n) < 0)
		return -EBADMSG;
	if (n > CFI_ENTRY_MAX)
		return -EBADMSG;
	*ret_id = head.pos;
	*ret_size = head.pos + n;
	return 0;
}

/* One letter of the augmentation. */
static int read_letter(char letter, const struct cfi_bases *bases, struct bytes *b,
		       struct cfi_common *c)
{
	uint8_t enc;

	switch (letter) {
	case 'R':
		return bytes_u8(b, &c->enc);
	case 'L':
		return bytes_u8(b, &enc);
	case 'P': /* its value does not matter */
		return bytes_u8(b, &enc) < 0 ? -EBADMSG : cfi_pointer_skip(b, enc, bases);
	case 'S':
		c->is_signal = true;
		return 0;
	case 'B': /* arm64: pointers are signed with the other key */
	case 'G': /* arm64: the stack is tagged */
		return 0;
	default:
		return -EBADMSG;
	}
}

static int read_augmentation(const char *letters, const struct cfi_bases *bases, struct bytes *b,
			     struct cfi_common *c)
{
	uint64_t n, end = b->n;

	if (*letters == 'z') {
		letters++;
		c->has_size = true;
		if (bytes_uleb(b, &n) < 0 || n > bytes_left(b))
			return -EBADMSG;
		end = b->pos + n;
	}
	for (; *letters; letters++) {
		if (read_letter(*letters, bases, b, c) < 0 || b->pos > end)
			return -EBADMSG;
	}
	return c->has_size ? bytes_seek(b, end) : 0;
}

static int read_ra(struct bytes *b, uint8_t version, struct cfi_common *c)
{
	uint8_t narrow;
	int r;

	if (version != 1)
		return bytes_uleb(b, &c->ra_reg);
	r = bytes_u8(b, &narrow);
	if (r == 0)
		c->ra_reg = narrow;
	return r;
}

int cfi_common_read(struct bytes b, const struct cfi_bases *bases, struct cfi_common *ret)
{
	struct cfi_common c = { 0 };
	uint8_t version, size = 8, segment = 0;
	const char *letters;

	if (bytes_u8(&b, &version) < 0 || bytes_str(&b, &letters) < 0)
		return -EBADMSG;
	if (version != 1 && version != 3 && version != 4)
		return -EBADMSG;
	if (strncmp(letters, "eh", 2) == 0) { /* gcc 2: an address follows */
		letters += 2;
		if (bytes_skip(&b, 8) < 0)
			return -EBADMSG;
	}
	if (version == 4 && (bytes_u8(&b, &size) < 0 || bytes_u8(&b, &segment) < 0))
		return -EBADMSG;
	if (size != 8 || segment != 0)
		return -EBADMSG;
	if (bytes_uleb(&b, &c.code_align) < 0 || bytes_sleb(&b, &c.data_align) < 0 ||
	    read_ra(&b, version, &c) < 0 || read_augmentation(letters, bases, &b, &c) < 0)
		return -EBADMSG;
	/* The alignment is 1 or 4; beyond some bound offsets could overflow. */
	if (c.code_align > UINT16_MAX)
		return -EBADMSG;
	c.insns = bytes_of(b.p + b.pos, bytes_left(&b));
	*ret = c;
	return 0;
}

int cfi_entry_read(struct bytes b, const struct cfi_common *cie, const struct cfi_bases *bases,
		   struct cfi_entry *ret)
{
	static const struct cfi_bases nowhere;
	uint64_t start, len, n;
	int r = cfi_pointer(&b, cie->enc, bases, &start);

	if (r == 0)
		r = cfi_pointer(&b, cie->enc & CFI_ENC_FORMAT, &nowhere, &len);
	if (r < 0)
		return r;
	if (cie->has_size && (bytes_uleb(&b, &n) < 0 || bytes_skip(&b, n) < 0))
		return -EBADMSG;
	if (start + len < start)
		return -EBADMSG;
	ret->start = start;
	ret->len = len;
	ret->insns = bytes_of(b.p + b.pos, bytes_left(&b));
	return 0;
}
