/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool has_frame(const struct profile *p, const struct profile_sample *s, const char *beginning)
{
	for (uint32_t k = 0; k < s->loc_n; k++)
		if (strncmp(frame_name(p, s, k), beginning, strlen(beginning)) == 0)
			return true;
	return false;
}

/* Samples of processes of one name. */
struct judged {
	double all, wrong, unnamed, cut, late;
};

/* Which stack it is that was expected to be otherwise. */
static void print_stack(const struct profile *p, const struct profile_sample *s, const char *what)
{
	fprintf(stderr, "    %s:", what);
	for (uint32_t k = 0; k < s->loc_n; k++) {
		const struct profile_location *l =
			&p->locations.items[p->stacks.items[s->loc_first + k]];

		fprintf(stderr, " %s@%" PRIx64, frame_name(p, s, k), l->address);
	}
	fputc('\n', stderr);
}

static struct judged judge(const struct profile *p, const struct kind *kind)
{
	struct judged j = { 0 };

	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];
		double n = (double)profile_value(p, i, 0);
		const char *program;

		if (strcmp(label_text(p, s, "comm"), kind->comm) != 0)
			continue;
		j.all += n;
		program = label_text(p, s, "executable");
		if (program[0] && strcmp(program, kind->program) != 0) {
			j.wrong += n;
			fprintf(stderr, "  %s is said to be %s\n", kind->comm, program);
		}
		if (!program[0] || has_frame(p, s, "[unknown") || has_frame(p, s, "[lives")) {
			j.unnamed += n;
			print_stack(p, s, program[0] ? program : "no program");
		}
		if (has_frame(p, s, "[truncated")) {
			j.cut += n;
			print_stack(p, s, kind->comm);
		}
		if (has_frame(p, s, "[truncated: unwind information not loaded"))
			j.late += n;
	}
	return j;
}

double expect_programs(const struct profile *p, const struct kind *kinds, size_t n, double most_cut)
{
	struct judged sum = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct judged j = judge(p, &kinds[i]);

		fprintf(stderr,
			"  %s: %.0f samples, %.0f wrong, %.0f unnamed, %.0f cut, %.0f late\n",
			kinds[i].comm, j.all, j.wrong, j.unnamed, j.cut, j.late);
		cr_expect_gt(j.all, 0, "%s", kinds[i].comm);
		sum.all += j.all;
		sum.wrong += j.wrong;
		sum.unnamed += j.unnamed;
		sum.cut += j.cut;
		sum.late += j.late;
	}
	cr_expect_eq(sum.wrong, 0, "%.0f of %.0f", sum.wrong, sum.all);
	/* In the middle of execve(2), of which the kernel had told in part. */
	cr_expect_leq(sum.unnamed, 0.001 * sum.all + 1, "%.0f of %.0f", sum.unnamed, sum.all);
	/* On a busy machine, wick may come late to a process; what else cuts stacks does not depend
	 * on that. */
	cr_expect_leq(sum.cut - sum.late, MOST_BROKEN * sum.all + 2, "%.0f of %.0f",
		      sum.cut - sum.late, sum.all);
	cr_expect_leq(sum.cut, most_cut * sum.all, "%.0f of %.0f", sum.cut, sum.all);
	return sum.all;
}

void expect_storm(const struct profile *p, const struct run *r, const struct kind *kinds, size_t n,
		  double most_cut)
{
	double all;

	fprintf(stderr, "  %.0f programs a second\n", said(r, "started") / said(r, "seconds"));
	cr_expect_eq(said(r, "failed"), 0);
	all = expect_programs(p, kinds, n, most_cut);
	cr_expect_gt(all, 10 * said(r, "seconds"), "%.0f samples", all);
}
