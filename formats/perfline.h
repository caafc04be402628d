/* SPDX-License-Identifier: Apache-2.0 */
/* The lines that `perf script` writes, taken apart. Everything is borrowed from the line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perf_text {
	const char *s;
	size_t n;
};

/* "comm pid/tid [cpu] misc seconds.fraction: period event: …": each part but one number may be
 * missing. */
struct perf_header {
	struct perf_text comm;	/* trimmed */
	struct perf_text event; /* without its modifiers: "cycles" of "cycles:ppp" */
	int64_t pid, tid;	/* -1 = not given */
	uint64_t time_ns;
	int64_t period;
	bool has_time, has_period;
	struct perf_text rest; /* what follows them: one frame, a tracepoint's fields, … */
};

/* Whether @n bytes of @s are a header, and then *@ret. With a column that is not known, none is. */
bool perf_header_parse(const char *s, size_t n, struct perf_header *ret);

/* Whether they have a time, as only headers do. */
bool perf_line_has_time(const char *s, size_t n);

/* Whether they are the first line of what `perf script --header` says of the recording, whose lines
 * may be any; or the one behind its last. */
bool perf_preamble_begins(const char *s, size_t n);
bool perf_preamble_ends(const char *s, size_t n);

/* "  7f12 symbol+0x12 (/usr/lib/libc.so.6)" */
struct perf_frame {
	struct perf_text
		symbol;	      /* without its offset; n == 0 when it was "[unknown]" or not given */
	struct perf_text dso; /* n == 0 likewise */
	struct perf_text dso_off; /* "0x12" where the object has it: (libc.so.6+0x12) */
	bool inlined;		  /* into the frame that follows */
};

/* Whether @n bytes are a frame, and then *@ret. With @need_ip, only what begins with an address. */
bool perf_frame_parse(const char *s, size_t n, bool need_ip, struct perf_frame *ret);

/* Whether there is a frame in what follows an event, and then *@ret: the last one with a name, for
 * addresses of data and much else may come first. Where there are but addresses, the last one. */
bool perf_frame_find(struct perf_text rest, struct perf_frame *ret);

/* Whether they are "file:line", as perf writes below a frame, and then both. */
bool perf_srcline_parse(const char *s, size_t n, struct perf_text *ret_file, int64_t *ret_line);

/* Whether @n bytes of text are what perf script writes, as far as their first lines tell. */
bool perf_script_sniff(const char *s, size_t n);
