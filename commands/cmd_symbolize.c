/* SPDX-License-Identifier: Apache-2.0 */
/* wick symbolize: names of addresses in an ELF file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrreader.h"
#include "cachedir.h"
#include "cleanup.h"
#include "clock.h"
#include "commands.h"
#include "err.h"
#include "fdutil.h"
#include "log.h"
#include "symbolize.h"
#include "symbolize_options.h"
#include "symflaws.h"
#include "symprint.h"
#include "symstart.h"
#include "threadstart.h"

#define LARGE	      (128 << 10) /* bytes; what malloc takes for large at first, too */
#define DEBUGINFOD_MS 120000	  /* longer than one file may take */
#define WRITTEN	      (32 << 10)  /* bytes */
#define PRINT_APART   (8 << 10)	  /* frames, for which a thread is started */

static const char usage[] =
	"usage: wick symbolize [OPTIONS] ELF [ADDR...]\n"
	"\n"
	"Prints the function, source file and line of addresses in a program or a shared\n"
	"library, and what was inlined there, from the innermost function outwards. In an\n"
	"object file or a kernel module they count in the first section with code that is\n"
	"large enough to have them; --offsets reaches every section.\n"
	"Addresses are hexadecimal, as nm and objdump print them; without any they are\n"
	"read from standard input, one a line, and answered as they come.\n"
	"\n"
	"Output:\n"
	"      --json              an object a line\n"
	"      --addr2line         as addr2line -a -f -i -C prints it\n"
	"      --no-inlines        only the function that the code was compiled into\n"
	"\n"
	"What is asked:\n"
	"      --offsets           addresses are offsets in the file\n"
	"      --debug-dir DIR     look for separate debug files in DIR before\n"
	"                          /usr/lib/debug; may be given again\n"
	"      --debuginfod        ask the servers in $DEBUGINFOD_URLS for them, too\n"
	"\n"
	"How:\n"
	"      --threads N         read debug information on N CPUs (default: all, up to 8)\n"
	"      --cache DIR|off     keep what was read for the next time (default\n"
	"                          $XDG_CACHE_HOME/wick or ~/.cache/wick)\n";

/* A batch that is printed while the next one is answered. */
struct printing {
	struct addr_batch asked;
	struct sym_batch answers;
	struct symprint *print;
	int result; /* of the last batch, once it is not under way */
	bool is_under_way;
	pthread_t thread;
};

/* Everything a run holds, released in one place. */
struct run {
	struct symbolize_options o;
	struct symbolizer *symbolizer;
	int fd;
	char build_id[BUILD_ID_HEX_MAX];
	char *path; /* of the file as it was called; NULL = not known */
	struct addr_batch asked;
	struct addr_reader reader;
	struct symprint print;
	struct printing printing;
	size_t n_wrong; /* lines that were no addresses */
	bool is_usage;	/* the words make no sense, nothing was tried */
	bool is_buffered;
	char *written; /* of stdout, WRITTEN bytes, while it is_buffered */
};

static void *print_batch(void *arg)
{
	struct printing *p = arg;

	p->result = symprint_batch(p->print, &p->asked, &p->answers);
	if (fflush(p->print->out) != 0 && !p->print->unwritten)
		p->print->unwritten = -errno;
	if (p->result == 0)
		p->result = p->print->unwritten;
	sym_batch_done(&p->answers);
	return NULL;
}

/* Waits for the batch that is printed: 0, -ENOMEM, or -errno of writing. */
static int end_printing(struct printing *p)
{
	if (p->is_under_way)
		pthread_join(p->thread, NULL);
	p->is_under_way = false;
	return p->result;
}

/*
 * Prints @answers to what was @asked and takes both, after those before: as end_printing(). If there is @more to
 * answer meanwhile, on a thread.
 */
