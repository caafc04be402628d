/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "demangle.h"

static const char *demangled(const char *name)
{
	static char buf[DEMANGLE_OUT_MAX];

	return demangle(name, buf) ? buf : name;
}

Test(demangle, cxx)
{
	cr_expect_str_eq(demangled("_ZN3foo3barEv"), "foo::bar()");
	cr_expect_str_eq(demangled("_ZN1AC1Ev"), "A::A()");
	cr_expect_str_eq(demangled("_ZN1AD0Ev"), "A::~A()");
	cr_expect_str_eq(demangled("_ZNSt6vectorIiSaIiEE9push_backERKi"),
			 "std::vector<int, std::allocator<int> >::push_back(int const&)");
	cr_expect_str_eq(demangled("_ZZ4mainENKUlvE_clEv"),
			 "main::{lambda()#1}::operator()() const");
	cr_expect_str_eq(demangled("_ZNK3FoocvbEv"), "Foo::operator bool() const");
	cr_expect_str_eq(demangled("_ZN12_GLOBAL__N_13runEv"), "(anonymous namespace)::run()");
	cr_expect_str_eq(demangled("_ZThn16_N3Foo3barEv"), "non-virtual thunk to Foo::bar()");
	cr_expect_str_eq(demangled("___Z3foov"), "foo()");
}

Test(demangle, cxx_parts_made_by_the_compiler)
{
	cr_expect_str_eq(demangled("_Z3foov.cold"), "foo() [clone .cold]");
	cr_expect_str_eq(demangled("_Z3fooi.part.0"), "foo(int) [clone .part.0]");
	cr_expect_str_eq(demangled("foo.cold.1"), "foo.cold.1");
}

Test(demangle, rust)
{
	cr_expect_str_eq(demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE"),
			 "core::fmt::Formatter::pad");
	cr_expect_str_eq(demangled("_ZN66_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop.."
				   "Drop$GT$4drop17h0123456789abcdefE"),
			 "<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop");
	cr_expect_str_eq(demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.123456"),
			 "core::fmt::Formatter::pad");
	cr_expect_str_eq(demangled("_RNvC6_123foo3bar"), "123foo::bar");
	cr_expect_str_eq(demangled("_RNvNtCs1234_7mycrate3foo3bar"), "mycrate::foo::bar");
	cr_expect_str_eq(demangled("_RINvNtC3std3mem8align_ofjEC3foo"),
			 "std::mem::align_of::<usize>");
	cr_expect_str_eq(demangled("_RNvMNtC3foo3barNtB2_3Baz3new"), "<foo::bar::Baz>::new");
	cr_expect_str_eq(demangled("_RNvC7mycrateu8gdel_5qa"), "mycrate::g\xc3\xb6"
							       "del");
}

Test(demangle, ocaml)
{
	cr_expect_str_eq(demangled("camlStdlib__List__map_333"), "Stdlib.List.map_333");
	cr_expect_str_eq(demangled("camlStdlib.List.map_333"), "Stdlib.List.map_333");
	cr_expect_str_eq(demangled("camlStdlib__$3c$3d_12"), "Stdlib.<=_12");
	cr_expect_str_eq(demangled("camlT__anon_fn$5bt.ml$3a3$2c20$2d$2d40$5d_5"),
			 "T.anon_fn[t.ml:3,20--40]_5");
	cr_expect_str_eq(demangled("camlMain__entry"), "Main.entry");
	cr_expect_str_eq(demangled("camlM__kept__12"), "M.kept__12");
	cr_expect_str_eq(demangled("camlM___own_12"), "M._own_12");
	cr_expect_str_eq(demangled("camlM____own_12"), "M.__own_12");
	cr_expect_str_eq(demangled("camlM__f_1@plt"), "M.f_1@plt");
	/* Bytes that nobody can read, and what only looks so. */
	cr_expect_str_eq(demangled("camlM__a$00$0a$20b$g1$4"), "M.a$00$0a$20b$g1$4");
	cr_expect_str_eq(demangled("caml_alloc_small"), "caml_alloc_small");
	cr_expect_str_eq(demangled("camlify"), "camlify");
	cr_expect_str_eq(demangled("caml"), "caml");
}

Test(demangle, versions_and_stubs)
{
	cr_expect_str_eq(demangled("memcpy@@GLIBC_2.14"), "memcpy");
	cr_expect_str_eq(demangled("memcpy@GLIBC_2.2.5"), "memcpy");
	cr_expect_str_eq(demangled("_ZSt9terminatev@@GLIBCXX_3.4"), "std::terminate()");
	cr_expect_str_eq(demangled("puts@plt"), "puts@plt");
	cr_expect_str_eq(demangled("_Z3foov@plt"), "foo()@plt");
	cr_expect_str_eq(demangled("foo@V1@plt"), "foo@plt");
}

