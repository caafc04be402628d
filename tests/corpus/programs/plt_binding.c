/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lazy binding: a shared object is loaded, all its calls are bound, and it is unloaded, again and
 * again. So samples hit _dl_runtime_resolve, where the CFA is on rbx, and what it calls in ld.so.
 *
 * chain: @main;reload;bind_all;_dl_runtime_resolve*|[ld-linux*+*];_dl_fixup|[ld-linux*+*];*{1,6}
 * chain: @main;reload;dlopen*|[libc*+*];*{1,40}
 * chain: @main;reload;dlclose*|[libc*+*];*{1,40}
 * may: @main;reload;bind_all;*
 * may: @main;reload;dlsym*|[libc*+*]|*@plt|[plt-*+*];*{0,40}
 */
#include <dlfcn.h>

#include "corpus.h"

static CORPUS_FN long reload(long n)
{
	void *so = dlopen("libbinds.so", RTLD_LAZY | RTLD_LOCAL);
	long (*volatile bind_all)(long);

	if (!so)
		abort();
	bind_all = (long (*)(long))dlsym(so, "bind_all");
	n = bind_all(n);
	dlclose(so);
	return n;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = reload(i);
}
