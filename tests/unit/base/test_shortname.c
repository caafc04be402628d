/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "clock.h"
#include "shortname.h"

struct pair {
	const char *name, *shorter; /* NULL: stays whole */
};

/* The short form in a buffer of the very size that is promised to do. */
static char *shorten(const char *name, size_t n)
{
	char *buf = malloc(n + 1);
	size_t len;

	cr_assert_not_null(buf);
	len = short_name(name, n, buf);
	cr_expect_leq(len, n);
	cr_expect_eq(strlen(buf), len);
	return buf;
}

static void check(const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *want = pairs[i].shorter ? pairs[i].shorter : pairs[i].name;
		char *got = shorten(pairs[i].name, strlen(pairs[i].name));
		char *again = shorten(got, strlen(got));

		cr_expect_str_eq(got, want, "'%s' became '%s', not '%s'", pairs[i].name, got, want);
		/* A short form is its own; only "operator void (*)(int)" could have parameters. */
		if (!strstr(got, "operator "))
			cr_expect_str_eq(again, got, "'%s' is not the end: '%s'", got, again);
		free(again);
		free(got);
	}
}

/* clang-format off */

Test(shortname, cxx_functions)
{
	static const struct pair pairs[] = {
		{ "foo(int)", "foo" },
		{ "foo()", "foo" },
		{ "std::vector<int, std::allocator<int> >::push_back(int const&)",
		  "std::vector::push_back" },
		{ "std::vector<int, std::allocator<int>>::push_back(int const&)",
		  "std::vector::push_back" },
		{ "void sort<int*>(int*, int*)", "sort" },
		{ "std::enable_if<(1>2)||(A<int>::value), unsigned long>::type conv<int>(int)", "conv" },
		{ "unsigned long const& max<unsigned long>(unsigned long const&)", "max" },
		{ "char const* ns::name<A>() const", "ns::name" },
		{ "max<int>", "max" },
		{ "A::~A()", "A::~A" },
		{ "A<B>::A(A<B>&&)", "A::A" },
		{ "Foo::bar() const volatile &", "Foo::bar" },
		{ "Foo::bar() &&", "Foo::bar" },
		{ "f(int) noexcept", "f" },
		{ "void f<int>(int) requires C<int>", "f" },
		{ "(anonymous namespace)::run()", "(anonymous namespace)::run" },
		{ "(anonymous namespace)::A<int>::run(int (*)(char), int (&) [3])",
		  "(anonymous namespace)::A::run" },
		{ "bool (anonymous namespace)::f<int>(int)", "(anonymous namespace)::f" },
		{ "ns::(anonymous class)::f()", "ns::(anonymous class)::f" },
		{ "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::"
		  "append(char const*)", "std::__cxx11::basic_string::append" },
		{ "name[abi:cxx11](int)", "name" },
		{ "ns::make<int>[abi:v15007](int)", "ns::make" },
		{ "foo(int) [clone .cold]", "foo [clone .cold]" },
		{ "foo(int) [clone .isra.0] [clone .cold]", "foo [clone .isra.0] [clone .cold]" },
		{ "foo(int) (.cold)", "foo (.cold)" },
		{ "foo [clone .cold]", NULL },
		{ "foo()@plt", "foo@plt" },
		{ "A::f(int)::counter", "A::f::counter" },
		{ "void f<int>(int) const::Local::g(char)", "f::Local::g" },
		{ "decltype (((a)+(b))) add<int>(int)", "add" },
		{ "decltype(auto) get<0>(T&)", "get" },
		{ "decltype(x.f()) get<0>(T&)", "get" },
		{ "auto f<int>(int)", "f" },
		{ "int (*pick<int>(int))(char)", "pick" },
		{ "int (&ref<int>(int)) [3]", "ref" },
		{ "std::function<void (int)>::operator()(int) const", "std::function::operator()" },
		{ "A<(B)1, (char)60>::f()", "A::f" },
		{ "A<((x)<(y)), ((x)>(y)), (x)->y>::f()", "A::f" },
		{ "A<&(B::operator<(int))>::f()", "A::f" },
		{ "A<&B::operator-> >::f()", "A::f" },
	};

	check(pairs, ARRAY_LEN(pairs));
}

