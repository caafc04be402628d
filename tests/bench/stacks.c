/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program for measuring what a stack costs: stacks DEPTH [SECONDS] sits DEPTH frames deep, main()
 * included, nearly all of its time. As in real programs the frames differ in size (32 to 200 bytes)
 * and in what they save, the code is some hundred KB with unwind rows all over it, of which 64
 * functions run, the stacks are of several kinds, and the leaf walks through more memory than the
 * caches near the CPU hold.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOPS   64
#define KINDS  16	    /* of stacks */
#define BYTES  (8ul << 20)  /* that the leaf walks through */
#define TOUCHES 4000	    /* before the stack is left and built again */

struct state {
	uint64_t *memory;
	uint64_t random;
	volatile int never; /* 0, unknown to the compiler */
	unsigned kind;
};

typedef uint64_t hop_fn(struct state *s, unsigned left);

static hop_fn *hops[HOPS];

__attribute__((noinline)) static uint64_t leaf(struct state *s)
{
	uint64_t x = s->random, sum = 0;

	for (int i = 0; i < TOUCHES; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += s->memory[(x + (sum & 1)) % (BYTES / sizeof(*s->memory))]++;
	}
	s->random = x;
	return sum;
}

/* Goes one frame deeper. The calls are the only way in, so none of the hops can be inlined. */
static inline __attribute__((always_inline)) uint64_t deeper(struct state *s, unsigned left)
{
	return left ? hops[(left * 13 + s->kind * 5) % HOPS](s, left - 1) : leaf(s);
}

#define WORDS(n) (1 + (n) * 37 % 17) /* of locals: with what is saved, frames of 32 to 200 bytes */

/* Bits of n choose how many registers live across the call; the rest is bulk that never runs. */
#define HOP(n)                                                                                     \
	__attribute__((noinline)) static uint64_t hop_##n(struct state *s, unsigned left)          \
	{                                                                                          \
		uint64_t a = s->random + (n), b = a * 3, c = b ^ (n), r;                           \
		volatile uint64_t local[WORDS(n)];                                                 \
                                                                                                   \
		local[left % WORDS(n)] = left;                                                     \
		if (s->never) {                                                                    \
			for (unsigned i = 0; i < WORDS(n); i++)                                    \
				local[i] += s->memory[i] * b + deeper(s, i) / (c | 1);             \
			local[0] += deeper(s, left) + (n & 4 ? deeper(s, 3) * a : b % (a | 1));    \
			local[0] ^= local[0] * c + deeper(s, left / 2);                            \
		}                                                                                  \
		r = deeper(s, left) + local[left % WORDS(n)];                                      \
		if ((n) & 1)                                                                       \
			r += a ^ s->random;                                                        \
		if ((n) & 2)                                                                       \
			r ^= b;                                                                    \
		return (n) & 8 ? r + c : r;                                                        \
	}

#define X4(f, n)  f(n##0) f(n##1) f(n##2) f(n##3)
#define X16(f, n) X4(f, n##0) X4(f, n##1) X4(f, n##2) X4(f, n##3)
#define X64(f, n) X16(f, n##0) X16(f, n##1) X16(f, n##2) X16(f, n##3)
#define X512(f)                                                                                    \
	X64(f, 0x10) X64(f, 0x11) X64(f, 0x12) X64(f, 0x13)                                        \
	X64(f, 0x20) X64(f, 0x21) X64(f, 0x22) X64(f, 0x23)

X512(HOP)

#define NAME(n) hop_##n,
static hop_fn *const all[] = { X512(NAME) };

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)atoi(argv[1]) : 32;
	time_t until = time(NULL) + (argc > 2 ? atoi(argv[2]) : 10);
	struct state s = { .memory = calloc(1, BYTES), .random = 88172645463325252ull };
	uint64_t sum = 0;

	if (!s.memory || depth < 3)
		return 1;
	for (unsigned i = 0; i < HOPS; i++)
		hops[i] = all[(i * 619 + 7) % (sizeof(all) / sizeof(*all))];
	/* main(), the hops and leaf() make depth. */
	while (time(NULL) < until)
		for (s.kind = 0; s.kind < KINDS; s.kind++)
			sum += hops[s.kind](&s, depth - 3);
	printf("%llu\n", (unsigned long long)sum);
	return 0;
}
