/* SPDX-License-Identifier: Apache-2.0 */
#include "readback.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "err.h"
#include "formats.h"

#define CHECKER "tests/tools/pprof_check.py"

static const char *str(const struct profile *p, uint32_t s)
{
	return strtab_get(&p->strings, s);
}

/* --- reading --------------------------------------------------------------------------------- */

static void check_file(const char *path, bool converted)
{
	char *checker = realpath(CHECKER, NULL);
	const char *plain = path;
	struct run r;

	cr_assert_not_null(checker, "%s is missing", CHECKER);
	if (strstr(path, ".zst")) { /* which the checker does not read */
		plain = in_dir("decompressed.pb");
		r = run_words("zstd", "-dqf", path, "-o", plain);
		must_end(&r, 0);
	}
	r = converted ? run_words("python3", checker, "--converted", plain)
		      : run_words("python3", checker, plain);
	cr_assert_eq(r.status, 0, "the checker rejects %s:\n%s%s", path, r.out, r.err);
	free(checker);
}

struct profile *read_back(const char *path, bool converted)
{
	struct profile *p = NULL;
	struct err e = { 0 };

	cr_assert_eq(format_read(path, &p, &e), 0, "%s", e.text);
	cr_assert_eq(profile_check(p), 0, "%s has indices out of range", path);
	check_file(path, converted);
	return p;
}

uint64_t account_number(const struct e2e_account *a, const char *key)
{
	const char *at = strstr(a->comment, text(" %s=", key));

	return at ? strtoull(at + strlen(key) + 2, NULL, 10) : 0;
}

static void read_account(const struct profile *p, struct e2e_account *ret)
{
	*ret = (struct e2e_account){ 0 };
	array_each(&p->comments, c)
		if (strncmp(str(p, *c), ACCOUNT_PREFIX, strlen(ACCOUNT_PREFIX)) == 0) {
			cr_assert_null(ret->comment, "two accounts in one recording");
			ret->comment = str(p, *c);
		}
	cr_assert_not_null(ret->comment, "no account in the comments");
	ret->ticks = account_number(ret, "ticks");
	ret->recorded = account_number(ret, "recorded");
	ret->idle = account_number(ret, "idle");
	ret->filtered = account_number(ret, "filtered");
	ret->lost = account_number(ret, "lost");
	ret->truncated = account_number(ret, "truncated");
}

/* Σ of the reasons "KIND.…=" in the account. */
static uint64_t sum_of_reasons(const struct e2e_account *a, const char *kind)
{
	uint64_t sum = 0;

	for (const char *at = a->comment; (at = strstr(at, kind)); at++)
		sum += strtoull(strchr(at, '=') + 1, NULL, 10);
	return sum;
}

static bool says_truncated(const struct profile *p, const struct profile_sample *s)
{
	for (uint32_t i = 0; i < s->loc_n; i++)
		if (strncmp(frame_name(p, s, i), "[truncated: ", 12) == 0)
			return true;
	return false;
}

/* Of the profile that was read last: whether a clock that should have ticked did not is seen there. */
static char last_account[512];

struct profile *recorded(const char *path, struct e2e_account *ret)
{
	struct profile *p = read_back(path, false);
	struct e2e_account a;
	uint64_t samples = 0, truncated = 0;

	read_account(p, &a);
	for (size_t i = 0; i < p->samples.n; i++) {
		samples += (uint64_t)profile_value(p, i, 0);
		if (says_truncated(p, &p->samples.items[i]))
			truncated += (uint64_t)profile_value(p, i, 0);
	}
	cr_expect_eq(a.ticks, a.recorded + a.idle + a.filtered + a.lost, "%s", a.comment);
	cr_expect_eq(a.lost, 0, "%s", a.comment);
	cr_expect_eq(a.lost, sum_of_reasons(&a, " lost."), "%s", a.comment);
	cr_expect_eq(a.truncated, sum_of_reasons(&a, " truncated."), "%s", a.comment);
	cr_expect_eq(samples, a.recorded, "%" PRIu64 " samples in the file; %s", samples,
		     a.comment);
	cr_expect_eq(truncated, a.truncated, "%" PRIu64 " samples end in a frame that says so; %s",
		     truncated, a.comment);
	snprintf(last_account, sizeof(last_account), "%.3f s, %s", (double)p->duration_ns / 1e9,
		 a.comment);
	if (ret)
		*ret = a;
	return p;
}

/* --- asking ---------------------------------------------------------------------------------- */

static const struct profile_label *label(const struct profile *p, const struct profile_sample *s,
					 const char *key)
{
	for (uint32_t i = 0; i < s->label_n; i++)
		if (strcmp(str(p, p->labels.items[s->label_first + i].key), key) == 0)
			return &p->labels.items[s->label_first + i];
	return NULL;
}

const char *label_text(const struct profile *p, const struct profile_sample *s, const char *key)
{
	const struct profile_label *l = label(p, s, key);

	return l && !l->is_num ? str(p, l->str) : "";
}

int64_t label_number(const struct profile *p, const struct profile_sample *s, const char *key)
{
	const struct profile_label *l = label(p, s, key);

	return l && l->is_num ? l->num : -1;
}

static const struct profile_location *location(const struct profile *p,
					       const struct profile_sample *s, uint32_t i)
{
	return &p->locations.items[p->stacks.items[s->loc_first + i]];
}

static const char *line_name(const struct profile *p, const struct profile_location *l, uint32_t i)
{
	return str(p, p->functions.items[p->lines.items[l->line_first + i].function].name);
}

