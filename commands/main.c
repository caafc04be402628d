/* SPDX-License-Identifier: Apache-2.0 */
/* Which command is meant. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "commands.h"
#include "interrupts.h"
#include "log.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "record", cmd_record, "sample this machine, a process or a command" },
	{ "report", cmd_report, "print what costs most in a profile" },
	{ "flame", cmd_flame, "draw a profile as a flame graph, or the difference of two" },
	{ "convert", cmd_convert, "turn a profile into another format, merge several" },
	{ "symbolize", cmd_symbolize, "names of addresses in a program, as addr2line gives them" },
	{ "doctor", cmd_doctor, "what this kernel and these privileges allow" },
};

static void help(FILE *out)
{
	fputs("usage: wick COMMAND [OPTIONS]\n\n"
	      "A sampling CPU profiler: where do programs and the kernel spend their time?\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\n'wick COMMAND --help' tells more. To begin: sudo wick record -a --duration 5\n",
	      out);
}

/*
 * A file that is opened must not become standard input, output or error. Where one of these is
 * closed there is nothing to read, and writing fails as it did; a command that is recorded has it
 * closed.
 */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	fill_standard();
	interrupts_clean_up();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of writing like any other */
	if (argc < 2) {
		help(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		help(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("wick %s\n", WICK_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	log_error("there is no command '%s'; see 'wick --help'", argv[1]);
	return 2;
}
