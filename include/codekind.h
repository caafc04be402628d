/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of code a mapping holds, as far as the name of its file tells. */
#pragma once

#include <stdbool.h>

/* The kernel or a module of it: "[kernel.kallsyms]", "[ext4]", "vmlinux-6.1", "ext4.ko.xz", … */
bool file_is_kernel(const char *file);

/* Code made at run time: "//anon", "[anon:…]", "/tmp/perf-1.map". */
bool file_is_jit(const char *file);