static int print(struct printing *p, struct addr_batch *asked, struct sym_batch *answers, bool more)
{
	struct addr_batch free_one;

	if (end_printing(p) < 0) {
		sym_batch_done(answers);
		return p->result;
	}
	free_one = p->asked;
	p->asked = *asked;
	*asked = free_one;
	p->answers = *answers;
	p->is_under_way = more && p->print->threads > 1 && answers->n_frames >= PRINT_APART &&
			  thread_start(&p->thread, print_batch, p) == 0;
	if (!p->is_under_way)
		print_batch(p);
	return p->is_under_way ? 0 : p->result;
}

static void run_done(struct run *r)
{
	(void)end_printing(&r->printing);
	addr_batch_done(&r->printing.asked);
	/* All of it was flushed, or cannot be. */
	if (r->is_buffered)
		setvbuf(stdout, NULL, _IONBF, 0);
	symprint_done(&r->print);
	addr_reader_done(&r->reader);
	addr_batch_done(&r->asked);
	free(r->path);
	cleanup_closep(&r->fd);
	symbolizer_free(r->symbolizer);
	symbolize_options_done(&r->o);
}

/* From the root on, but over the links that it was called by: debug files may lie beside these, too. */
static char *absolute(const char *path)
{
	_cleanup_free_ char *folder = path[0] == '/' ? strdup("") : get_current_dir_name();
	char *r;

	return folder && asprintf(&r, "%s%s%s", folder, *folder ? "/" : "", path) >= 0 ? r : NULL;
}

static int open_elf(struct run *r, struct err *e)
{
	const char *path = r->o.elf;
	int n = open_regular(AT_FDCWD, path, &r->fd);

	if (n == -EINVAL)
		return err_set(e, n, "'%s' is no regular file; give a program or a shared library",
			       path);
	if (n < 0)
		return err_set(e, n, "cannot read '%s': %s; give a program or a shared library",
			       path, strerror(-n));
	r->path = absolute(path);
	n = elf_build_id(r->fd, r->build_id);
	switch (n) {
	case 0:
	case -ENOENT: /* it has none */
		return 0;
	case -EBADMSG:
		return err_set(e, n, "'%s' is no ELF file; give a program or a shared library",
			       path);
	case -ENOTSUP:
		return err_set(
			e, n,
			"'%s' is a core file, which has no code of its own; give the program or a "
			"shared library of it",
			path);
	default:
		return err_set(e, n, "cannot read '%s': %s", path, strerror(-n));
	}
}

static int new_symbolizer(struct run *r, struct err *e)
{
	char cache[PATH_MAX];
	struct symbolizer_opts so = {
		.debug_dirs = r->o.debug_dirs.items,
		.store_dir = r->o.cache,
		.threads = r->o.threads,
		.debuginfod = r->o.debuginfod,
		.allow_libdw = true, /* a person chose the file */
	};
	int n = r->o.cache ? cachedir_make(r->o.cache, e) : 0;

	if (n < 0)
		return n;
	if (!r->o.cache && !r->o.no_cache && cachedir_default(cache) == 0)
		so.store_dir = cache;
	return symstart_new(&r->symbolizer, &so, e);
}

/* What became of printing, @n, for whoever is at the terminal. */
static int told(const struct run *r, int n, struct err *e)
{
	if (n == 0 || n != r->print.unwritten)
		return n;
	return err_set(e, n, "cannot write to standard output: %s", strerror(-n));
}

/* Waits for what the object lacks, and for what that lacks: one file at a time. Servers that stall are given up
 * by the symbolizer. 0, -ENOMEM. */
static int fetch(struct run *r, const struct sym_request *req)
{
	uint64_t end = clock_mono_ns() + DEBUGINFOD_MS * NSEC_PER_MSEC;
	int n;

	while ((n = symbolizer_prepare(r->symbolizer, req)) > 0) {
		uint64_t now = clock_mono_ns();

		if (now >= end)
			break;
		(void)symbolizer_wait(r->symbolizer, (unsigned)((end - now) / NSEC_PER_MSEC));
	}
	return n < 0 ? n : 0;
}

