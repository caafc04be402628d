/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden files: what a function wrote is compared with the file that a person has looked at. A
 * difference is printed as a diff and fails the test; WICK_GOLDEN=update in the environment
 * rewrites the files instead. Tests run in the root of the source tree.
 */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void golden_save(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f, "cannot write %s", path);
	fputs(text, f);
	fclose(f);
}

/* Compares @text with tests/golden/@name. */
static inline void golden_check(const char *name, const char *text)
{
	char path[256], actual[] = "/tmp/wick-golden-XXXXXX", command[600];
	int fd;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (getenv("WICK_GOLDEN") && strcmp(getenv("WICK_GOLDEN"), "update") == 0) {
		golden_save(path, text);
		return;
	}
	fd = mkstemp(actual);
	cr_assert_geq(fd, 0);
	close(fd);
	golden_save(actual, text);
	snprintf(command, sizeof(command), "diff -u '%s' '%s' >&2", path, actual);
	cr_expect_eq(system(command), 0, "%s differs from what was written", path);
	unlink(actual);
}
