/* SPDX-License-Identifier: Apache-2.0 */
/* Naming the option that getopt_long() did not like: it does not tell which word that was. */
#pragma once

struct err;

/* The word with the option that getopt_long() will look at next; ask before each call. NULL = none.
 */
const char *option_word(int argc, char **argv);

/* What getopt_long() answered, '?' or ':' (its optstring begins with ':'), about @word of
 * `wick COMMAND`, as a sentence. -EINVAL. */
int option_wrong(struct err *e, int answer, const char *word, const char *command);