Test(demangle, leaves_other_names_alone)
{
	/* clang-format off */
	static const char *const names[] = {
		"", "@", "@plt", "_", "__", "f", "i", "v", "main", "operator new", "runtime.main",
		"Z3foov", "ZN3fooE", "_Z", "_ZN", "_Zebra", "__Zilch", "_R", "_RESET", "_Rfoo",
		"_init", "_start", "__libc_start_main", "_GLOBAL_OFFSET_TABLE_", "_D3foo3barFZv",
	};
	/* clang-format on */
	char buf[DEMANGLE_OUT_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		cr_expect_not(demangle(names[i], buf), "%s became %s", names[i], buf);
}

/* A function of templates with 150 arguments. */
Test(demangle, long_names_within_the_bound)
{
	char name[DEMANGLE_IN_MAX] = "_Z3runI", buf[DEMANGLE_OUT_MAX];
	size_t n = strlen(name);

	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "16some_company_%03d", i);
	snprintf(name + n, sizeof(name) - n, "Evv");
	cr_assert(demangle(name, buf));
	cr_expect(strncmp(buf, "void run<some_company_000, some", 31) == 0, "%.40s", buf);
	cr_expect_str_eq(strrchr(buf, ' '), " some_company_149>()");
}

Test(demangle, leaves_very_long_names_alone)
{
	static char name[1 << 20];
	char buf[DEMANGLE_OUT_MAX];

	memset(name, 'a', sizeof(name) - 1);
	memcpy(name, "_Z500000", 8);
	cr_expect_not(demangle(name, buf));
}

/* Each argument type holds the one before it twice: 40 of them stand for 2^40 words. */
Test(demangle, cuts_names_that_grow_without_bound)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[2048] = "_Z1fSt4pairIiiE", buf[DEMANGLE_OUT_MAX];
	uint64_t start = clock_mono_ns();
	size_t n = strlen(name);

	for (int i = 0; i < 35; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "S_IS%c_S%c_E", digits[i],
				      digits[i]);
	cr_assert(demangle(name, buf));
	cr_expect_eq(strlen(buf), DEMANGLE_OUT_MAX - 1);
	cr_expect(strncmp(buf, "f(std::pair<int, int>", 21) == 0, "%.40s", buf);
	cr_expect_str_eq(buf + strlen(buf) - 3, "...");
	cr_expect_lt(clock_mono_ns() - start, NSEC_PER_SEC);
}

/* Places on the stack for each pair of template and reference: 20 MB if nobody minded. */
Test(demangle, leaves_names_alone_that_take_much_stack)
{
	char name[DEMANGLE_IN_MAX] = "_Z1fI1gI", buf[DEMANGLE_OUT_MAX];
	size_t n = strlen(name);

	for (int i = 0; i < 440; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "1aIE");
	n += (size_t)snprintf(name + n, sizeof(name) - n, "EEv1hI");
	for (int i = 0; i < 640; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "RT_");
	snprintf(name + n, sizeof(name) - n, "ES_S_");
	cr_expect_not(demangle(name, buf));
}

/* Deep nesting is a matter of stack: libiberty gives up, or it does not, but it comes back. */
Test(demangle, survives_deep_nesting)
{
	char name[4096], buf[DEMANGLE_OUT_MAX];

	for (size_t depth = 100; depth < 4000; depth += 100) {
		snprintf(name, sizeof(name), "_Z1f%*si", (int)depth, "");
		memset(name + 4, 'P', depth);
		(void)demangle(name, buf);
		snprintf(name, sizeof(name), "_RNvMC0%*s0", (int)depth, "");
		memset(name + 7, 'R', depth);
		(void)demangle(name, buf);
	}
}

/* The same for Rust, in letters outside ASCII: the text is cut between letters. */
Test(demangle, cuts_rust_names_between_letters)
{
	char name[4096] = "_RNvC1a", buf[DEMANGLE_OUT_MAX];
	size_t n = 0;

	/* mod::mod::…::f with a module of two-byte letters, "u8gdel_5qa" */
	n += (size_t)snprintf(name, sizeof(name), "_R");
	for (int i = 0; i < 250; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "Nv");
	n += (size_t)snprintf(name + n, sizeof(name) - n, "C1a");
	for (int i = 0; i < 250; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "u8gdel_5qa");
	cr_assert_lt(n, DEMANGLE_IN_MAX);
	cr_assert(demangle(name, buf));
	cr_expect_leq(strlen(buf), DEMANGLE_OUT_MAX - 1);
	cr_expect(strncmp(buf, "a::g\xc3\xb6", 6) == 0);
}
