/* SPDX-License-Identifier: Apache-2.0 */
#include "otelctx.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "cleanup.h"

#define VERSION 2

/* --- where it is ----------------------------------------------------------------------------- */

/* One line of /proc/PID/maps. */
struct line {
	uint64_t start, end, ino;
	dev_t dev;
	char perms[5];
	const char *name; /* up to the line's end */
};

/* Parses the line at @s, which may be anything: false when it is no area. */
static bool parse_line(const char *s, struct line *ret)
{
	unsigned major_nr, minor_nr;
	int n = 0;

	if (sscanf(s, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 "%n", &ret->start, &ret->end,
		   ret->perms, &major_nr, &minor_nr, &ret->ino, &n) != 6 ||
	    !n)
		return false;
	ret->dev = makedev(major_nr, minor_nr);
	ret->name = s + n + strspn(s + n, " ");
	return true;
}

/* Anonymous memory, or a memfd's: reading it asks nobody but the kernel. */
static bool is_safe(const struct line *l, dev_t shm_dev)
{
	return l->perms[0] == 'r' && (!l->ino || (shm_dev && l->dev == shm_dev));
}

static const char *line_before(const char *text, const char *s)
{
	while (s > text && s[-1] != '\n')
		s--;
	return s;
}

uint64_t otelctx_find(const char *text, dev_t shm_dev)
{
	static const char *const names[] = { "/memfd:OTEL_CTX", "[anon_shmem:OTEL_CTX]",
					     "[anon:OTEL_CTX]" };

	for (const char *s = text; (s = strstr(s, "OTEL_CTX")); s++) {
		struct line l;

		if (!parse_line(line_before(text, s), &l) || !is_safe(&l, shm_dev))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (strncmp(l.name, names[i], strlen(names[i])) == 0)
				return l.start;
	}
	return 0;
}

bool otelctx_is_safe(const char *text, dev_t shm_dev, uint64_t addr, uint64_t n)
{
	uint64_t end = addr + n;

	if (end < addr)
		return false;
	for (const char *s = text, *next; *s; s = next) {
		struct line l;

		next = strchrnul(s, '\n');
		next += *next == '\n';
		if (!parse_line(s, &l) || l.end <= addr)
			continue;
		if (l.start > addr || !is_safe(&l, shm_dev))
			return false;
		if (l.end >= end)
			return true;
		addr = l.end; /* it goes on in the next area */
	}
	return false;
}

