/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process says of itself through OpenTelemetry's process context: a mapping called OTEL_CTX
 * with a small header, which points to its resource attributes (service.name, …) as a protobuf
 * message. All of it is foreign bytes. Specified in OpenTelemetry's enhancement proposal 4719.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OTELCTX_PAYLOAD_MAX (64u << 10)
#define OTELCTX_KEY_MAX	    128 /* bytes; a longer key is skipped */
#define OTELCTX_VALUE_MAX   256 /* bytes; a longer value is cut */

/* The header at the begin of the mapping. */
struct otelctx_header {
	char signature[8]; /* "OTEL_CTX" */
	uint32_t version;
	uint32_t payload_bytes;
	uint64_t published_ns; /* 0 = it is being written */
	uint64_t payload;      /* address in the process */
};

/* Receives one attribute. @key and @value are borrowed and hold no NUL inside; the value of a
 * number is its decimal text. */
typedef void otelctx_attr_fn(void *ctx, const char *key, const char *value);

/*
 * Where a process has its context, by its /proc/PID/maps @text: the address, or 0. Only memory that
 * the kernel keeps itself is taken for one: to read what a file system of the process's own answers
 * for could take for ever. @shm_dev is the device of memfds, from otelctx_shm_dev().
 */
uint64_t otelctx_find(const char *text, dev_t shm_dev);

/* Whether all of [@addr, @addr + @n) is such memory, by the same text. */
bool otelctx_is_safe(const char *text, dev_t shm_dev, uint64_t addr, uint64_t n);

/* The device number of memfds, 0 when there are none. */
dev_t otelctx_shm_dev(void);

/* Whether @h is a header whose payload may be read now. */
bool otelctx_is_valid(const struct otelctx_header *h);

/*
 * Decodes a payload: resource attributes that are text, numbers or truth values, those that tell
 * whose process it is (service.*, deployment.*, k8s.*, container.*), at most @max of them. How many
 * were given to @fn, or -EBADMSG for what is no such message (some may have been given).
 */
int otelctx_decode(const void *payload, size_t n, size_t max, otelctx_attr_fn *fn, void *ctx);
