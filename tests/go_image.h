/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small Go program made by hand, in every layout of its table. Its functions:
 *
 *	401000	main.outer, a.go:10; at 8 its line is 12, and from 30 on 14
 *	401010	main.mid, b.go:22, which it calls at a.go:12 and which was inlined
 *	401018	main.inner, c.go:33, which main.mid calls at b.go:22 and which was inlined too
 *	401040	main.leaf, a.go:40, of 10 bytes; its table of lines ends at 401048
 *
 * The first has a frame as Go makes them: the caller's rbp is pushed by the byte at 401003, from
 * 40100b on 28 bytes are on the stack, 8 at 40103a and none from 40103b on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gotable.h"

enum { GO_IMAGE_BYTES = 0x3800, GO_IMAGE_TABLE = 0x2000, GO_IMAGE_TREES = 0x2800 };

struct go_image_kind {
	enum go_layout layout;
	bool relocated; /* pointers are in relocations only */
	unsigned shift; /* words that moduledata has more before gofunc than any version has */
	bool no_module; /* and no text in the header */
	uint8_t flags;	/* of main.leaf */
	bool sections;	/* it has headers of them, and .gopclntab is one */
};

/* Writes the program. */
void go_image_make(const struct go_image_kind *kind, uint8_t ret[GO_IMAGE_BYTES]);
