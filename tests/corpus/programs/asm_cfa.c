/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-written functions that state their frames with .cfi_*, each in one way that compilers seldom
 * use; asm_frames.S has them. Below them and above them is compiled code.
 *
 * chain: @main;call_all;asm_push;leaf
 * chain: @main;call_all;asm_rbx;leaf
 * chain: @main;call_all;asm_r10;leaf
 * chain: @main;call_all;asm_saved_rsp;leaf
 * chain: @main;call_all;asm_saved_rbp;leaf
 * chain: @main;call_all;asm_scaled
 * chain: @main;call_all;asm_rax
 * chain: @main;call_all;asm_remember;leaf
 */
#include "corpus.h"

typedef long (*leaf_fn)(long);

long asm_push(leaf_fn f, long n);
long asm_rbx(leaf_fn f, long n);
long asm_r10(leaf_fn f, long n);
long asm_saved_rsp(leaf_fn f, long n);
long asm_saved_rbp(leaf_fn f, long n);
long asm_scaled(leaf_fn f, long n);
long asm_rax(leaf_fn f, long n);
long asm_remember(leaf_fn f, long n);

static CORPUS_FN long leaf(long n)
{
	return corpus_work(60) + n;
}

static CORPUS_FN long call_all(long n)
{
	long x = asm_push(leaf, n) + asm_rbx(leaf, n) + asm_r10(leaf, n);

	x += asm_saved_rsp(leaf, x) + asm_saved_rbp(leaf, x) + asm_scaled(leaf, x);
	return x + asm_rax(leaf, n) + asm_remember(leaf, x);
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = call_all(i);
}
