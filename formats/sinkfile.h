/* SPDX-License-Identifier: Apache-2.0 */
/* A sink as a stream of stdio, for codecs that print. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "stream.h"

struct sinkfile {
	const struct sink *out;
	FILE *f;
	int result; /* the first error of the sink */
};

/* Opens s->f: 0, or -ENOMEM. @out and @s must outlive it. */
int sinkfile_open(struct sinkfile *s, const struct sink *out);

/* Writes what is left and closes the stream: 0, what the sink gave, or -ENOMEM. */
int sinkfile_close(struct sinkfile *s);

/* Writes a number, several times as fast as fprintf() does. */
void put_number(FILE *f, int64_t v);
