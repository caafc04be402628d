/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions in flight: time in the unwinder's two phases, in destructors that it runs, and in the
 * handler. In the last instructions of _Unwind_RaiseException and _Unwind_Resume, which switch to
 * the frame that goes on, the tables say nothing true.
 *
 * chain: @main;attempt;level_three;level_two;level_one;fail
 * chain: @main;attempt;level_three;level_two;level_one;fail;__cxa_throw|[libstdc*+*];*{1,12}
 * chain: @main;attempt;level_three;level_two;level_one;Guard::~Guard*;guard_work
 * chain: @main;attempt;level_three;level_two;Guard::~Guard*;guard_work
 * chain: @main;attempt;level_three;Guard::~Guard*;guard_work
 * chain: @main;attempt;handle
 * may: @main;attempt;level_three;_Unwind_Resume|*@plt|[*+*];*{0,12}
 * may: @main;attempt;level_three;level_two;_Unwind_Resume|*@plt|[*+*];*{0,12}
 * may: @main;attempt;level_three;level_two;level_one;_Unwind_Resume|*@plt|[*+*];*{0,12}
 * may: @main;attempt;level_three;level_two;level_one;fail;__cxa*|*@plt|[*+*];*{0,12}
 * may: @main;attempt;__cxa_*|*free*|*@plt|[*+*];*{0,12}
 * limit wrong: 2
 * limit cut: 2
 */
#include "corpus.h"

extern "C" {
CORPUS_FN long guard_work(long n)
{
	return corpus_work(3000) + n;
}

CORPUS_FN long handle(long n)
{
	return corpus_work(5000) + n;
}
}

struct Guard {
	long n;

	CORPUS_FN ~Guard()
	{
		corpus_sink = guard_work(n) + 1;
	}
};

extern "C" {
CORPUS_FN long fail(long n)
{
	if (corpus_work(1000) != n)
		throw n;
	return 0;
}

CORPUS_FN long level_one(long n)
{
	Guard g = { n };

	return fail(n) + g.n;
}

CORPUS_FN long level_two(long n)
{
	volatile char room[900];
	Guard g = { n };

	room[n & 511] = 1;
	return level_one(n) + g.n + room[n & 511];
}

CORPUS_FN long level_three(long n)
{
	Guard g = { n };

	return level_two(n) + g.n;
}

CORPUS_FN long attempt(long n)
{
	try {
		return level_three(n);
	} catch (long thrown) {
		return handle(thrown) + 1;
	}
}
}

int main(int argc, char **argv)
{
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = attempt(i);
}
