/* SPDX-License-Identifier: Apache-2.0 */
/* What libbpf has to say, in wick's debug messages: its warnings and the verifier's log, which
 * comes in one piece, a message a line. */
#pragma once

#include <stdarg.h>

#include <bpf/libbpf.h>

/* For libbpf_set_print(). Libbpf's own debug messages are left out. */
int bpflog_print(enum libbpf_print_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
