/* SPDX-License-Identifier: Apache-2.0 */
#include "symprint.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addrreader.h"
#include "jsontext.h"
#include "shortname.h"
#include "symbolize.h"
#include "termtext.h"
#include "workers.h"

enum {
	AHEAD = 4,    /* answers */
	LINE = 64,    /* bytes that come from memory at once; long names are two or more */
	SLICE = 1024, /* answers that a thread takes at a time: about half of SYMPRINT_BUF */
	FRAMES_WORTH = 8 << 10, /* for which another thread is started */
};

/* 1 in each byte of a number. */
#define BYTES UINT64_C(0x0101010101010101)

static const char no_address[] = "not an address";

/* --- turns ------------------------------------------------------------------------------------ */

/* Slices of a batch become text on several threads and are written in their order. */
struct symprint_turns {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t now; /* the number of the slice that is written */
};

static void await_turn(const struct symprint *p)
{
	struct symprint_turns *t = p->turns;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	while (t->now != p->turn)
		pthread_cond_wait(&t->moved, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

/* The slice of @p has been written. */
static void end_turn(struct symprint *p)
{
	struct symprint_turns *t = p->turns;

	pthread_mutex_lock(&t->lock);
	t->now++;
	pthread_cond_broadcast(&t->moved);
	pthread_mutex_unlock(&t->lock);
}

/* --- pieces ---------------------------------------------------------------------------------- */

static void flush(struct symprint *p)
{
	await_turn(p);
	errno = 0;
	if (fwrite_unlocked(p->buf, 1, p->n, p->out) < p->n && !p->unwritten)
		p->unwritten = errno ? -errno : -EIO;
	p->n = 0;
}

static __attribute__((noinline)) void put_long(struct symprint *p, const char *s, size_t n)
{
	for (size_t room; n > (room = SYMPRINT_BUF - p->n); s += room, n -= room) {
		memcpy(p->buf + p->n, s, room);
		p->n = SYMPRINT_BUF;
		flush(p);
	}
	memcpy(p->buf + p->n, s, n);
	p->n += n;
}

static inline void put_bytes(struct symprint *p, const char *s, size_t n)
{
	if (n > SYMPRINT_BUF - p->n) {
		put_long(p, s, n);
		return;
	}
	memcpy(p->buf + p->n, s, n);
	p->n += n;
}

/* Foreign text, made harmless. */
static void put_foreign(struct symprint *p, const char *s, size_t n)
{
	flush(p);
	term_write(p->out, s, n, SIZE_MAX, TERM_ELIDE_END);
}

static inline void put(struct symprint *p, const char *s)
{
	put_bytes(p, s, strlen(s));
}

/* The digits of @v, the first one in the lowest byte: eight at a time in the bytes of a number. */
static uint64_t hex_digits(uint32_t v)
{
	uint64_t x = __builtin_bswap32(v), above_9;

	x = (x | x << 16) & 0x0000ffff0000ffff;
	x = (x | x << 8) & 0x00ff00ff00ff00ff;
	x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0f;
	above_9 = (x + 6 * BYTES) >> 4 & BYTES;
	return x + '0' * BYTES + ('a' - '0' - 10) * above_9;
}

/* "0x1f", with zeros to @digits. */
static void put_hex(struct symprint *p, uint64_t v, size_t digits)
{
	const uint64_t text[2] = { htole64(hex_digits((uint32_t)(v >> 32))),
				   htole64(hex_digits((uint32_t)v)) };
	size_t n = v ? 16 - (size_t)__builtin_clzll(v) / 4 : 1;

	if (n < digits)
		n = digits;
	put_bytes(p, "0x", 2);
	put_bytes(p, (const char *)text + sizeof(text) - n, n);
}

static void put_number(struct symprint *p, uint32_t v)
{
	char buf[10], *end = buf + sizeof(buf), *s = end;

	do
		*--s = (char)('0' + v % 10);
	while (v /= 10);
	put_bytes(p, s, (size_t)(end - s));
}

/*
 * Whether all bytes are printable ASCII; eight at a time: names are most of what is printed. A byte
 * below a space borrows its upper bit, 0x7f carries into it; what neighbours borrow or carry only
 * makes it say no to what the loop then looks at.
 */
static bool is_plain(const char *s, size_t n)
{
	uint64_t v;

	for (; n >= sizeof(v); s += sizeof(v), n -= sizeof(v)) {
		memcpy(&v, s, sizeof(v));
		if ((v | (v - BYTES * ' ') | (v + BYTES)) & BYTES << 7)
			break;
	}
	for (; n > 0; s++, n--)
		if (*s < ' ' || *s >= 0x7f)
			return false;
	return true;
}

/* A foreign name. Nearly all are plain ASCII, which is harmless and cheap to find out. */
static void put_name(struct symprint *p, const char *s)
{
	size_t n = strlen(s);

	if ((p->form == SYMPRINT_ADDR2LINE && !p->to_terminal) || is_plain(s, n))
		put_bytes(p, s, n);
	else
		put_foreign(p, s, n);
}

static const char *or_unknown(const char *s)
{
	return *s ? s : "??";
}

/* --- forms ----------------------------------------------------------------------------------- */

static void text_place(struct symprint *p, const char *file, uint32_t line)
{
	if (!*file)
		return;
	put(p, " at ");
	put_name(p, file);
	if (line) {
		put(p, ":");
		put_number(p, line);
	}
}

static void text_answer(struct symprint *p, uint64_t addr, const struct sym_batch *b,
			const struct sym_answer *a)
{
	put_hex(p, addr, 1);
	put(p, "\n");
	for (uint32_t i = 0; i < a->frame_n; i++) {
		const struct sym_frame *f = &b->frames[a->frame_first + i];

		put(p, "    ");
		put_name(p, or_unknown(b->strings + f->name));
		text_place(p, b->strings + f->file, f->line);
		put(p, i + 1 < a->frame_n ? " (inlined)\n" : "\n");
	}
	if (a->frame_n == 0) {
		put(p, "    ?? (");
		put(p, sym_reason_text(a->reason));
		put(p, ")\n");
	}
	put(p, "\n");
}

static void text_wrong(struct symprint *p, const char *s, size_t n)
{
	put_foreign(p, s, n);
	put(p, "\n    ?? (");
	put(p, no_address);
	put(p, ")\n\n");
}

/* A line without a number is "?" there when the function is known, 0 when nothing is. */
static void addr2line_answer(struct symprint *p, uint64_t addr, const struct sym_batch *b,
			     const struct sym_answer *a)
{
	put_hex(p, addr, 16);
	put(p, "\n");
	for (uint32_t i = 0; i < a->frame_n; i++) {
		const struct sym_frame *f = &b->frames[a->frame_first + i];

		put_name(p, or_unknown(b->strings + f->name));
		if (!f->line && !b->strings[f->file]) {
			put(p, "\n??:?\n"); /* nothing but symbols: each of them */
			continue;
		}
		put(p, "\n");
		put_name(p, or_unknown(b->strings + f->file));
		put(p, ":");
		if (f->line)
			put_number(p, f->line);
		else
			put(p, "?");
		put(p, "\n");
	}
	if (a->frame_n == 0)
		put(p, "??\n??:0\n");
}

static void json_string(struct symprint *p, const char *key, const char *s, size_t n)
{
	put(p, key);
	flush(p);
	json_write_string(p->out, s, n);
}

static int json_frame(struct symprint *p, const struct sym_batch *b, const struct sym_frame *f)
{
	const char *name = b->strings + f->name, *system_name = b->strings + f->system_name;
	const char *file = b->strings + f->file;
	size_t n = strlen(name);

	if (array_reserve(&p->shorter, n + 1) < 0)
		return -ENOMEM;
	json_string(p, "{\"function\":", name, n);
	n = short_name(name, n, p->shorter.items);
	json_string(p, ",\"short\":", p->shorter.items, n);
	json_string(p, ",\"system_name\":", system_name, strlen(system_name));
	json_string(p, ",\"file\":", file, strlen(file));
	put(p, ",\"line\":");
	put_number(p, f->line);
	put(p, ",\"start_line\":");
	put_number(p, f->start_line);
	put(p, "}");
	return 0;
}

static int json_answer(struct symprint *p, uint64_t addr, const struct sym_batch *b,
		       const struct sym_answer *a)
{
	put(p, "{\"address\":\"");
	put_hex(p, addr, 1);
	put(p, "\",\"frames\":[");
	for (uint32_t i = 0; i < a->frame_n; i++) {
		int r;

		if (i)
			put(p, ",");
		r = json_frame(p, b, &b->frames[a->frame_first + i]);
		if (r < 0)
			return r;
	}
	put(p, "],\"reason\":\"");
	put(p, sym_reason_text(a->reason));
	put(p, "\"}\n");
	return 0;
}

static void json_wrong(struct symprint *p, const char *s, size_t n)
{
	json_string(p, "{\"address\":", s, n);
	put(p, ",\"frames\":[],\"reason\":\"");
	put(p, no_address);
	put(p, "\"}\n");
}

/* --------------------------------------------------------------------------------------------- */

static void print_wrong(struct symprint *p, const char *s, size_t n)
{
	if (p->form == SYMPRINT_JSON)
		json_wrong(p, s, n);
	else
		text_wrong(p, s, n);
}

static int print_answer(struct symprint *p, uint64_t addr, const struct sym_batch *b,
			const struct sym_answer *a)
{
	switch (p->form) {
	case SYMPRINT_JSON:
		return json_answer(p, addr, b, a);
	case SYMPRINT_ADDR2LINE:
		addr2line_answer(p, addr, b, a);
		return 0;
	case SYMPRINT_TEXT:
		break;
	}
	text_answer(p, addr, b, a);
	return 0;
}

/*
 * Answers lie in the order of addresses and are asked for in any: what the one behind @i needs is
 * on its way from memory while others are written.
 */
static void fetch_ahead(const struct sym_batch *b, size_t i, size_t n)
{
	const struct sym_answer *a;

	if (i + 2 * AHEAD < n)
		__builtin_prefetch(b->frames + b->answers[i + 2 * AHEAD].frame_first);
	if (i + AHEAD >= n)
		return;
	a = &b->answers[i + AHEAD];
	for (uint32_t k = 0; k < a->frame_n; k++) {
		const char *name = b->strings + b->frames[a->frame_first + k].name;

		__builtin_prefetch(name);
		__builtin_prefetch(name + LINE);
		__builtin_prefetch(b->strings + b->frames[a->frame_first + k].file);
	}
}

/* Makes text of the answers from @first up to @end. */
static int print_some(struct symprint *p, const struct addr_batch *q, const struct sym_batch *a,
		      size_t first, size_t end)
{
	size_t wrong = 0;
	int r = 0;

	if (!p->buf && !(p->buf = malloc(SYMPRINT_BUF)))
		return -ENOMEM;
	while (wrong < q->wrong.n && q->wrong.items[wrong].i < first)
		wrong++;
	for (size_t i = first; i < end && r == 0; i++) {
		fetch_ahead(a, i, q->addrs.n);
		if (wrong < q->wrong.n && q->wrong.items[wrong].i == i) {
			const struct addr_wrong *w = &q->wrong.items[wrong++];

			print_wrong(p, q->texts.items + w->text, w->n);
		} else {
			r = print_answer(p, q->addrs.items[i], a, &a->answers[i]);
		}
	}
	flush(p);
	return r;
}

/* A batch that several threads write. */
struct many {
	const struct addr_batch *q;
	const struct sym_batch *a;
	struct symprint_turns turns;
	atomic_size_t next; /* slice */
	struct {
		struct symprint print;
		int error;
	} workers[WORKERS_MAX];
};

static void print_slices(void *ctx, unsigned number)
{
	struct many *m = ctx;
	struct symprint *p = &m->workers[number].print;
	size_t n = m->q->addrs.n, first;

	while ((first = (p->turn = atomic_fetch_add(&m->next, 1)) * SLICE) < n) {
		size_t end = n - first < SLICE ? n : first + SLICE;
		int r = print_some(p, m->q, m->a, first, end);

		if (r < 0)
			m->workers[number].error = r;
		await_turn(p); /* nothing was written when memory is short */
		end_turn(p);
	}
}

/* As symprint_batch(), on @n threads. */
static int print_apart(struct symprint *p, const struct addr_batch *q, const struct sym_batch *a,
		       unsigned n)
{
	struct many m = { .q = q,
			  .a = a,
			  .turns = { .lock = PTHREAD_MUTEX_INITIALIZER,
				     .moved = PTHREAD_COND_INITIALIZER } };
	int r = 0;

	for (unsigned i = 0; i < n; i++) {
		m.workers[i].print = (struct symprint){ .out = p->out,
							.form = p->form,
							.to_terminal = p->to_terminal,
							.turns = &m.turns };
	}
	workers_run(n, print_slices, &m);
	for (unsigned i = 0; i < n; i++) {
		if (m.workers[i].error < 0)
			r = m.workers[i].error;
		if (!p->unwritten)
			p->unwritten = m.workers[i].print.unwritten;
		symprint_done(&m.workers[i].print);
	}
	return r;
}

int symprint_batch(struct symprint *p, const struct addr_batch *q, const struct sym_batch *a)
{
	size_t n = (a->n_frames > q->addrs.n ? a->n_frames : q->addrs.n) / FRAMES_WORTH + 1;

	if (n > p->threads)
		n = p->threads;
	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	return n > 1 ? print_apart(p, q, a, (unsigned)n) : print_some(p, q, a, 0, q->addrs.n);
}

void symprint_done(struct symprint *p)
{
	free(p->buf);
	array_free(&p->shorter);
}
