/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Colours of frames. They come from what a frame is and what it is called, so a function looks the
 * same in every picture; and all of them are light enough for dark text to be read on them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calltree.h"

struct rgb {
	uint8_t r, g, b;
};

/* Contrast of text with its ground that everybody can read, by WCAG 2. */
#define CONTRAST_LEAST 4.5

struct palette;

/* The palette called @name, NULL when there is none. */
const struct palette *palette_by_name(const char *name);

/* Palette @i for walks over all of them, NULL after the last. */
const struct palette *palette_at(size_t i);
const char *palette_name(const struct palette *p);

/* "kind, hot, mem, …" */
const char *palette_names(void);

/* The background that goes with it, for background_by_name(). */
const char *palette_background(const struct palette *p);

/* Whether its colours stand for the kind of code and nothing else, so that a legend can tell them.
 */
bool palette_has_legend(const struct palette *p);

/* The fill of a frame called @name (@n bytes). */
struct rgb palette_fill(const struct palette *p, enum frame_kind kind, const char *name, size_t n);

/* The fill of a frame that grew (@change > 0, red) or shrank (blue), from -1 to 1. */
struct rgb change_fill(double change);

/* The fill of frames that a search found. */
struct rgb found_fill(void);

/* The colours of frames' text. */
struct rgb ink(void);

/* "yellow", "blue", "green", "grey", "white" or "#rrggbb": the colours at the top and the bottom.
 * False for any other text. */
bool background_by_name(const char *name, struct rgb *ret_top, struct rgb *ret_bottom);

/* From 1 to 21. */
double contrast(struct rgb a, struct rgb b);
