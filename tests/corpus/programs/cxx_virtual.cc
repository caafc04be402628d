/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual calls, and the standard library's sort calling back.
 *
 * chain: @main;visit;Circle::area*;leaf
 * chain: @main;visit;Square::area*;leaf
 * chain: @main;order;std::*|*std::*{0,6};before*;compare_work
 * may: @main;order;std::*|*std::*{0,6};*mem*|*@plt|[libc*+*]{1,2}
 */
#include <algorithm>

#include "corpus.h"

extern "C" {
CORPUS_FN long leaf(long n)
{
	return corpus_work(50) + n;
}

CORPUS_FN long compare_work(long n)
{
	return corpus_work(20) + n;
}

CORPUS_FN bool before(long a, long b)
{
	corpus_sink = compare_work(a);
	return (a * 7919) % 997 < (b * 7919) % 997;
}
}

struct Shape {
	virtual ~Shape() = default;
	virtual long area(long n) = 0;
};

struct Circle : Shape {
	CORPUS_FN long area(long n) override
	{
		return leaf(n) * 3 + 1;
	}
};

struct Square : Shape {
	CORPUS_FN long area(long n) override
	{
		volatile long room[30];

		room[n & 15] = n;
		return leaf(n) * room[n & 15];
	}
};

extern "C" {
CORPUS_FN long visit(Shape *a, Shape *b, long n)
{
	long x = 0;

	for (int i = 0; i < 200; i++)
		x += a->area(n + i) + b->area(n - i);
	return x;
}

CORPUS_FN long order(long *values, long n)
{
	for (long i = 0; i < n; i++)
		values[i] = i * 37 % 101;
	std::sort(values, values + n, before);
	return values[0];
}
}

int main(int argc, char **argv)
{
	static long values[100];
	Circle circle;
	Square square;

	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = visit(&circle, &square, i) + order(values, 100);
}
