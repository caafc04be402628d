/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two shared objects are loaded, called and unloaded in turn; both come to lie at the same address. Until
 * wick is told that the second took the place of the first, some milliseconds, stacks are cut.
 *
 * chain: @main;use_plugin;plugin_run;work_a;leaf_a
 * chain: @main;use_plugin;plugin_run;work_b;leaf_b
 * may: @main;use_plugin;*dlopen*|*dlsym*|*dlclose*|*@plt|[libc*+*]|[plugins*+*];*{0,40}
 * limit cut: 1
 */
#include <dlfcn.h>

#include "corpus.h"

static CORPUS_FN long use_plugin(const char *name, long n)
{
	void *so = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	long (*volatile run)(long);

	if (!so)
		abort();
	run = (long (*)(long))dlsym(so, "plugin_run");
	for (int i = 0; i < 20; i++)
		n = run(n);
	dlclose(so);
	return n;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++) {
		corpus_sink = use_plugin("libplugin_a.so", i);
		corpus_sink = use_plugin("libplugin_b.so", i);
	}
}
