/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to tell the user: one sentence with the cause and the remedy, written where both are known
 * and carried up beside the negative errno to the command that prints it.
 */
#pragma once

#include <stddef.h>

struct err {
	char text[1024]; /* one sentence without a newline; "" when nothing was said */
};

/* Writes the sentence, replacing what could drive a terminal with '?', and returns @code. @e may be
 * NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
