/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of tiny functions in a shared object, so that samples hit the stubs of the procedure
 * linkage table. In a stub the caller's frame is whole, but for what the lazy stub pushes.
 *
 * chain: @main;call_far;far_one@plt|*[plt*|[plt-*+*]|.plt*
 * chain: @main;call_far;far_one
 * chain: @main;call_far;far_two
 * may: @main;call_far;far_two@plt
 */
#include "corpus.h"
#include "far.h"

static CORPUS_FN long call_far(long n)
{
	long x = n;

	for (int i = 0; i < 10000; i++)
		x = far_one(x) + far_two(x) + far_one(i) + far_one(x) + far_one(n);
	return x;
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = call_far(i);
}
