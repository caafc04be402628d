/* SPDX-License-Identifier: Apache-2.0 */
/* Writes protobuf by hand, so that tests can write what no encoder would. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "made_profile.h"

static inline void wire_varint(struct buffer *b, uint64_t v)
{
	do {
		uint8_t byte = (uint8_t)((v & 0x7f) | (v >= 0x80 ? 0x80 : 0));

		buffer_add(b, &byte, 1);
		v >>= 7;
	} while (v);
}

static inline void wire_int(struct buffer *b, unsigned field, uint64_t v)
{
	wire_varint(b, field << 3);
	wire_varint(b, v);
}

static inline void wire_bytes(struct buffer *b, unsigned field, const void *data, size_t n)
{
	wire_varint(b, field << 3 | 2);
	wire_varint(b, n);
	buffer_add(b, data, n);
}

static inline void wire_text(struct buffer *b, unsigned field, const char *s)
{
	wire_bytes(b, field, s, strlen(s));
}

/* A sub-message of numbers: pairs of field and value, ended by field 0. */
static inline void wire_message(struct buffer *b, unsigned field, const uint64_t *pairs)
{
	struct buffer m = { 0 };

	for (; pairs[0]; pairs += 2)
		wire_int(&m, (unsigned)pairs[0], pairs[1]);
	wire_bytes(b, field, m.items, m.n);
	array_free(&m);
}

#define wire_pairs(b, field, ...) wire_message(b, field, (const uint64_t[]){ __VA_ARGS__, 0, 0 })

/* The strings of a profile, which always begin with "". */
static inline void wire_strings(struct buffer *b, const char *const *strings)
{
	wire_text(b, 6, "");
	for (; *strings; strings++)
		wire_text(b, 6, *strings);
}