dev_t otelctx_shm_dev(void)
{
	_cleanup_close_ int fd = memfd_create("wick", MFD_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_dev : 0;
}

bool otelctx_is_valid(const struct otelctx_header *h)
{
	return memcmp(h->signature, "OTEL_CTX", sizeof(h->signature)) == 0 &&
	       h->version == VERSION && h->published_ns && h->payload && h->payload_bytes &&
	       h->payload_bytes <= OTELCTX_PAYLOAD_MAX;
}

/* --- what it says ---------------------------------------------------------------------------- */

/* A field of a protobuf message. */
struct field {
	unsigned number;
	unsigned type; /* 0 varint, 1 64 bits, 2 bytes, 5 32 bits */
	uint64_t value;
	struct bytes bytes; /* of type 2 */
};

static int read_varint(struct bytes *b, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;
		int r = bytes_u8(b, &byte);

		if (r < 0)
			return r;
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

static int read_field(struct bytes *b, struct field *f)
{
	uint64_t key;
	uint32_t word;
	int r = read_varint(b, &key);

	if (r < 0)
		return r;
	*f = (struct field){ .number = (unsigned)(key >> 3), .type = (unsigned)(key & 7) };
	switch (f->type) {
	case 0:
		return read_varint(b, &f->value);
	case 1:
		return bytes_u64(b, &f->value);
	case 2:
		if ((r = read_varint(b, &f->value)) < 0 ||
		    (r = bytes_part(b, b->pos, f->value, &f->bytes)) < 0)
			return r;
		return bytes_skip(b, f->value);
	case 5:
		r = bytes_u32(b, &word);
		f->value = r < 0 ? 0 : word;
		return r;
	default:
		return -EBADMSG;
	}
}

struct decoder {
	otelctx_attr_fn *fn;
	void *ctx;
	size_t max, n;
};

/* A text without control characters, cut to fit @size. */
static void copy_text(const struct bytes *b, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n && n + 1 < size; i++)
		if (b->p[i] >= ' ' && b->p[i] != 0x7f)
			to[n++] = (char)b->p[i];
	to[n] = '\0';
}

/* AnyValue: string_value = 1, bool_value = 2, int_value = 3, double_value = 4; others are left out.
 */
static int read_value(struct bytes b, char ret[OTELCTX_VALUE_MAX + 1])
{
	struct field f;
	double real;
	int r;

	ret[0] = '\0';
	while (bytes_left(&b)) {
		if ((r = read_field(&b, &f)) < 0)
			return r;
		if (f.number == 1 && f.type == 2)
			copy_text(&f.bytes, ret, OTELCTX_VALUE_MAX + 1);
		else if (f.number == 2 && f.type == 0)
			strcpy(ret, f.value ? "true" : "false");
		else if (f.number == 3 && f.type == 0)
			snprintf(ret, OTELCTX_VALUE_MAX, "%" PRId64, (int64_t)f.value);
		else if (f.number == 4 && f.type == 1) {
			memcpy(&real, &f.value, sizeof(real));
			snprintf(ret, OTELCTX_VALUE_MAX, "%.17g", real);
		}
	}
	return 0;
}

/* Whether an attribute says whose process it is; others repeat what the kernel tells, or the SDK.
 */
static bool is_wanted(const char *key)
{
	static const char *const groups[] = { "service.", "deployment.", "k8s.", "container." };

	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (strncmp(key, groups[i], strlen(groups[i])) == 0)
			return true;
	return false;
}

/* KeyValue: key = 1, value = 2. */
static int read_attribute(struct decoder *d, struct bytes b)
{
	char key[OTELCTX_KEY_MAX + 1] = "", value[OTELCTX_VALUE_MAX + 1] = "";
	struct field f;
	int r;

	while (bytes_left(&b)) {
		if ((r = read_field(&b, &f)) < 0)
			return r;
		if (f.number == 1 && f.type == 2 && f.bytes.n <= OTELCTX_KEY_MAX)
			copy_text(&f.bytes, key, sizeof(key));
		else if (f.number == 2 && f.type == 2 && (r = read_value(f.bytes, value)) < 0)
			return r;
	}
	if (is_wanted(key) && value[0] && d->n < d->max) {
		d->fn(d->ctx, key, value);
		d->n++;
	}
	return 0;
}

/* Resource: attributes = 1. */
static int read_resource(struct decoder *d, struct bytes b)
{
	struct field f;
	int r;

	while (bytes_left(&b)) {
		if ((r = read_field(&b, &f)) < 0)
			return r;
		if (f.number == 1 && f.type == 2 && (r = read_attribute(d, f.bytes)) < 0)
			return r;
	}
	return 0;
}

/*
 * The payload was a Resource first and is a ProcessContext, which holds one, now; both begin with
 * field 1. In a Resource that is an attribute, whose own field 1 is a key; in a ProcessContext it
 * is the Resource, whose field 1 is an attribute. Where there is a key, a byte 0x0a cannot stand:
 * it would be a line feed. An attribute begins with it.
 */
static bool is_wrapped(const struct bytes *b)
{
	struct bytes all = *b;
	struct field outer, inner;

	while (bytes_left(&all) && read_field(&all, &outer) == 0)
		if (outer.number == 1 && outer.type == 2)
			return bytes_left(&outer.bytes) && read_field(&outer.bytes, &inner) == 0 &&
			       inner.number == 1 && inner.type == 2 && inner.bytes.n &&
			       inner.bytes.p[0] == 0x0a;
	return false;
}

int otelctx_decode(const void *payload, size_t n, size_t max, otelctx_attr_fn *fn, void *ctx)
{
	struct decoder d = { .fn = fn, .ctx = ctx, .max = max };
	struct bytes b = bytes_of(payload, n);
	struct field f;
	int r;

	if (!is_wrapped(&b)) {
		r = read_resource(&d, b);
		return r < 0 ? r : (int)d.n;
	}
	while (bytes_left(&b)) {
		if ((r = read_field(&b, &f)) < 0)
			return r;
		if (f.number == 1 && f.type == 2 && (r = read_resource(&d, f.bytes)) < 0)
			return r;
		if (f.number == 2 && f.type == 2 && (r = read_attribute(&d, f.bytes)) < 0)
			return r;
	}
	return (int)d.n;
}
