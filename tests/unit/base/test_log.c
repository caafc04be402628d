/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static char written[8192];
static int saved, pipe_fds[2];

static void capture(void)
{
	cr_assert_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
	saved = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
}

static const char *captured(void)
{
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	n = read(pipe_fds[0], written, sizeof(written) - 1);
	written[n > 0 ? n : 0] = '\0';
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(saved);
	return written;
}

Test(log, says_who_speaks_and_how_bad_it_is)
{
	capture();
	log_error("e %d", 1);
	log_warn("w %s", "2");
	log_info("i");
	log_debug("d");
	cr_expect_str_eq(captured(), "wick: e 1\nwick: warning: w 2\nwick: i\n");
}

Test(log, level_decides_what_is_written)
{
	capture();
	log_set_level(LOG_DEBUG);
	log_debug("d");
	log_set_level(LOG_ERROR);
	log_warn("w");
	log_error("e");
	cr_expect_str_eq(captured(), "wick: debug: d\nwick: e\n");
}

Test(log, names_from_foreign_files_cannot_drive_the_terminal)
{
	capture();
	log_warn("'%s'", "a\033]0;title\007b\nwick: c\r");
	log_warn("'%s'", "\302\2332J \2332J \342\200\256 d\303\251j\303\240 \303");
	cr_expect_str_eq(captured(), "wick: warning: 'a?]0;title?b?wick: c?'\n"
				     "wick: warning: '??2J ?2J ??? d\303\251j\303\240 ?'\n");
}

Test(log, cuts_what_is_too_long_and_still_ends_the_line)
{
	char name[5000];
	const char *text;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	capture();
	log_info("%s", name);
	text = captured();
	cr_expect_leq(strlen(text), 2048);
	cr_expect_geq(strlen(text), 2000);
	cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
}
