// SPDX-License-Identifier: Apache-2.0
// Names and inline chains as C++ makes them: nested templates, packs, lambdas in lambdas, std::function,
// visitors, virtual bases, operators, anonymous namespaces, ranges where the compiler has them.
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
#if defined(__GNUC__) && !defined(__clang__) && __cplusplus >= 202002L
#include <ranges>
#define HAVE_RANGES
#endif
// The largest part of it by far, and of the time to build it.
#ifdef WITH_REGEX
#include <regex>
#endif

namespace shapes {

template <typename T, std::size_t N> struct Point {
	T at[N];
	Point operator+(const Point &o) const
	{
		Point r{};
		for (std::size_t i = 0; i < N; i++)
			r.at[i] = at[i] + o.at[i];
		return r;
	}
	bool operator<(const Point &o) const { return std::lexicographical_compare(at, at + N, o.at, o.at + N); }
	T operator()(T x) const { return std::accumulate(at, at + N, x); }
	explicit operator bool() const { return at[0] != T(); }
};

struct Base {
	virtual ~Base() = default;
	virtual double area() const = 0;
};

template <typename T> struct Shape : virtual Base {
	T side;
	explicit Shape(T s) : side(s)
	{
		if (s < T(0))
			throw std::invalid_argument("a side of " + std::to_string(s));
	}
	double area() const override { return double(side) * side; }
};

template <typename T> struct Prism final : Shape<T> {
	std::vector<std::unique_ptr<Base>> parts;
	explicit Prism(T s) : Shape<T>(s)
	{
		for (T i = 1; i < s; i = i * 2 + 1)
			parts.push_back(std::make_unique<Prism>(i / 2));
	}
	double area() const override
	{
		return std::accumulate(parts.begin(), parts.end(), Shape<T>::area(),
				       [](double a, const auto &p) { return a + p->area(); });
	}
};

} // namespace shapes

namespace {

template <typename... T> struct Chain;
template <> struct Chain<> {
	template <typename... U> static int sum(const U &...u) { return (0 + ... + int(sizeof(u))); }
};
template <typename H, typename... T> struct Chain<H, T...> : Chain<T...> {
	H head{};
	template <typename... U> int sum(const U &...u) const { return Chain<T...>::sum(head, u...); }
};

template <typename F, typename... A> auto applied(F &&f, A &&...a)
{
	return [f = std::forward<F>(f), t = std::make_tuple(std::forward<A>(a)...)](auto &&...more) {
		return std::apply([&](auto &...x) { return f(x..., more...); }, t);
	};
}

template <typename K, typename V> struct Index {
	std::map<K, std::vector<V>> of;
	template <typename It> void fill(It a, It b)
	{
		std::for_each(a, b, [this](const auto &e) { of[e.first].emplace_back(e.second); });
	}
	std::optional<V> best(const K &k) const
	{
		auto i = of.find(k);
		if (i == of.end() || i->second.empty())
			return std::nullopt;
		return *std::max_element(i->second.begin(), i->second.end(),
					 [](const V &a, const V &b) { return a.size() < b.size(); });
	}
};

using Value = std::variant<int, double, std::string, std::vector<int>>;

struct Printer {
	std::ostream &out;
	void operator()(int x) const { out << "i" << x; }
	void operator()(double x) const { out << "d" << x; }
	void operator()(const std::string &s) const { out << '"' << s << '"'; }
	template <typename T> void operator()(const std::vector<T> &v) const
	{
		for (const T &x : v)
			out << x << ',';
	}
};

[[gnu::cold]] int refused(const std::exception &e)
{
	std::cerr << e.what() << "\n";
	return -1;
}

int guarded(const std::function<int(int)> &f, int x)
{
	try {
		return f(x);
	} catch (const std::out_of_range &e) {
		return refused(e);
	} catch (const std::exception &e) {
		return refused(e) * 2;
	}
}

std::function<int(int)> nested(int depth)
{
	if (depth == 0)
		return [](int x) { return x + 1; };
	return [inner = nested(depth - 1), depth](int x) {
		auto twice = [&](auto f, int y) { return f(f(y)); };
		return twice([&](int z) { return inner(z) * depth; }, x);
	};
}

template <int N> struct Fib {
	static long value(const std::vector<long> &v)
	{
		return Fib<N - 1>::value(v) + Fib<N - 2>::value(v) + v.at(N % v.size());
	}
};
template <> struct Fib<1> {
	static long value(const std::vector<long> &v) { return v.front(); }
};
template <> struct Fib<0> {
	static long value(const std::vector<long> &v) { return v.back(); }
};

long counted(const std::vector<std::string> &words)
{
	std::unordered_map<std::string, long> n;
	for (const auto &w : words)
		++n[w];
	std::vector<std::pair<std::string, long>> sorted(n.begin(), n.end());
	std::sort(sorted.begin(), sorted.end(), [](const auto &a, const auto &b) {
		return std::tie(b.second, a.first) < std::tie(a.second, b.first);
	});
#ifdef HAVE_RANGES
	auto odd = sorted | std::views::filter([](const auto &p) { return p.second % 2; }) |
		   std::views::transform([](const auto &p) { return p.first.size(); });
	return std::accumulate(odd.begin(), odd.end(), 0L);
#else
	return sorted.empty() ? 0 : sorted.front().second;
#endif
}

} // namespace

int main(int argc, char **argv)
{
	std::vector<std::string> args(argv, argv + argc);
	std::ostringstream out;

	shapes::Prism<int> p(17 + argc);
	shapes::Point<double, 3> a{ { 1, 2, 3 } }, b{ { double(argc), 5, 6 } };
	out << p.area() << (a + b)(1.0) << (a < b) << bool(a);
	out << Chain<int, char, std::string, double>().sum();

	Index<int, std::string> index;
	std::multimap<int, std::string> source{ { 1, "one" }, { 1, "uno" }, { 2, "two" }, { argc, args[0] } };
	index.fill(source.begin(), source.end());
	out << index.best(1).value_or("none") << index.best(9).value_or("none");

	std::vector<Value> values{ 1, 2.5, "text", std::vector<int>{ 1, 2, argc } };
	for (auto &v : values)
		std::visit(Printer{ out }, v);

	auto add = applied([](int x, const std::string &s, int y) { return x + int(s.size()) + y; }, argc, args[0]);
	out << guarded([&](int x) { return add(x) + nested(4)(x); }, 3);
	out << guarded([&](int x) { return int(args.at(x).size()); }, 1000);

#ifdef WITH_REGEX
	std::regex r("([a-z]+)-([0-9]{2,4})|(x|y)*z");
	for (auto &s : args)
		out << std::regex_match(s, r) << std::regex_replace(s, r, "<$1>");
#endif
	std::vector<long> v(5, argc);
	out << Fib<8>::value(v) << counted(args);
	std::cout << out.str() << "\n";
}
