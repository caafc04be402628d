/* SPDX-License-Identifier: Apache-2.0 */
#include "optword.h"

#include <errno.h>
#include <getopt.h>

#include "err.h"

const char *option_word(int argc, char **argv)
{
	/* A word such as "-aUv" stays the next one until all of its options were taken. */
	for (int i = optind ? optind : 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1])
			return argv[i];
	return NULL;
}

int option_wrong(struct err *e, int answer, const char *word, const char *command)
{
	return err_set(e, -EINVAL,
		       answer == ':' ? "option '%s' wants a value; see 'wick %s --help'"
				     : "there is no option '%s'; see 'wick %s --help'",
		       word ? word : "-", command);
}
