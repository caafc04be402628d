/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles that several views are shown with. */
#pragma once

#include "maker.h"

/* A small service: inlining, recursion, the kernel, a library. */
static inline void make_service(struct maker *m)
{
	uint32_t start, serve, parse, again, crc, copy, write, memcpy_;

	make_begin_cpu(m);
	start = make_loc(m, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x100, "__libc_start_main");
	serve = make_loc(m, "/usr/bin/server", 0x1000, "serve|main");
	parse = make_loc(m, "/usr/bin/server", 0x2000, "parse_value|parse_object");
	again = make_loc(m, "/usr/bin/server", 0x2040, "parse_object");
	crc = make_loc(m, "/usr/bin/server", 0x3000, "crc32");
	memcpy_ = make_loc(m, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x9000,
			   "__memmove_avx_unaligned_erms");
	copy = make_loc(m, "[kernel.kallsyms]", 0x5000, "copy_user_generic");
	write = make_loc(m, "[kernel.kallsyms]", 0x6000, "vfs_write|ksys_write");
	make_cpu_stack(m, 95, crc, serve, start);
	make_cpu_stack(m, 40, parse, again, again, serve, start);
	make_cpu_stack(m, 21, again, serve, start);
	make_cpu_stack(m, 30, copy, write, serve, start);
	make_cpu_stack(m, 11, memcpy_, parse, serve, start);
	make_cpu_stack(m, 1, write, serve, start);
}

static const char long_name[] =
	"std::_Hashtable<std::string, std::pair<std::string const, std::vector<int>>, "
	"std::allocator<std::pair<std::string const, int>>>::_M_insert_unique_node(unsigned long)";

static inline void make_hostile(struct maker *m)
{
	make_begin_cpu(m);
	make_cpu_stack(
		m, 9,
		make_loc(m, "/usr/lib/a-library-with-a-very-long-name.so.1.2.3", 0, long_name));
	make_cpu_stack(m, 8, make_loc(m, "[kernel.kallsyms]", 0x10, long_name));
	make_cpu_stack(m, 7, make_loc(m, "/tmp/\033]0;owned\a", 0x20, "\033[2J\033[Hclear"));
	make_cpu_stack(m, 6, make_loc(m, "/tmp/\033]0;owned\a", 0x30, ""));
	make_cpu_stack(m, 5, make_loc(m, "/tmp/日本語", 0x40, "main\u202egnp.exe"));
	make_cpu_stack(
		m, 4,
		make_loc(m, "/tmp/日本語", 0x50, "関数の名前がとても長いのでここには入りきらない"));
	make_cpu_stack(m, 3, make_loc(m, "/tmp/bytes\xff\xc0", 0x60, "latin\xe9 line\nfeed\r"));
	make_comment(m, "wick: ticks=99 recorded=42 idle=0 filtered=0 lost=57 truncated=1 "
			"lost.\033[31mred=57 truncated.\u202e=1");
}
