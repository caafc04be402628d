/* SPDX-License-Identifier: Apache-2.0 */
#include "symflaws.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

static uint64_t not_fetched(const struct symbolizer_fetching *f)
{
	return f->timed_out + f->failed + f->skipped + f->late;
}

bool symflaws_format(const struct symbolizer_stats *s, char ret[SYMFLAWS_TEXT_MAX])
{
	struct flaw flaws[N_FLAWS + 1];
	size_t n = 0;

	list_flaws(s, flaws);
	flaws[N_FLAWS] = (struct flaw){ "not_fetched", not_fetched(&s->fetching), NULL, NULL };
	ret[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
		if (flaws[i].n)
			n += (size_t)snprintf(ret + n, SYMFLAWS_TEXT_MAX - n, "%s %s=%" PRIu64,
					      n ? "" : "wick: symbols:", flaws[i].name, flaws[i].n);
	return n > 0;
}

/* Adds to @ret, of which @at bytes are used, that the servers did @what for @n files, if there are any: the bytes
 * used then. */
static size_t add_cause(char ret[SYMFLAWS_TEXT_MAX], size_t at, const char *what, uint64_t n,
			const char *why)
{
	if (n)
		at += (size_t)snprintf(ret + at, SYMFLAWS_TEXT_MAX - at, "%s %s (%" PRIu64 "%s%s)",
				       at ? "," : "the servers", what, n, why ? ": " : "",
				       why ? why : "");
	return at;
}

bool symflaws_format_fetching(const struct symbolizer_fetching *f, char ret[SYMFLAWS_TEXT_MAX])
{
	char why[64];
	size_t n;

	snprintf(why, sizeof(why), "%s",
		 f->error == -EBADMSG ? "not what was asked for" : strerror(-f->error));
	ret[0] = '\0';
	n = add_cause(ret, 0, "did not answer in time", f->timed_out, NULL);
	n = add_cause(ret, n, "failed", f->failed, why);
	n = add_cause(ret, n, "were not asked again after that", f->skipped, NULL);
	n = add_cause(ret, n, "had not answered yet", f->late, NULL);
	return n > 0;
}

void symflaws_warn(const struct symbolizer_stats *s)
{
	uint64_t missing = not_fetched(&s->fetching);
	struct flaw flaws[N_FLAWS];
	char why[SYMFLAWS_TEXT_MAX];

	list_flaws(s, flaws);
	for (size_t i = 0; i < ARRAY_LEN(flaws); i++)
		if (flaws[i].n)
			log_warn("%" PRIu64 " %s", flaws[i].n,
				 flaws[i].n == 1 ? flaws[i].one : flaws[i].many);
	if (symflaws_format_fetching(&s->fetching, why))
		log_warn("%" PRIu64
			 " debug file%s could not be fetched: %s; names and lines of %s code may "
			 "be missing; see whether the servers in DEBUGINFOD_URLS can be reached, "
			 "and try again: what has come is kept",
			 missing, missing == 1 ? "" : "s", why, missing == 1 ? "its" : "their");
}