Test(shortname, cxx_operators)
{
	static const struct pair pairs[] = {
		{ "operator<(A const&, A const&)", "operator<" },
		{ "bool operator< <int>(A<int> const&, A<int> const&)", "operator<" },
		{ "operator<<(std::ostream&, A const&)", "operator<<" },
		{ "std::ostream& std::operator<< <std::char_traits<char> >(std::ostream&, char)",
		  "std::operator<<" },
		{ "std::ostream& operator<<<char>(std::ostream&, char)", "operator<<" },
		{ "A::operator()(int) const", "A::operator()" },
		{ "void A::operator()<int>(int) const", "A::operator()" },
		{ "A::operator->() const", "A::operator->" },
		{ "A::operator->*(int) const", "A::operator->*" },
		{ "A<int>::operator[](unsigned long)", "A::operator[]" },
		{ "operator<=>(A, A)", "operator<=>" },
		{ "A::operator>>=(int)", "A::operator>>=" },
		{ "A::operator,(int)", "A::operator," },
		{ "operator new(unsigned long)", "operator new" },
		{ "operator new[](unsigned long, std::nothrow_t const&)", "operator new[]" },
		{ "operator delete(void*)", "operator delete" },
		{ "operator delete[](void*)", "operator delete[]" },
		{ "A::operator co_await()", "A::operator co_await" },
		{ "Foo::operator bool() const", "Foo::operator bool" },
		{ "Foo::operator unsigned long() const", "Foo::operator unsigned long" },
		{ "Foo::operator char const*() const", "Foo::operator char const*" },
		{ "Foo<int>::operator std::vector<int>() const", "Foo::operator std::vector" },
		{ "Foo::operator (anonymous namespace)::T()", "Foo::operator (anonymous namespace)::T" },
		{ "main::{lambda(int)#1}::operator void (*)(int)() const",
		  "main::{lambda#1}::operator void (*)(int)" },
		{ "Foo::operator int (&) [3]()", "Foo::operator int (&) [3]" },
		{ "operator\"\" _km(long double)", "operator\"\" _km" },
		{ "std::literals::operator\"\"s(char const*, unsigned long)",
		  "std::literals::operator\"\"s" },
		{ "operators::f(int)", "operators::f" },
		{ "my_operator<int>::f(int)", "my_operator::f" },
	};

	check(pairs, ARRAY_LEN(pairs));
}

Test(shortname, lambdas_and_what_the_compiler_made)
{
	static const struct pair pairs[] = {
		{ "main::{lambda()#1}::operator()() const", "main::{lambda#1}::operator()" },
		{ "main::{lambda(int, A<B>)#12}::operator()(int) const",
		  "main::{lambda#12}::operator()" },
		{ "auto f(int)::{lambda(auto:1)#1}::operator()<int>(int) const",
		  "f::{lambda#1}::operator()" },
		{ "f()::{lambda<typename T>(T)#2}::operator()<int>(int) const",
		  "f::{lambda#2}::operator()" },
		{ "f()::'lambda'(int)::operator()(int) const", "f::'lambda'::operator()" },
		{ "f()::$_0::operator()() const", "f::$_0::operator()" },
		{ "f::<lambda(int)>::operator()", "f::<lambda>::operator()" },
		{ "{unnamed type#1}::f()", "{unnamed type#1}::f" },
		{ "std::_Function_handler<void (), main::{lambda()#1}>::_M_invoke(std::_Any_data const&)",
		  "std::_Function_handler::_M_invoke" },
		{ "vtable for A<B>", "vtable for A" },
		{ "typeinfo name for A<B>::C", "typeinfo name for A::C" },
		{ "non-virtual thunk to Foo<A>::bar(int)", "non-virtual thunk to Foo::bar" },
		{ "transaction clone for virtual thunk to Foo<A>::bar(int)",
		  "transaction clone for virtual thunk to Foo::bar" },
		{ "guard variable for A::get(int)::one", "guard variable for A::get::one" },
		{ "vtable for ", NULL },
		{ "reference temporary #0 for x<y>", NULL },
	};

	check(pairs, ARRAY_LEN(pairs));
}

