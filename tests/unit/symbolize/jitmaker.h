/* SPDX-License-Identifier: Apache-2.0 */
/* Writes jitdump files for tests, record by record, into a file without a name. */
#pragma once

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static inline void jitmaker_put(int fd, const void *p, size_t n)
{
	cr_assert_eq(write(fd, p, n), (ssize_t)n);
}

static inline void jitmaker_u32(int fd, uint32_t v)
{
	jitmaker_put(fd, &v, sizeof(v));
}

static inline void jitmaker_u64(int fd, uint64_t v)
{
	jitmaker_put(fd, &v, sizeof(v));
}

static inline void jitmaker_header(int fd, uint32_t reserved, uint64_t flags)
{
	static const uint32_t head[4] = { 0x4a695444, 1, 40, 62 };

	jitmaker_put(fd, head, sizeof(head));
	jitmaker_u32(fd, reserved);
	jitmaker_u32(fd, 4711);
	jitmaker_u64(fd, 1);
	jitmaker_u64(fd, flags);
}

/* A new file, with the header of any compiler; the caller closes it. */
static inline int jitmaker_new(void)
{
	int fd = memfd_create("jitdump", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	jitmaker_header(fd, 0, 0);
	return fd;
}

static inline void jitmaker_record(int fd, uint32_t kind, size_t body, uint64_t time)
{
	jitmaker_u32(fd, kind);
	jitmaker_u32(fd, (uint32_t)(16 + body));
	jitmaker_u64(fd, time);
}

static inline void jitmaker_load(int fd, uint64_t time, uint64_t addr, uint64_t size,
				 const char *name)
{
	static const char code[4096];

	jitmaker_record(fd, 0, 40 + strlen(name) + 1 + size, time);
	jitmaker_u64(fd, 4711);
	jitmaker_u64(fd, addr);
	jitmaker_u64(fd, addr);
	jitmaker_u64(fd, size);
	jitmaker_u64(fd, 0);
	jitmaker_put(fd, name, strlen(name) + 1);
	for (uint64_t n = size; n > 0; n -= n < sizeof(code) ? n : sizeof(code))
		jitmaker_put(fd, code, n < sizeof(code) ? n : sizeof(code));
}

static inline void jitmaker_move(int fd, uint64_t time, uint64_t from, uint64_t to, uint64_t size)
{
	jitmaker_record(fd, 1, 48, time);
	jitmaker_u64(fd, 4711);
	jitmaker_u64(fd, to);
	jitmaker_u64(fd, from);
	jitmaker_u64(fd, to);
	jitmaker_u64(fd, size);
	jitmaker_u64(fd, 0);
}

struct jitmaker_line {
	uint64_t addr;
	uint32_t line;
	const char *file;
};

static inline void jitmaker_debug(int fd, uint64_t addr, const struct jitmaker_line *lines,
				  size_t n)
{
	size_t body = 16;

	for (size_t i = 0; i < n; i++)
		body += 16 + strlen(lines[i].file) + 1;
	jitmaker_record(fd, 2, body, 0);
	jitmaker_u64(fd, addr);
	jitmaker_u64(fd, n);
	for (size_t i = 0; i < n; i++) {
		jitmaker_u64(fd, lines[i].addr);
		jitmaker_u32(fd, lines[i].line);
		jitmaker_u32(fd, 0);
		jitmaker_put(fd, lines[i].file, strlen(lines[i].file) + 1);
	}
}
