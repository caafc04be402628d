/* SPDX-License-Identifier: Apache-2.0 */
#include "bpflog.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"

int bpflog_print(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;

	if (level == LIBBPF_DEBUG)
		return 0;
	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return 0;
	}
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line)
			log_debug("%s", line);
	return 0;
}
