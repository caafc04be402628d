/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object of many units asked on several threads, saved by them, and asked from what was saved;
 * and two threads that have an object each and save it under one name.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dwmaker.h"
#include "dwobject.h"
#include "elfsym.h"
#include "framenames.h"

enum {
	UNITS = 400,
	FUNCTIONS = 800,
	FUNCTIONS_ALL = UNITS * FUNCTIONS,
	ASKED = 9000, /* two threads read the names of what was saved */
	ROUNDS = 3,
};

static const struct dwline_span code = { 0x1000, 0x1000 + 16ull * FUNCTIONS_ALL };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "conc_symbolize: %s\n", what);
	exit(1);
}

static void ask(struct dwobject *o)
{
	struct dwquery *queries = calloc(ASKED, sizeof(*queries));
	struct symobject object = { .dwarf = o };
	struct dwframes frames = { 0 };
	struct answering a = { 0 };
	struct framenames names = { .o = &object, .a = &a };
	uint32_t *numbers;

	must(queries && answering_init(&a, 0) == 0, "no memory");
	for (size_t i = 0; i < ASKED; i++)
		queries[i].addr = 0x1000 + 16 * (i * UNITS * FUNCTIONS / ASKED);
	must(dwobject_find(o, queries, ASKED, &frames) == 0, "cannot ask");
	must(framenames_read(&names, frames.frames.items, frames.frames.n, &numbers) == 0 &&
		     numbers,
	     "cannot read names");
	for (size_t i = 0; i < ASKED; i++) {
		size_t function = i * UNITS * FUNCTIONS / ASKED;
		char want[40], name[64];

		snprintf(want, sizeof(want), "u%zu_f%zu", function / FUNCTIONS,
			 function % FUNCTIONS);
		must(queries[i].n == 1, "one frame each");
		must(strcmp(a.strings.bytes + names.names.items[numbers[queries[i].first]].name,
			    want) == 0,
		     "another name in the batch");
		must(strcmp(dwobject_string(o, frames.frames.items[queries[i].first].name.name,
					    sizeof(name), name),
			    want) == 0,
		     "another name");
	}
	free(numbers);
	framenames_done(&names);
	answering_done(&a);
	array_free(&frames.frames);
	free(queries);
}

static const struct dwmaker *made; /* what all threads read */

/* Opens, asks and saves; then the same from what was saved. */
static void *run(void *dir)
{
	struct dwobject_opts opts = { .alt_fd = -1,
				      .code = &code,
				      .n_code = 1,
				      .max_inflated = 1 << 30,
				      .max_held = 1, /* what is compressed is read in pieces */
				      .max_images = 1 << 20,
				      .threads = 8,
				      .store_dir = dir,
				      .store_key = "key" };
	struct dwobject *o;

	for (int round = 0; round < ROUNDS; round++) {
		must(dwobject_open(dwmaker_elf(made), &opts, &o) == 0, "cannot open");
		ask(o);
		must(dwobject_wants_saving(o), "it is not to be saved");
		must(dwobject_save(o, &(struct elf_object){ 0 }) == 0, "cannot save");
		ask(o);
		dwobject_free(o);
		must(dwobject_open_stored(&opts, &o) == 0, "nothing was saved");
		ask(o);
		dwobject_free(o);
	}
	return NULL;
}

int main(void)
{
	char dir[] = "/tmp/wick-conc-XXXXXX", path[64];
	struct dwmaker m = { 0 };
	pthread_t threads[2];

	must(mkdtemp(dir), "no folder");
	dwmaker_many(&m, UNITS, FUNCTIONS);
	made = &m;
	for (int zlib = 0; zlib < 2; zlib++) {
		m.zlib = zlib;
		for (int i = 0; i < 2; i++)
			must(pthread_create(&threads[i], NULL, run, dir) == 0, "no thread");
		for (int i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
	}
	snprintf(path, sizeof(path), "%s/key.wickidx", dir);
	must(unlink(path) == 0 && rmdir(dir) == 0, "something was left behind");
	dwmaker_done(&m);
	return 0;
}
