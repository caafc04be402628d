/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "array.h"
#include "otelctx.h"

#define SHM makedev(0, 1)

/* --- where it is ----------------------------------------------------------------------------- */

static const char maps[] =
	"55d0c0000000-55d0c0001000 r--p 00000000 fd:01 1234                       /usr/bin/x OTEL_CTX\n"
	"7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
	"7f0000001000-7f0000003000 rw-p 00000000 00:00 0                          [anon:glibc: malloc]\n"
	"7f0000004000-7f0000005000 rw-p 00000000 00:2d 77                         /memfd:OTEL_CTX (deleted)\n"
	"7f0000006000-7f0000007000 ---p 00000000 00:01 78                         /memfd:OTEL_CTX (deleted)\n"
	"7f0000008000-7f0000009000 rw-p 00000000 00:01 79                         /memfd:OTEL_CTX (deleted)\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

Test(otelctx, is_found_in_memory_of_the_kernel_s_own_alone)
{
	cr_expect_eq(otelctx_find(maps, SHM), 0x7f0000008000);
	cr_expect_eq(otelctx_find(maps, makedev(0, 0x2d)), 0x7f0000004000);
	cr_expect_eq(otelctx_find(maps, 0), 0);
	cr_expect_eq(otelctx_find("1000-2000 rw-p 0 00:00 0 [anon:OTEL_CTX]\n", 0), 0x1000);
	cr_expect_eq(otelctx_find("1000-2000 rw-s 0 00:01 9 [anon_shmem:OTEL_CTX]", SHM), 0x1000);
	cr_expect_eq(otelctx_find("1000-2000 rw-p 0 00:00 0 [anon:other OTEL_CTX]\n", 0), 0);
	cr_expect_eq(otelctx_find("OTEL_CTX\nOTEL_CTX", SHM), 0);
	cr_expect_eq(otelctx_find("", SHM), 0);
}

