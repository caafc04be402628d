/* SPDX-License-Identifier: Apache-2.0 */
#include "symflaws.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "array.h"
#include "log.h"
#include "symbolize.h"

enum { N_FLAWS = 4 };

struct flaw {
	const char *name;
	uint64_t n;
	const char *one, *many; /* what is said of them */
};

static void list_flaws(const struct symbolizer_stats *s, struct flaw ret[N_FLAWS])
{
	ret[0] = (struct flaw){ "no_split", s->no_split,
				"unit of debug information lies in a file .dwo or .dwp that is not "
				"here: what was inlined in it is missing; put that file "
				"where it was built or beside the program",
				"units of debug information lie in files .dwo or .dwp that are not "
				"here: what was inlined in them is missing; put those "
				"files where they were built or beside the program" };
	ret[1] = (struct flaw){
		"no_alt", s->no_alt,
		"debug file shares names with others in a file of dwz that is not "
		"here: what was inlined in its code may be called ??; install that "
		"file, below /usr/lib/debug/.dwz, with the package of the debug "
		"file, or let --debuginfod ask a server for it",
		"debug files share names with others in files of dwz that are not "
		"here: what was inlined in their code may be called ??; install those "
		"files, below /usr/lib/debug/.dwz, with the packages of the debug "
		"files, or let --debuginfod ask a server for them"
	};
	ret[2] = (struct flaw){ "broken", s->broken,
				"unit of debug information is broken: names and lines of its code "
				"may be missing; build the program anew or install its debug file "
				"again",
				"units of debug information are broken: names and lines of their "
				"code may be missing; build the program anew or install its debug "
				"file again" };
	ret[3] = (struct flaw){ "limited", s->limited,
				"unit of debug information asks for more than may be read: names "
				"and lines of its code may be missing",
				"units of debug information ask for more than may be read: names "
				"and lines of their code may be missing" };
}

bool symflaws_format(const struct symbolizer_stats *s, char ret[SYMFLAWS_TEXT_MAX])
{
	struct flaw flaws[N_FLAWS];
	size_t n = 0;

	list_flaws(s, flaws);
	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
		if (flaws[i].n)
			n += (size_t)snprintf(ret + n, SYMFLAWS_TEXT_MAX - n, "%s %s=%" PRIu64,
					      n ? "" : "wick: symbols:", flaws[i].name, flaws[i].n);
	return n > 0;
}

void symflaws_warn(const struct symbolizer_stats *s)
{
	struct flaw flaws[N_FLAWS];

	list_flaws(s, flaws);
	for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
		if (flaws[i].n)
			log_warn("%" PRIu64 " %s", flaws[i].n,
				 flaws[i].n == 1 ? flaws[i].one : flaws[i].many);
}
