/* SPDX-License-Identifier: Apache-2.0 */
/* The end of every text view: what became of each sample, and how it was recorded. */
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "profile.h"
#include "termtext.h"
#include "textview.h"
#include "ticks.h"

static void say_reasons(struct sentence *t, const struct ticks_reasons *why)
{
	char buf[UNITS_TEXT_MAX];

	for (size_t i = 0; i < why->n; i++) {
		const struct ticks_reason *r = &why->items[i];

		say(t, "%s", i ? ", " : ": ");
		for (size_t k = 0; k < min_size(r->name_n, 60); k++)
			say(t, "%c", r->name[k] == '_' ? ' ' : r->name[k]);
		say(t, " %s", units_count(buf, r->n));
	}
	say(t, ".");
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* "12%", but never "0%" of what is there: half a per mille deserves its digits. */
static const char *percent_text(char buf[UNITS_TEXT_MAX], uint64_t part, uint64_t whole)
{
	double p = percent(part, whole);

	if (part && p < 0.01)
		snprintf(buf, UNITS_TEXT_MAX, "<0.01%%");
	else
		snprintf(buf, UNITS_TEXT_MAX, p < 1 ? "%.2f%%" : "%.1f%%", p);
	return buf;
}

static void write_warning(const struct textview *v, struct sentence *t)
{
	fputs(v->color ? SGR_WARM : "", v->out);
	textview_sentence(v, t);
	fputs(v->color ? SGR_END : "", v->out);
}

static void write_losses(const struct textview *v, const struct ticks *a)
{
	char n[UNITS_TEXT_MAX], whole[UNITS_TEXT_MAX], share[UNITS_TEXT_MAX];
	uint64_t wanted = a->lost > UINT64_MAX - a->recorded ? UINT64_MAX : a->recorded + a->lost;
	uint64_t missing = ticks_missing(a);
	struct sentence t = { 0 };

	if (a->lost) {
		say(&t, "warning: %s of %s samples (%s) were lost", units_count(n, a->lost),
		    units_count(whole, wanted), percent_text(share, a->lost, wanted));
		say_reasons(&t, &a->why_lost);
		write_warning(v, &t);
	}
	if (missing) {
		t = (struct sentence){ 0 };
		say(&t,
		    "warning: the account does not add up: nothing is known of %s of %s ticks (%s).",
		    units_count(n, missing), units_count(whole, a->ticks),
		    percent_text(share, missing, a->ticks));
		write_warning(v, &t);
	}
	if (a->truncated) {
		t = (struct sentence){ 0 };
		say(&t, "warning: %s of %s stacks (%s) are incomplete",
		    units_count(n, a->truncated), units_count(whole, a->recorded),
		    percent_text(share, a->truncated, a->recorded));
		say_reasons(&t, &a->why_truncated);
		write_warning(v, &t);
	}
}

static void write_ticks(const struct textview *v)
{
	char n[UNITS_TEXT_MAX];
	struct sentence t = { 0 };
	struct ticks a;

	if (!ticks_read(&a, v->p))
		return;
	say(&t, "%s ticks: ", units_count(n, a.ticks));
	say(&t, "%s recorded, ", units_count(n, a.recorded));
	say(&t, "%s idle, ", units_count(n, a.idle));
	say(&t, "%s filtered, ", units_count(n, a.filtered));
	if (a.lost)
		say(&t, "%s lost.", units_count(n, a.lost));
	else
		say(&t, "none lost%s.", a.truncated || !a.recorded ? "" : ", every stack complete");
	fputc('\n', v->out);
	textview_sentence(v, &t);
	write_losses(v, &a);
}

/* "wick: filter: …", as every note that is no account has its subject; NULL for anything else. */
static const char *note_of(const char *comment)
{
	static const char prefix[] = "wick: ";
	const char *text = comment + strlen(prefix);

	if (strncmp(comment, prefix, strlen(prefix)) != 0)
		return NULL;
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz")] == ':' ? text : NULL;
}

/* What wick left in comments beside the account: how it was recorded, what was left out. Those of
 * others may say anything. */
static void write_notes(const struct textview *v)
{
	array_each(&v->p->comments, id) {
		const char *text = textview_string(v, *id), *note = note_of(text);

		if (note)
			textview_say(v, "%s", note);
		else if (strncmp(text, "wick ", 5) == 0)
			textview_say(v, "recorded by %s", text);
	}
}

void textview_account(const struct textview *v)
{
	write_ticks(v);
	write_notes(v);
}