const char *frame_name(const struct profile *p, const struct profile_sample *s, uint32_t i)
{
	const struct profile_location *l = i < s->loc_n ? location(p, s, i) : NULL;

	return l && l->line_n ? line_name(p, l, 0) : "";
}

bool is_kernel_frame(const struct profile *p, const struct profile_sample *s, uint32_t i)
{
	const struct profile_location *l = i < s->loc_n ? location(p, s, i) : NULL;

	/* The kernel's half of the address space: also modules and BPF programs. */
	return l && l->address >> 63;
}

/* The first frame from @from outwards that is the function, or -1. */
static int64_t find_frame(const struct profile *p, const struct profile_sample *s, uint32_t from,
			  const char *function)
{
	for (uint32_t i = from; i < s->loc_n; i++) {
		const struct profile_location *l = location(p, s, i);

		for (uint32_t k = 0; k < l->line_n; k++)
			if (strcmp(line_name(p, l, k), function) == 0)
				return i;
	}
	return -1;
}

static bool is_meant(const struct profile *p, const struct profile_sample *s,
		     const struct pick *pick)
{
	return (!pick->comm || strcmp(label_text(p, s, "comm"), pick->comm) == 0) &&
	       (!pick->thread_comm ||
		strcmp(label_text(p, s, "thread_comm"), pick->thread_comm) == 0) &&
	       (!pick->pid || label_number(p, s, "pid") == pick->pid) &&
	       (!pick->tid || label_number(p, s, "tid") == pick->tid) &&
	       (!pick->in || find_frame(p, s, 0, pick->in) >= 0);
}

typedef bool test_fn(const struct profile *p, const struct profile_sample *s, const void *ctx);

static double sum_where(const struct profile *p, const struct pick *pick, test_fn *test,
			const void *ctx)
{
	double sum = 0;

	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];

		if (is_meant(p, s, pick) && test(p, s, ctx))
			sum += (double)profile_value(p, i, pick->type);
	}
	return sum;
}

static bool any(const struct profile *p, const struct profile_sample *s, const void *ctx)
{
	(void)p, (void)s, (void)ctx;
	return true;
}

static bool is_leaf(const struct profile *p, const struct profile_sample *s, const void *function)
{
	return strcmp(frame_name(p, s, 0), function) == 0;
}

static bool has(const struct profile *p, const struct profile_sample *s, const void *function)
{
	return find_frame(p, s, 0, function) >= 0;
}

static bool kernel_leaf(const struct profile *p, const struct profile_sample *s, const void *ctx)
{
	(void)ctx;
	return is_kernel_frame(p, s, 0);
}

static bool is_called(const struct profile *p, const struct profile_sample *s, const void *ctx)
{
	const char *const *names = ctx;
	int64_t inner = find_frame(p, s, 0, names[0]);

	return inner >= 0 && find_frame(p, s, (uint32_t)inner + 1, names[1]) >= 0;
}

double total(const struct profile *p, struct pick pick)
{
	return sum_where(p, &pick, any, NULL);
}

double self(const struct profile *p, struct pick pick, const char *function)
{
	return sum_where(p, &pick, is_leaf, function);
}

double cumulative(const struct profile *p, struct pick pick, const char *function)
{
	return sum_where(p, &pick, has, function);
}

double in_kernel(const struct profile *p, struct pick pick)
{
	return sum_where(p, &pick, kernel_leaf, NULL);
}

double called(const struct profile *p, const char *inner, const char *outer)
{
	const char *const names[] = { inner, outer };

	return sum_where(p, &(struct pick){ 0 }, is_called, names);
}

size_t value_named(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->sample_types.n; i++)
		if (strcmp(str(p, p->sample_types.items[i].type), name) == 0)
			return i;
	cr_assert_fail("no value is called '%s'", name);
	return 0;
}

/* --- judging --------------------------------------------------------------------------------- */

void expect_share(const char *what, double seen, double n, double p, double slack)
{
	double sigma = n > 0 ? sqrt(p * (1 - p) / n) : 0, off = n > 0 ? seen / n - p : 1;

	fprintf(stderr, "  %-34s %6.2f %% of %.0f, truth %6.2f %%, off %+.2f, allowed %.2f\n", what,
		n > 0 ? 100 * seen / n : 0, n, 100 * p, 100 * off, 100 * (4 * sigma + slack));
	cr_expect(fabs(off) <= 4 * sigma + slack,
		  "%s: %.2f %% of %.0f samples, but in truth %.2f %% (4 sigma and slack: %.2f)",
		  what, n > 0 ? 100 * seen / n : 0, n, 100 * p, 100 * (4 * sigma + slack));
}

double slices_error(const struct run *r, double due)
{
	return 4 * sqrt((said(r, "switches") + 2) / 4) / due + 0.01;
}

void expect_samples(const char *what, double seen, const struct run *r, double hz)
{
	double due = said(r, "cpu") * hz;

	expect_near(what, seen, due, slices_error(r, due));
}

void expect_near(const char *what, double seen, double expected, double part)
{
	double off = expected > 0 ? seen / expected - 1 : 1;

	fprintf(stderr, "  %-34s %.0f, expected %.0f, off %+.2f %%, allowed %.2f %%\n", what, seen,
		expected, 100 * off, 100 * part);
	cr_expect(fabs(off) <= part, "%s: %.0f instead of %.0f, %+.2f %% off (allowed %.2f %%); %s",
		  what, seen, expected, 100 * off, 100 * part, last_account);
}
