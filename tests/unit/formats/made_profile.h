/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room share: buffers as sinks and sources, profiles, commands. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "profile.h"
#include "stream.h"

/* A buffer that a codec writes to or reads from. */
struct buffer {
	uint8_t *items;
	size_t n, cap;
	size_t pos;   /* of the next byte to read */
	size_t chunk; /* most bytes that one read gives; 0 = all */
	int fail_at;  /* calls until -EIO; 0 = never */
};

struct sink buffer_sink(struct buffer *b);
struct source buffer_source(struct buffer *b);
void buffer_add(struct buffer *b, const void *data, size_t n);

/* The buffer's text with a NUL, borrowed. */
const char *buffer_text(struct buffer *b);

/* A number for a string of @p, which is added when it is not there. */
uint32_t str(struct profile *p, const char *s);

/* A small profile with one of everything that wick records; pprof_check.py accepts it. */
struct profile *demo_profile(void);

/* A profile of @n samples with every field in use, the same for the same @seed. */
struct profile *random_profile(uint64_t seed, size_t n);

/* The next number of a generator, and one below @n. */
uint64_t next_random(uint64_t *state);
uint32_t pick(uint64_t *state, uint32_t n);

/* Fails the test unless both hold the same: tables in the same order, strings by their text. */
void assert_same_profile(const struct profile *a, const struct profile *b);

/* @p through the encoder and the decoder. */
struct profile *recode_profile(const struct profile *p);

/* @text through the reader; fails the test when it does not read. */
struct profile *read_folded(const char *text);

/* Folded text of @p's value 0, annotated. Caller frees. */
char *write_folded(const struct profile *p);

/* Runs a shell command in the project's folder: its exit status; *@ret is what it wrote (caller
 * frees). */
int run_command(char **ret, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Path of a new folder that remove_scratch() removes. */
char *new_scratch(void);
void remove_scratch(char *path);
