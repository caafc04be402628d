/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus-check: how many samples of folded stacks are exactly what a chain file allows. Needs
 * nothing but libc, so that it also runs in a small virtual machine.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allowed.h"

#define SAMPLES_MIN 50 /* fewer say nothing */

struct example {
	char *stack;
	unsigned long count;
	enum verdict verdict;
};

struct report {
	unsigned long counts[VERDICT_N], samples;
	struct example *bad; /* wrong and cut stacks */
	size_t bad_n;
};

struct check_opts {
	const char *name;
	const char *comm;
	size_t examples;
	bool no_root;
	bool quiet;
	bool may_miss;
};

static const char *const verdict_names[] = {
	[VERDICT_EXACT] = "exact", [VERDICT_CUT] = "cut",   [VERDICT_OUTSIDE] = "outside",
	[VERDICT_SHORT] = "short", [VERDICT_SKIP] = "skip", [VERDICT_WRONG] = "wrong",
};

static int keep_example(struct report *r, const char *stack, unsigned long count, enum verdict v)
{
	struct example *grown = realloc(r->bad, (r->bad_n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	r->bad = grown;
	grown[r->bad_n] = (struct example){ strdup(stack), count, v };
	return grown[r->bad_n++].stack ? 0 : -ENOMEM;
}

static int judge_line(struct report *r, struct allowed *a, char *line, const struct check_opts *o)
{
	char *space = strrchr(line, ' '), *end, *copy;
	unsigned long count;
	int v;

	if (!space)
		return -EBADMSG;
	*space = '\0';
	count = strtoul(space + 1, &end, 10);
	if (end == space + 1 || (*end && *end != '\n'))
		return -EBADMSG;
	copy = strdup(line);
	if (!copy)
		return -ENOMEM;
	v = allowed_judge(a, copy, count, o->no_root);
	free(copy);
	if (v < 0)
		return v;
	r->counts[v] += count;
	r->samples += count;
	return v == VERDICT_EXACT ? 0 : keep_example(r, line, count, (enum verdict)v);
}

static int judge_file(struct report *r, struct allowed *a, const char *path,
		      const struct check_opts *o)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t size = 0, line_no = 0;
	char *line = NULL;
	int e = 0;

	if (!in) {
		fprintf(stderr, "corpus-check: cannot open %s: %s\n", path, strerror(errno));
		return -errno;
	}
	while (e >= 0 && getline(&line, &size, in) >= 0) {
		line_no++;
		e = judge_line(r, a, line, o);
	}
	if (e == -EBADMSG)
		fprintf(stderr, "corpus-check: %s:%zu: no count at the end\n", path, line_no);
	free(line);
	if (in != stdin)
		fclose(in);
	return e;
}

static int by_count(const void *va, const void *vb)
{
	const struct example *a = va, *b = vb;

	if (a->verdict != b->verdict)
		return (a->verdict < b->verdict) - (a->verdict > b->verdict);
	return (a->count < b->count) - (a->count > b->count);
}

static bool within(const struct report *r, const struct allowed *a, enum verdict what,
		   unsigned long count)
{
	return (double)count * 100 <= allowed_limit(a, what) * (double)r->samples;
}

/* Prints the line of a program and why it fails. Returns whether it passes. */
static bool print_report(struct report *r, const struct allowed *a, const struct check_opts *o)
{
	const unsigned long *n = r->counts;
	unsigned long wrong = n[VERDICT_WRONG] + n[VERDICT_SHORT] + n[VERDICT_SKIP];
	unsigned long bad = o->no_root ? wrong - n[VERDICT_SKIP] : wrong;
	bool ok = r->samples >= SAMPLES_MIN && within(r, a, VERDICT_WRONG, bad) &&
		  within(r, a, VERDICT_CUT, n[VERDICT_CUT]) &&
		  within(r, a, VERDICT_OUTSIDE, n[VERDICT_OUTSIDE]);
	const char *unseen;
	size_t shown[VERDICT_N] = { 0 };

	for (size_t i = 0; !o->may_miss && (unseen = allowed_unseen(a, i)); i++)
		ok = false;
	printf("%s: samples %lu exact %lu cut %lu wrong %lu (short %lu skip %lu) outside %lu%s\n",
	       o->name, r->samples, n[VERDICT_EXACT], n[VERDICT_CUT], wrong, n[VERDICT_SHORT],
	       n[VERDICT_SKIP], n[VERDICT_OUTSIDE], ok ? "" : " FAIL");
	if (o->quiet)
		return ok;
	for (size_t i = 0; !o->may_miss && (unseen = allowed_unseen(a, i)); i++)
		printf("    never seen: %s\n", unseen);
	if (r->bad_n)
		qsort(r->bad, r->bad_n, sizeof(*r->bad), by_count);
	for (size_t i = 0; i < r->bad_n; i++) {
		const struct example *e = &r->bad[i];

		if (e->verdict == VERDICT_OUTSIDE &&
		    within(r, a, VERDICT_OUTSIDE, n[VERDICT_OUTSIDE]))
			continue;
		if (shown[e->verdict]++ < o->examples)
			printf("    %s %lu: %s\n", verdict_names[e->verdict], e->count, e->stack);
	}
	return ok;
}

static int usage(void)
{
	fputs("usage: corpus-check [-q] [-u] [-f] [-c COMM] [-n EXAMPLES] [-N NAME] CHAINFILE FOLDED\n"
	      "  -q  only the line of counts\n"
	      "  -u  of so few samples that a chain may go unseen\n"
	      "  -f  made from frame pointers: root and caller of the leaf may be missing\n",
	      stderr);
	return 2;
}

static int parse_opts(int argc, char **argv, struct check_opts *o)
{
	int c;

	while ((c = getopt(argc, argv, "qfuc:n:N:")) != -1) {
		if (c == 'q')
			o->quiet = true;
		else if (c == 'f')
			o->no_root = true;
		else if (c == 'u')
			o->may_miss = true;
		else if (c == 'c')
			o->comm = optarg;
		else if (c == 'n')
			o->examples = strtoul(optarg, NULL, 10);
		else if (c == 'N')
			o->name = optarg;
		else
			return -EINVAL;
	}
	return argc - optind == 2 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct check_opts o = { .examples = 3 };
	struct report report = { 0 };
	struct allowed *a = NULL;
	bool ok = false;
	FILE *chains;
	int r;

	if (parse_opts(argc, argv, &o) < 0)
		return usage();
	if (!o.name)
		o.name = argv[optind];
	chains = fopen(argv[optind], "re");
	if (!chains) {
		fprintf(stderr, "corpus-check: cannot open %s: %s\n", argv[optind],
			strerror(errno));
		return 2;
	}
	r = allowed_read(chains, argv[optind], &a);
	fclose(chains);
	if (r >= 0 && o.comm)
		r = allowed_set_comm(a, o.comm);
	if (r >= 0)
		r = judge_file(&report, a, argv[optind + 1], &o);
	if (r >= 0)
		ok = print_report(&report, a, &o);
	for (size_t i = 0; i < report.bad_n; i++)
		free(report.bad[i].stack);
	free(report.bad);
	allowed_free(a);
	return r < 0 ? 2 : !ok;
}
