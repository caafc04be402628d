/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works in the C library of whoever built it, also below a function that the library calls back:
 *
 *	elsewhere SECONDS	"pid N", "cpu S", …
 *	elsewhere SECONDS quiet	says nothing
 */
#include <pthread.h>
#include <string.h>

#include "workload.h"

enum { NUMBERS = 500, BLOCKS = 10, TEXT = 4000 };

static int compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	BURN(20);
	return (*x > *y) - (*x < *y);
}

NOINLINE void sort_turn(void)
{
	int numbers[NUMBERS];

	for (int i = 0; i < NUMBERS; i++)
		numbers[i] = rand();
	qsort(numbers, NUMBERS, sizeof(*numbers), compare);
}

NOINLINE void print_turn(void)
{
	char buf[200];

	for (int i = 0; i < NUMBERS; i++)
		snprintf(buf, sizeof(buf), "%d %s %g", i, "a word", i / 7.0);
}

NOINLINE void heap_turn(void)
{
	void *blocks[BLOCKS];

	for (int i = 0; i < BLOCKS * BLOCKS; i++) {
		if (i >= BLOCKS)
			free(blocks[i % BLOCKS]);
		blocks[i % BLOCKS] = malloc((size_t)(i * 37 % 300));
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i]);
}

NOINLINE void find_turn(void)
{
	char text[TEXT];

	memset(text, 'a', sizeof(text));
	text[TEXT - 1] = 0;
	if (strstr(text, "aaab") || strchr(text, 'b'))
		abort();
}

NOINLINE void work(double until)
{
	while (thread_s() < until) {
		sort_turn();
		print_turn();
		heap_turn();
		find_turn();
	}
}

static void *thread_work(void *seconds)
{
	work(*(const double *)seconds);
	return NULL;
}

int main(int argc, char **argv)
{
	double seconds = arg_seconds(argc, argv, 1) / 2;
	pthread_t t;

	if (pthread_create(&t, NULL, thread_work, &seconds))
		return 1;
	work(seconds);
	pthread_join(t, NULL);
	if (argc < 3)
		say_usage();
	return 0;
}
