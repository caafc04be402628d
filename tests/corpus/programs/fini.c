/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that lies behind all other code, has nine bytes and no unwind table: what runs at a program's end. Nobody
 * else calls it in a loop.
 *
 * chain: @main;call_fini;_fini
 * may: @main;call_fini
 */
#include "corpus.h"

extern void _fini(void);

static CORPUS_FN void call_fini(void)
{
	for (int i = 0; i < 10000; i++)
		_fini();
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (;;)
		call_fini();
}
