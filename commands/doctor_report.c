/* SPDX-License-Identifier: Apache-2.0 */
/* What `wick doctor` says, for people and for programs. */
#include "doctor.h"

#include <string.h>

#include "jsontext.h"
#include "termtext.h"

#define COLUMNS 80
#define INDENT	10

const char *finding_state_name(enum finding_state state)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",
		[FINDING_LIMITED] = "limited",
		[FINDING_MISSING] = "missing",
		[FINDING_UNKNOWN] = "unknown",
	};

	return names[state];
}

/* --- as text --------------------------------------------------------------------------------- */

static const char *state_color(enum finding_state state, bool color)
{
	static const char *const colors[] = {
		[FINDING_OK] = "\033[32m",
		[FINDING_LIMITED] = "\033[33m",
		[FINDING_MISSING] = "\033[31m",
		[FINDING_UNKNOWN] = "\033[36m",
	};

	return color ? colors[state] : "";
}

/* @s from column INDENT on, where the cursor stands. */
static void paragraph(FILE *out, const char *s)
{
	term_wrap(out, s, INDENT, COLUMNS, INDENT);
}

static void print_commands(FILE *out, const char *commands)
{
	while (*commands) {
		size_t n = strcspn(commands, "\n");

		fprintf(out, "%*s$ %.*s\n", INDENT, "", (int)n, commands);
		commands += n + (commands[n] == '\n');
	}
}

static void print_finding(FILE *out, const char *name, const struct finding *f, bool color)
{
	/* Good news stay in the line; what is not as it should be gets a paragraph. */
	const bool one = f->state == FINDING_OK;
	char line[2048];

	fprintf(out, "%s%-*s%s", state_color(f->state, color), INDENT, finding_state_name(f->state),
		color ? "\033[0m" : "");
	snprintf(line, sizeof(line), "%s%s%s%s%s", name, *f->value ? ": " : "", f->value,
		 one && *f->meaning ? ". " : "", one ? f->meaning : "");
	paragraph(out, line);
	if (!one && *f->meaning) {
		fprintf(out, "%*s", INDENT, "");
		paragraph(out, f->meaning);
	}
	print_commands(out, f->remedy);
}

void doctor_write_text(FILE *out, const struct finding *findings, const struct verdict *v,
		       bool color)
{
	size_t n;
	const struct probe *probes = doctor_probes(&n);

	for (size_t i = 0; i < n; i++)
		print_finding(out, probes[i].name, &findings[i], color);
	fprintf(out, "\n%s%-*s%s", state_color(v->record_all ? FINDING_OK : FINDING_MISSING, color),
		INDENT, "verdict", color ? "\033[0m" : "");
	paragraph(out, v->summary);
	if (*v->command) {
		fprintf(out, "%*s%s\n", INDENT, "",
			v->record_all ? "What to do next:" : "What helps most:");
		print_commands(out, v->command);
	}
}

/* --- as JSON --------------------------------------------------------------------------------- */

static void print_json_string(FILE *out, const char *key, const char *s, const char *after)
{
	fprintf(out, "\"%s\": ", key);
	json_write_string(out, s, strlen(s));
	fputs(after, out);
}

void doctor_write_json(FILE *out, const struct finding *findings, const struct verdict *v)
{
	size_t n;
	const struct probe *probes = doctor_probes(&n);

	fprintf(out, "{\n  \"facts\": [\n");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "    {");
		print_json_string(out, "name", probes[i].name, ", ");
		print_json_string(out, "state", finding_state_name(findings[i].state), ",\n     ");
		print_json_string(out, "value", findings[i].value, ",\n     ");
		print_json_string(out, "meaning", findings[i].meaning, ",\n     ");
		print_json_string(out, "remedy", findings[i].remedy, i + 1 < n ? "},\n" : "}\n");
	}
	fprintf(out, "  ],\n  \"verdict\": {\"record_all\": %s,\n    ",
		v->record_all ? "true" : "false");
	print_json_string(out, "summary", v->summary, ",\n    ");
	print_json_string(out, "command", v->command, "}\n}\n");
}
