/* SPDX-License-Identifier: Apache-2.0 */
/* Inlined calls three deep, cold parts, clones, a switch, a loop that is unrolled; see inlines.h.
 */
#include "inlines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int far_twin_one(int x);
int far_twin_two(int x);

struct shape {
	enum { DOT, LINE, BOX, ROUND } kind;
	double a, b, c;
};

static inline double square(double x)
{
	return x * x;
}

static inline double area_of(const struct shape *s)
{
	switch (s->kind) {
	case DOT:
		return 0;
	case LINE:
		return square(s->a) + square(s->b);
	case BOX:
		return s->a * s->b;
	case ROUND:
		return 3.14159 * square(s->c);
	}
	return -1;
}

static __attribute__((noinline)) double total(const struct shape *s, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double a = area_of(&s[i]);

		must(a >= 0);
		sum += a > 100 ? square(a) / 100 : a;
	}
	return sum;
}

static __attribute__((noinline)) int less(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* gcc makes a copy of it for the one constant that it is called with. */
static __attribute__((noinline)) uint64_t stirred(uint64_t *v, size_t n, int rounds)
{
	uint64_t h = 0;

	for (int r = 0; r < rounds; r++) {
		for (size_t i = 0; i < n; i++)
			v[i] = mix(v[i], h += i);
		qsort(v, n, sizeof(*v), less);
		h ^= fold((const uint8_t *)v, n * sizeof(*v), h);
	}
	return h;
}

/* Partly inlined: the test goes to the callers, the rest stays. */
static int deep(int n, uint64_t *h)
{
	if (n <= 0)
		return 0;
	*h = mix(*h, n);
	if (n % 7 == 3)
		*h = far_fold((const uint8_t *)h, sizeof(*h), *h);
	return 1 + deep(n - (*h & 1 ? 2 : 1), h);
}

static __attribute__((noinline)) int words(char *text)
{
	int n = 0;
	char *save = NULL;

	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		if (strcmp(w, "stop") == 0) {
			fprintf(stderr, "stopped after %d\n", n);
			break;
		}
		n += (int)(load((const uint8_t *)w, strlen(w)) % 5);
	}
	return n;
}

int main(int argc, char **argv)
{
	struct shape shapes[] = {
		{ DOT, 0, 0, 0 }, { LINE, 1, 2, 0 }, { BOX, 3, 4, 0 }, { ROUND, 0, 0, argc }
	};
	uint64_t v[32] = { (uint64_t)argc }, h = 1;
	struct node *root = NULL;
	char text[] = "one two three stop four";

	for (int i = 0; i < 100; i++)
		root = far_insert(root, mix(i, h));
	h ^= stirred(v, 32, 4);
	printf("%f %llx %d %d %d %d\n", total(shapes, 4), (unsigned long long)h, deep(50, &h),
	       words(text), far_check(root, 0), far_twin_one(argc) + far_twin_two(argc));
	if (argc > 1)
		printf("%llx\n",
		       (unsigned long long)far_fold((uint8_t *)argv[1], strlen(argv[1]), h));
	return 0;
}