/* Answers what was asked. */
static int answer(struct run *r, struct err *e)
{
	struct sym_request req = {
		.kind = r->o.offsets ? SYM_ELF : SYM_VADDR,
		.fd = r->fd,
		.build_id = r->build_id,
		.path = r->path,
		.no_inlines = r->o.no_inlines,
		.no_system_names = r->o.form != SYMPRINT_JSON,
		.last = r->o.addrs.n || r->reader.at_end,
		.offs = r->asked.addrs.items,
		.n = r->asked.addrs.n,
	};
	struct sym_batch b;
	int n = 0;

	if (r->o.debuginfod)
		n = fetch(r, &req);
	if (n == 0)
		n = symbolizer_run(r->symbolizer, &req, &b);
	if (n < 0)
		return n;
	r->n_wrong += r->asked.wrong.n;
	return told(r, print(&r->printing, &r->asked, &b, !req.last), e);
}

static int answer_words(struct run *r, struct err *e)
{
	for (size_t i = 0; i < r->o.addrs.n; i++)
		if (array_push(&r->asked.addrs, r->o.addrs.items[i]) < 0)
			return -ENOMEM;
	return answer(r, e);
}

static int answer_lines(struct run *r, struct err *e)
{
	int n;

	r->reader.fd = STDIN_FILENO;
	r->reader.guess = r->o.form == SYMPRINT_ADDR2LINE;
	while ((n = addr_reader_next(&r->reader, &r->asked)) > 0) {
		n = answer(r, e);
		if (n < 0)
			return n;
	}
	if (n < 0 && n != -ENOMEM)
		return err_set(e, n, "cannot read addresses from standard input: %s", strerror(-n));
	if (n == 0)
		n = told(r, end_printing(&r->printing), e);
	if (n == 0 && r->n_wrong)
		return err_set(e, -EBADMSG,
			       "%zu line%s of standard input %s; write one hexadecimal number a "
			       "line, such as 0x401136",
			       r->n_wrong, r->n_wrong == 1 ? "" : "s",
			       r->n_wrong == 1 ? "is no address" : "are no addresses");
	return n;
}

static int symbolize(struct run *r, int argc, char **argv, struct err *e)
{
	int n = symbolize_options_parse(argc, argv, &r->o, e);
	struct symbolizer_stats stats;

	r->is_usage = n == -EINVAL;
	if (n < 0 || r->o.help)
		return n;
	/* What is large stays apart, and arrays that grow leave no holes: a tenth to a third less memory. */
	mallopt(M_MMAP_THRESHOLD, LARGE);
	if ((n = open_elf(r, e)) < 0 || (n = new_symbolizer(r, e)) < 0)
		return n;
	/* Answers are written in large pieces, to a terminal too; what is more than the buffer, in
	 * multiples of it. */
	r->is_buffered = setvbuf(stdout, r->written, _IOFBF, WRITTEN) == 0;
	r->print = (struct symprint){ .out = stdout,
				      .form = r->o.form,
				      .threads = symbolizer_threads(r->symbolizer),
				      .to_terminal = isatty(STDOUT_FILENO) };
	r->printing.print = &r->print;
	n = r->o.addrs.n ? answer_words(r, e) : answer_lines(r, e);
	stats = symbolizer_stats(r->symbolizer);
	symflaws_warn(&stats);
	/* Who asked has the answers. */
	if (n == 0)
		(void)symbolizer_save(r->symbolizer);
	return n;
}

int cmd_symbolize(int argc, char **argv)
{
	char written[WRITTEN]; /* not part of what is zeroed at each start */
	struct run r = { .fd = -1, .written = written };
	struct err e = { 0 };
	int n = symbolize(&r, argc, argv, &e), status = n == 0 ? 0 : r.is_usage ? 2 : 1;

	if (r.o.help)
		status = fputs(usage, stdout) < 0;
	else if (n < 0)
		log_error("%s", e.text[0] ? e.text : strerror(-n));
	run_done(&r);
	return status;
}
