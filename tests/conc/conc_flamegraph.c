/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of a page of so many nodes that a thread of their own puts them together, by two callers at
 * once over one tree: each must get the same bytes.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "flamegraph.h"
#include "folded.h"
#include "htmldata.h"
#include "profile.h"

#define STACKS 100000

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "conc_flamegraph: %s\n", what);
	exit(1);
}

/* Gives a line a time. */
static ssize_t read_line(void *ctx, void *buf, size_t n)
{
	int *i = ctx;

	if (*i == STACKS)
		return 0;
	(*i)++;
	return snprintf(buf, n, "main;caller %d;leaf %d %d\n", *i / 50, *i, *i % 7 + 1);
}

static void *make(void *ctx)
{
	static const struct html_opts opts = { .title = "t" };
	struct htmldata d = *(const struct htmldata *)ctx;
	struct bytebuf *ret = calloc(1, sizeof(*ret));

	d.opts = &opts;
	must(ret && htmldata_make(&d, ret) == 0, "no data");
	return ret;
}

int main(void)
{
	int line = 0;
	struct source source = { .read = read_line, .ctx = &line };
	struct calltree_opts opts = { .order = ORDER_WEIGHT };
	struct calltree *t = NULL;
	struct profile *p = NULL;
	struct bytebuf *made[2];
	pthread_t threads[2];
	struct htmldata d;

	must(folded_read(&source, &p, NULL) == 0, "no profile");
	must(calltree_new(&t, p, &opts, NULL) == 0, "no tree");
	d = (struct htmldata){ .tree = t, .p = p };
	for (int i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, make, &d) == 0, "no thread");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], (void **)&made[i]);
	must(made[0]->n == made[1]->n && memcmp(made[0]->items, made[1]->items, made[0]->n) == 0,
	     "other bytes");
	for (int i = 0; i < 2; i++) {
		free(made[i]->items);
		free(made[i]);
	}
	calltree_free(t);
	profile_free(p);
	return 0;
}
