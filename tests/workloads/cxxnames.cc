// SPDX-License-Identifier: Apache-2.0
// cxxnames SECONDS: C++ whose names are long when mangled: namespaces, templates, operators.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shop
{
static double cpu_s()
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

template <typename Key, int N> struct Shelf {
	volatile unsigned long sum = 1;

	__attribute__((noinline)) void fill(const std::vector<std::pair<Key, int>> &goods)
	{
		volatile unsigned long x = sum; // on the stack, which makes for a frame

		for (unsigned i = 0; i < 100000; i++)
			x = x * 31 + (unsigned long)goods[i % goods.size()].second + N;
		sum = x;
	}

	__attribute__((noinline)) void operator()(double limit)
	{
		std::vector<std::pair<Key, int>> goods(17);

		while (cpu_s() < limit)
			fill(goods);
	}
};
}

int main(int argc, char **argv)
{
	shop::Shelf<unsigned long, 7> shelf;

	alarm(60);
	shelf(argc > 1 ? strtod(argv[1], nullptr) : 1);
	printf("cpu %.9f\n", shop::cpu_s());
	return 0;
}
