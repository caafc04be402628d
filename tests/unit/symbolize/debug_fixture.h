/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of separate debug files share: a test works in a folder of its own, where the
 * folder "root" plays the root of a process. Failures inside end the test.
 */
#pragma once

#include "elffile.h"
#include "symbolize.h"

/* Runs a command of the shell, which has to succeed. */
__attribute__((format(printf, 1, 2))) void sh(const char *fmt, ...);

/* An object open for asking. */
struct asking {
	struct elf_file f;
	char id[BUILD_ID_HEX_MAX]; /* "" = none */
	int fd, root;		   /* root: the folder, -1 when there is none */
};

void asking_open(struct asking *a, const char *path);
void asking_close(struct asking *a);

/* What a search gave: which of @paths ("?" for none of them), or the error's number. Closes @fd. */
const char *name_found(int r, int fd, const char *const *paths);
#define ENOENT_TEXT "-2"

/* Puts a copy of @file where a build id is looked for below @at: its path, until the next call. */
const char *put_by_id(const char *file, const char *at, const char *id);

/* Copies @from and gives it another build id. */
void make_other_id(const char *from, const char *to);
