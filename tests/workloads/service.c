/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service SECONDS NAME [VERSION]: works as the service NAME that OpenTelemetry's process context
 * says it is: a mapping called OTEL_CTX whose header points to the attributes, in memory of its
 * own.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "workload.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

struct header {
	char signature[8];
	uint32_t version, payload_bytes;
	uint64_t published_ns;
	const void *payload;
};

/* Appends a field of bytes to @to, which holds @n: the new length. */
static size_t put(uint8_t *to, size_t n, unsigned field, const void *bytes, size_t n_bytes)
{
	to[n++] = (uint8_t)(field << 3 | 2);
	if (n_bytes >= 128)
		to[n++] = (uint8_t)(n_bytes | 0x80);
	to[n++] = (uint8_t)(n_bytes >= 128 ? n_bytes >> 7 : n_bytes);
	memcpy(to + n, bytes, n_bytes);
	return n + n_bytes;
}

/* Appends an attribute: KeyValue { key = 1; value = 2 { string_value = 1 } }. */
static size_t put_attribute(uint8_t *to, size_t n, const char *key, const char *value)
{
	uint8_t any[256], pair[512];
	size_t n_any = put(any, 0, 1, value, strlen(value)), n_pair;

	n_pair = put(pair, 0, 1, key, strlen(key));
	n_pair = put(pair, n_pair, 2, any, n_any);
	return put(to, n, 1, pair, n_pair);
}

static void publish(const char *name, const char *version)
{
	uint8_t resource[900], *message = malloc(1024);
	size_t n = put_attribute(resource, 0, "service.name", name);
	struct header *h;
	int fd = memfd_create("OTEL_CTX", MFD_CLOEXEC);

	n = put_attribute(resource, n, "service.version", version);
	n = put_attribute(resource, n, "telemetry.sdk.name", "workload");
	if (!message || fd < 0 || ftruncate(fd, 4096) < 0)
		exit(1);
	n = put(message, 0, 1, resource, n);
	h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (h == MAP_FAILED || madvise(h, 4096, MADV_DONTFORK) < 0)
		exit(1);
	close(fd);
	*h = (struct header){ .version = 2,
			      .payload_bytes = (uint32_t)n,
			      .published_ns = (uint64_t)time(NULL) * 1000000000,
			      .payload = message };
	memcpy(h->signature, "OTEL_CTX", 8);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, h, 4096, "OTEL_CTX");
}

NOINLINE void service_works(double seconds)
{
	double end = process_s() + seconds;

	while (process_s() < end)
		BURN(100000);
}

int main(int argc, char **argv)
{
	double seconds = arg_seconds(argc, argv, 1);

	publish(argc > 2 ? argv[2] : "shop", argc > 3 ? argv[3] : "1.0");
	wait_for_go();
	service_works(seconds);
	say_usage();
	return 0;
}
