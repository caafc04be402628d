/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "optword.h"

static const struct option long_options[] = {
	{ "rows", required_argument, NULL, 'n' },
	{ "top", no_argument, NULL, 256 },
	{ 0 },
};

/* What is said of the first option of "report LINE" that is wrong; "" = none is. */
static const char *said(const char *text)
{
	static struct err e;
	static char line[128];
	char *args[16] = { (char *)"report" }, *save = NULL;
	const char *word;
	int n = 1, opt;

	e = (struct err){ 0 };
	snprintf(line, sizeof(line), "%s", text);
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		args[n++] = w;
	optind = opterr = 0;
	while (word = option_word(n, args),
	       (opt = getopt_long(n, args, ":n:hv", long_options, NULL)) != -1)
		if (opt == '?' || opt == ':') {
			cr_expect_eq(option_wrong(&e, opt, word, "report"), -EINVAL);
			break;
		}
	return e.text;
}

Test(optword, names_the_word_wherever_it_is)
{
	static const struct {
		const char *line, *says;
	} t[] = {
		{ "-x", "there is no option '-x'; see 'wick report --help'" },
		{ "-v -x a b", "there is no option '-x'; see 'wick report --help'" },
		{ "-vxh a", "there is no option '-vxh'; see 'wick report --help'" },
		{ "--top -vxh a", "there is no option '-vxh'; see 'wick report --help'" },
		{ "a b -x c", "there is no option '-x'; see 'wick report --help'" },
		{ "a -n 3 b --bogus c", "there is no option '--bogus'; see 'wick report --help'" },
		{ "a --top=3 b", "there is no option '--top=3'; see 'wick report --help'" },
		{ "a - --bogus", "there is no option '--bogus'; see 'wick report --help'" },
		{ "a -n", "option '-n' wants a value; see 'wick report --help'" },
		{ "a -vn", "option '-vn' wants a value; see 'wick report --help'" },
		{ "a b --rows", "option '--rows' wants a value; see 'wick report --help'" },
		{ "a -n -x b", "" },
		{ "a -- -x", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		cr_expect_str_eq(said(t[i].line), t[i].says, "'%s': %s", t[i].line,
				 said(t[i].line));
}
