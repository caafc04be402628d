/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_report.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "termtext.h"
#include "verify.h"

#define COLUMNS 80
#define INDENT	20 /* of the text beside two numbers */

static const char *end_text(uint8_t end)
{
	static const char *const text[WIRE_END_MAX] = {
		[WIRE_END_NOT] = "nothing",
		[WIRE_END_ROOT] = "root",
		[WIRE_END_ABSENT] = "no user stack",
		[WIRE_END_UNKNOWN] = "unknown",
		[WIRE_END_DEPTH] = "too many frames",
		[WIRE_END_MAPPING] = "code in no mapping",
		[WIRE_END_NO_INFO] = "no unwind information",
		[WIRE_END_READ] = "unreadable memory",
		[WIRE_END_RULE] = "a rule that cannot be evaluated",
		[WIRE_END_LOADING] = "table not loaded yet",
		[WIRE_END_LOOP] = "frames do not ascend",
		[WIRE_END_REGS] = "no registers",
		[WIRE_END_SHORT] = "stack larger than the snapshot",
	};

	return end < WIRE_END_MAX ? text[end] : "nonsense";
}

/* "99.9 %" only when it is so: never rounded up. */
static void print_percent(FILE *out, uint64_t part, uint64_t all)
{
	uint64_t hundredths = all ? part * 10000 / all : 0;

	if (all)
		fprintf(out, "%4" PRIu64 ".%02" PRIu64 "%%", hundredths / 100, hundredths % 100);
	else
		fprintf(out, "%8s", "-");
}

static void print_program(FILE *out, const struct verify_program *p, const char *name)
{
	fprintf(out, "%9" PRIu64 "  ", p->compared);
	print_percent(out, p->agreeing, p->compared);
	fprintf(out, "%9" PRIu64 "  ", p->stacks);
	print_percent(out, p->whole, p->stacks);
	fputs("  ", out);
	term_write(out, name, strlen(name), COLUMNS - 40, TERM_ELIDE_MIDDLE);
	fputc('\n', out);
}

static void describe(const struct verify_class *c, char *buf, size_t n)
{
	const char *walk = end_text(c->walk_end), *unwind = end_text(c->unwind_end);

	switch (c->kind) {
	case VERIFY_OTHER_FRAME:
		snprintf(buf, n, "different callers; the kernel's walk ends by: %s", walk);
		break;
	case VERIFY_WALK_CUT:
		snprintf(buf, n, "the kernel's walk ends (%s), libunwind goes on", walk);
		break;
	case VERIFY_UNWIND_CUT:
		snprintf(buf, n, "libunwind ends (%s), the kernel's walk goes on", unwind);
		break;
	case VERIFY_OTHER_END:
		snprintf(buf, n, "the same frames, other end: %s in the kernel, %s by libunwind",
			 walk, unwind);
		break;
	case VERIFY_LEFT:
		snprintf(buf, n, "the kernel leaves the rest to a snapshot: %s", walk);
		break;
	case VERIFY_SHORT:
		snprintf(buf, n, "the snapshot is too short: compared as far as it reaches");
		break;
	case VERIFY_GONE:
		snprintf(buf, n, "the process has other mappings now: not compared");
		break;
	default:
		snprintf(buf, n, "nonsense");
	}
}

/* A line of an example: "after /usr/lib/…/libc.so.6+0x27249". */
static void print_place(FILE *out, const struct verify *v, const char *what,
			const struct verify_place *p)
{
	const char *object = p->object ? strtab_get(&v->names, p->object) : "no mapping";
	char offset[24];

	snprintf(offset, sizeof(offset), "%c0x%" PRIx64, p->object ? '+' : ' ', p->offset);
	fprintf(out, "%*s%-10s", INDENT, "", what);
	term_write(out, object, strlen(object), COLUMNS - INDENT - 10 - strlen(offset),
		   TERM_ELIDE_MIDDLE);
	fprintf(out, "%s\n", offset);
}

static void print_class(FILE *out, const struct verify *v, const struct verify_class *c)
{
	char text[256];

	fprintf(out, "%9" PRIu64 "%9" PRIu64 "  ", c->frames, c->stacks);
	describe(c, text, sizeof(text));
	term_wrap(out, text, INDENT, COLUMNS, INDENT);
	fprintf(out, "%*s%-10s", INDENT, "", "example");
	term_write(out, c->comm, strlen(c->comm), 4 * WIRE_COMM, TERM_ELIDE_END);
	fprintf(out, " (%" PRIu32 ")\n", c->tgid);
	print_place(out, v, "after", &c->last);
	if (c->has_walked)
		print_place(out, v, "kernel", &c->walked);
	if (c->has_unwound)
		print_place(out, v, "libunwind", &c->unwound);
}

void verify_write(FILE *out, const struct verify *v, uint64_t samples, uint64_t duration_ns)
{
	fprintf(out,
		"%" PRIu64 " user stacks of %" PRIu64 " samples in %.1f s, unwound by the kernel's "
		"walk\nand by libunwind\n\n   frames     agree   stacks     whole  program\n",
		v->total.stacks, samples, (double)duration_ns / NSEC_PER_SEC);
	array_each(&v->programs, p)
		print_program(out, p, strtab_get(&v->names, p->name));
	print_program(out, &v->total, "(all)");
	if (v->classes.n || v->unlisted)
		fputs("\nnot agreeing, or not compared to the end\n   frames   stacks\n", out);
	array_each(&v->classes, c)
		print_class(out, v, c);
	if (v->unlisted)
		fprintf(out, "%18" PRIu64 "  others\n", v->unlisted);
	fputs(!v->total.compared ? "\nverdict   nothing was compared: no program ran\n"
	      : verify_passes(v) ? "\nverdict   at least 99.9 % of the frames agree\n"
				 : "\nverdict   less than 99.9 % of the frames agree\n",
	      out);
}
