/* SPDX-License-Identifier: Apache-2.0 */
#include "allocfail.h"

#include <stddef.h>

#define ATTEMPTS_MAX 100000

#if defined(__SANITIZE_ADDRESS__)
#define WITH_LEAKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_LEAKS 1
#endif
#endif

#ifdef WITH_LEAKS
#include <sanitizer/lsan_interface.h>
#endif

static unsigned countdown; /* 0 = nothing fails */
static bool failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

static bool fails_now(void)
{
	if (!countdown || --countdown)
		return false;
	errno = ENOMEM;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails_now() ? NULL : __real_strdup(s);
}

void allocfail_at(unsigned n)
{
	countdown = n;
	failed = false;
}

bool allocfail_stop(void)
{
	countdown = 0;
	return failed;
}

void allocfail_expect_no_leaks(void)
{
#ifdef WITH_LEAKS
	cr_expect_eq(__lsan_do_recoverable_leak_check(), 0, "memory was leaked");
#endif
}

static void each(int (*attempt)(void), bool tolerant)
{
	unsigned n = 1;
	int r;

	for (; n < ATTEMPTS_MAX; n++) {
		allocfail_at(n);
		r = attempt();
		if (!allocfail_stop())
			break;
		cr_assert(r == -ENOMEM || (tolerant && r == 0),
			  "allocation %u failed and %d came back", n, r);
	}
	cr_expect_gt(n, 1, "nothing was allocated");
	cr_expect_eq(r, 0, "without a failure %d came back", r);
	allocfail_expect_no_leaks();
}

void allocfail_each(int (*attempt)(void))
{
	each(attempt, false);
}

void allocfail_each_tolerant(int (*attempt)(void))
{
	each(attempt, true);
}