Test(shortname, rust)
{
	static const struct pair pairs[] = {
		{ "core::fmt::Formatter::pad", NULL },
		{ "<T as Trait>::f", NULL },
		{ "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
		  "<alloc::vec::Vec as core::ops::drop::Drop>::drop" },
		{ "<alloc::vec::Vec<T,A> as core::iter::Extend<&'a T>>::extend::<&[u8]>",
		  "<alloc::vec::Vec as core::iter::Extend>::extend" },
		{ "<<T as A>::X as B>::f", NULL },
		{ "<<T<U> as A>::X<Y> as B<Z>>::f", "<<T as A>::X as B>::f" },
		{ "<foo::bar::Baz>::new", "foo::bar::Baz::new" },
		{ "<foo::Baz<u8>>::new", "foo::Baz::new" },
		{ "<[T]>::iter", NULL },
		{ "<&mut T as core::fmt::Write>::write_str", NULL },
		{ "<(A, B<C>) as T>::f", NULL },
		{ "<fn(u8) -> u8 as core::ops::Fn<(u8,)>>::call", "<fn(u8) -> u8 as core::ops::Fn>::call" },
		{ "<dyn core::any::Any>::is::<T>", "<dyn core::any::Any>::is" },
		{ "core::str::<impl str>::len", NULL },
		{ "core::slice::<impl [T]>::iter", NULL },
		{ "foo::<impl core::fmt::Debug for foo::X<T>>::fmt",
		  "foo::<impl core::fmt::Debug for foo::X>::fmt" },
		{ "std::mem::align_of::<usize>", "std::mem::align_of" },
		{ "core::ptr::drop_in_place<alloc::vec::Vec<u8>>", "core::ptr::drop_in_place" },
		{ "core::ops::function::FnOnce::call_once{{vtable.shim}}", NULL },
		{ "core::ops::function::FnOnce::call_once::<f>::{shim:vtable#0}",
		  "core::ops::function::FnOnce::call_once::{shim:vtable#0}" },
		{ "foo::bar::{{closure}}", NULL },
		{ "foo::bar::<u8>::{closure#0}", "foo::bar::{closure#0}" },
		{ "foo::{impl#3}::f", NULL },
		{ "foo::f::<{closure#1}, fn(u8) -> u8>", "foo::f" },
	};

	check(pairs, ARRAY_LEN(pairs));
}

Test(shortname, go)
{
	static const struct pair pairs[] = {
		{ "main.main", NULL },
		{ "runtime.mapassign_faststr", NULL },
		{ "main.(*T).Method", NULL },
		{ "main.(*T).Method-fm", NULL },
		{ "main.(*T[...]).Method", NULL },
		{ "main.(*T).Method[...]", NULL },
		{ "main.(*List[go.shape.int]).Push", "main.(*List[...]).Push" },
		{ "main.Map[go.shape.string,go.shape.struct { X int; f func(int) }].func1",
		  "main.Map[...].func1" },
		{ "main.Map[int]", "main.Map[...]" },
		{ "main.T[x].f", NULL },
		{ "github.com/foo-bar/baz%2ev2.(*X).Y", NULL },
		{ "go:itab.*os.File,io.Reader", NULL },
		{ "type:.eq.main.T", NULL },
	};

	check(pairs, ARRAY_LEN(pairs));
}