Test(otelctx, payloads_are_read_from_such_memory_alone)
{
	static const struct {
		uint64_t addr, n;
		bool safe;
	} t[] = {
		{ 0x7f0000000000, 0x1000, true },
		{ 0x7f0000000ff0, 0x20, true }, /* in two areas */
		{ 0x7f0000002ff0, 0x20, false },
		{ 0x7f0000003000, 1, false },
		{ 0x7f0000004000, 8, false }, /* a file system of their own */
		{ 0x55d0c0000000, 8, false },
		{ 0x7f0000006000, 8, false },
		{ 0x7f0000008000, 0x1000, true },
		{ 0x7f0000008000, 0x1001, false },
		{ 0xffffffffff600000, 8, false },
		{ UINT64_MAX - 3, 8, false },
		{ 0, 8, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		cr_expect_eq(otelctx_is_safe(maps, SHM, t[i].addr, t[i].n), t[i].safe, "%zu", i);
}

Test(otelctx, headers_that_are_not_whole_are_none)
{
	const struct otelctx_header good = { "OTEL_CTX", 2, 100, 1, 0x1000 };
	struct otelctx_header h;

	cr_expect(otelctx_is_valid(&good));
	h = good, h.signature[7] = 'x';
	cr_expect_not(otelctx_is_valid(&h));
	h = good, h.version = 3;
	cr_expect_not(otelctx_is_valid(&h));
	h = good, h.payload_bytes = OTELCTX_PAYLOAD_MAX + 1;
	cr_expect_not(otelctx_is_valid(&h));
	h = good, h.published_ns = 0;
	cr_expect_not(otelctx_is_valid(&h), "it is being written");
	h = good, h.payload = 0;
	cr_expect_not(otelctx_is_valid(&h));
}

/* --- what it says ---------------------------------------------------------------------------- */

struct message {
	uint8_t bytes[2048];
	size_t n;
};

static void put(struct message *m, unsigned field, const void *p, size_t n)
{
	m->bytes[m->n++] = (uint8_t)(field << 3 | 2);
	if (n >= 128)
		m->bytes[m->n++] = (uint8_t)(n | 0x80);
	m->bytes[m->n++] = (uint8_t)(n >= 128 ? n >> 7 : n);
	memcpy(m->bytes + m->n, p, n);
	m->n += n;
}

/* Appends KeyValue { key, @value, which is an AnyValue } as @field. */
static void put_pair(struct message *m, unsigned field, const char *key,
		     const struct message *value)
{
	struct message pair = { .n = 0 };

	put(&pair, 1, key, strlen(key));
	put(&pair, 2, value->bytes, value->n);
	put(m, field, pair.bytes, pair.n);
}

static void put_text(struct message *m, unsigned field, const char *key, const char *text)
{
	struct message value = { .n = 0 };

	put(&value, 1, text, strlen(text));
	put_pair(m, field, key, &value);
}

static char seen[4096];

static void note(void *ctx, const char *key, const char *value)
{
	size_t n = strlen(seen);

	(void)ctx;
	snprintf(seen + n, sizeof(seen) - n, "%s=%s;", key, value);
}

static int decode(const struct message *m)
{
	seen[0] = '\0';
	return otelctx_decode(m->bytes, m->n, 8, note, NULL);
}

Test(otelctx, attributes_of_a_resource_and_of_a_context_that_holds_one)
{
	struct message resource = { .n = 0 }, context = { .n = 0 };

	put_text(&resource, 1, "service.name", "shop");
	put_text(&resource, 1, "telemetry.sdk.language", "c");
	put_text(&resource, 1, "deployment.environment.name", "prod\x01uction\n");
	cr_expect_eq(decode(&resource), 2);
	cr_expect_str_eq(seen, "service.name=shop;deployment.environment.name=production;");
	put(&context, 1, resource.bytes, resource.n);
	put_text(&context, 2, "service.instance.id", "7");
	cr_expect_eq(decode(&context), 3);
	cr_expect_str_eq(seen, "service.name=shop;deployment.environment.name=production;"
			       "service.instance.id=7;");
}

Test(otelctx, numbers_and_truth_values_are_text_and_lists_are_left_out)
{
	struct message m = { .n = 0 };

	put_pair(&m, 1, "service.a", &(struct message){ { 0x10, 1 }, 2 });
	put_pair(&m, 1, "service.b", &(struct message){ { 0x18, 0x96, 1 }, 3 });
	put_pair(&m, 1, "service.c",
		 &(struct message){ { 0x21, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f }, 9 });
	put_pair(&m, 1, "service.d", &(struct message){ { 0x2a, 0 }, 2 });
	put_pair(&m, 1, "service.e",
		 &(struct message){ { 0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1 }, 11 });
	cr_expect_eq(decode(&m), 4);
	cr_expect_str_eq(seen, "service.a=true;service.b=150;service.c=1.5;service.e=-1;");
}

Test(otelctx, there_are_limits)
{
	struct message m = { .n = 0 };
	char key[200] = "service.", value[600];

	memset(key + 8, 'k', 150);
	key[158] = '\0';
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	put_text(&m, 1, key, "x");
	put_text(&m, 1, "service.long", value);
	cr_expect_eq(decode(&m), 1);
	cr_expect_eq(strlen(seen), strlen("service.long=;") + OTELCTX_VALUE_MAX);
	for (m.n = 0; m.n < 1000;)
		put_text(&m, 1, "service.x", "y");
	cr_expect_eq(decode(&m), 8);
}

Test(otelctx, every_cut_is_refused_or_gives_less)
{
	struct message m = { .n = 0 };
	int whole, refused = 0;

	put_text(&m, 1, "service.name", "shop");
	put_text(&m, 1, "service.version", "1");
	whole = decode(&m);
	for (size_t n = m.n; n-- > 0;) {
		struct message cut = { .n = n };
		int r;

		memcpy(cut.bytes, m.bytes, n);
		r = decode(&cut);
		cr_expect(r == -EBADMSG || (r >= 0 && r < whole), "%zu: %d", n, r);
		refused += r < 0;
	}
	cr_expect_geq(refused, (int)m.n - 3);
}
