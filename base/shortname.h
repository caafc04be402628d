/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short forms of function names for people: the path to the function stays, what makes names long
 * goes: parameters, template and generic arguments, return types, qualifiers.
 *
 *	std::vector<int, std::allocator<int> >::push_back(int const&)	std::vector::push_back
 *	void sort<int*>(int*, int*)					sort
 *	main::{lambda(int)#1}::operator()(int) const			main::{lambda#1}::operator()
 *	<alloc::vec::Vec<T> as core::ops::Drop>::drop	<alloc::vec::Vec as core::ops::Drop>::drop
 *	main.(*List[go.shape.int]).Push					main.(*List[...]).Push
 *
 * The language is not known, so a name stays whole where its shape is not understood: C, kernel
 * and JIT symbols, Objective-C methods, plain text.
 */
#pragma once

#include <stddef.h>

/*
 * Writes the short form of @n bytes of @name, and a NUL, to @buf, which has room for @n + 1 bytes
 * and is not @name. Returns its length: at most @n, and 0 only when @n is. Time is linear in @n,
 * whatever the bytes are.
 */
size_t short_name(const char *name, size_t n, char *buf);