Test(shortname, other_names_stay_whole)
{
	static const struct pair pairs[] = {
		{ "", NULL },
		{ "main", NULL },
		{ "__memmove_avx_unaligned_erms", NULL },
		{ "foo.part.0", NULL },
		{ "foo+0x12", NULL },
		{ "_ZN3foo3barEv", NULL },
		{ "[libfoo.so+0x12]", NULL },
		{ "[truncated: user stack deeper than the limit]", NULL },
		{ "[unknown]", NULL },
		{ "-[NSString initWithFormat:]", NULL },
		{ "+[Foo bar:baz:]", NULL },
		{ "__42-[Foo bar:]_block_invoke", NULL },
		{ "do_syscall_64_[k]", NULL },
		{ "java.util.HashMap.<init>", NULL },
		{ "Lcom/foo/Bar;::baz", NULL },
		{ "void com.foo.Bar.baz(int, java.lang.String)", "com.foo.Bar.baz" },
		{ "LazyCompile:*foo /srv/app (copy)/x.js:12:3", NULL },
		{ "Function:~(anonymous) node:internal/main:1:1", NULL },
		{ "foo (/srv/x.js)", NULL },
		{ "py::<module>:/srv/app.py", NULL },
		{ "py::Foo.<listcomp>:/srv/app.py", NULL },
		{ "operator", NULL },
		{ "a b c", NULL },
		{ "(foo)", NULL },
		{ "foo(int) bar", NULL },
		{ "foo(", NULL },
		{ "foo<int", NULL },
		{ "foo>", NULL },
		{ "foo)", NULL },
		{ "foo<(>)", NULL },
		{ "<", NULL },
		{ "<>", NULL },
		{ "::", NULL },
		{ "caf\xc3\xa9(int)", "caf\xc3\xa9" },
	};

	check(pairs, ARRAY_LEN(pairs));
}

/* clang-format on */

Test(shortname, names_that_were_cut_say_so)
{
	static const struct pair pairs[] = {
		{ "std::map<int, std::vector<int, std...", "std::map..." },
		{ "ns::f(int, std::vector<...", "ns::f..." },
		{ "ns::(anonymous names...", NULL },
		{ "ns::long_na...", NULL },
		{ "<T as Tra...", NULL },
	};

	check(pairs, ARRAY_LEN(pairs));
}

Test(shortname, is_one_of_part_of_a_string)
{
	char buf[16];

	cr_expect_eq(short_name("foo(int)garbage", 8, buf), 3);
	cr_expect_str_eq(buf, "foo");
	cr_expect_eq(short_name("foo\0bar", 7, buf), 7, "a NUL is a byte like any other");
}

/* Ever more brackets cost no more than linear time, and no deep recursion. */
Test(shortname, hostile_names_end_soon, .timeout = 20)
{
	static const char *const parts[] = {
		"<",	       "(",	 "[",		"{",	    "a<",
		"a(",	       "::<",	 "(*",		"operator", "operator<",
		"operator a(", "<impl ", "vtable for ", " const",   "{lambda(",
		"a.(",	       "a.[",	 "decltype (",	"&",	    ",",
	};
	enum { BIG = 1 << 16 };
	char *name = malloc(2 * BIG + 1), *buf = malloc(2 * BIG + 1);
	uint64_t start = clock_mono_ns();

	cr_assert(name && buf);
	for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
		size_t len = strlen(parts[k]), n = 0;

		while (n + len < BIG) {
			memcpy(name + n, parts[k], len);
			n += len;
		}
		cr_expect_leq(short_name(name, n, buf), n);
		while (n < 2 * BIG - BIG / 2)
			name[n++] = ">)]}"[k % 4];
		cr_expect_leq(short_name(name, n, buf), n);
	}
	cr_expect_lt(clock_mono_ns() - start, 10 * NSEC_PER_SEC);
	free(name);
	free(buf);
}
