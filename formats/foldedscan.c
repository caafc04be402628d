/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batches go round a ring. A batch ends with the last whole line that was read; what the source
 * gave of the next line is copied to the batch after it.
 */
#include "foldedscan.h"

#include <pthread.h>
#include <string.h>

#include "foldedcount.h"
#include "framescan.h"
#include "hindex.h"
#include "threadstart.h"

#define LINE_MAX_BYTES ((size_t)16 << 20) /* 500 frames of 32 KB: no program has them */
#define CHUNK	       ((size_t)256 << 10)
#define BATCHES	       4
#define SMALL	       ((size_t)2 << 20) /* a thread is not worth it for less */

struct foldedscan {
	const struct source *in;
	size_t so_far; /* bytes that were read */
	size_t line_no;
	int64_t carry; /* what rounding left of the counts so far */
	bool eof;
	struct hindex ids; /* of pieces, by frame_hash() */
	bool has_thread;
	pthread_t thread;
	/* Shared. The caller has the batch before number taken, those up to filled wait for it. */
	pthread_mutex_t lock;
	pthread_cond_t filled_more, taken_more;
	uint64_t filled, taken;
	bool is_over;
	struct folded_batch batches[BATCHES];
};

/* --- text ------------------------------------------------------------------------------------- */

/* Begins the text of batch number filled with what the batch before has no use for. */
static int take_rest(struct foldedscan *s, struct folded_batch *b)
{
	const struct folded_batch *before = &s->batches[(s->filled + BATCHES - 1) % BATCHES];
	size_t n = before->text.n - before->used;

	b->text.n = 0;
	if (array_reserve(&b->text, n + CHUNK + FRAMESCAN_SLACK) < 0)
		return -ENOMEM;
	if (n)
		memcpy(b->text.items, before->text.items + before->used, n);
	b->text.n = n;
	return 0;
}

/* Reads until there are whole lines and not few of them, or all there is. What was read before an
 * error is there. */
static int read_text(struct foldedscan *s, struct folded_batch *b)
{
	int r = take_rest(s, b);

	b->used = 0;
	while (r == 0 && !s->eof && (!b->used || b->text.n < CHUNK)) {
		char *to, *end;
		ssize_t got;

		if (!b->used && b->text.n >= LINE_MAX_BYTES)
			return err_set(&b->why, -EBADMSG, "line %zu is longer than 16 MiB",
				       s->line_no + 1);
		if (array_reserve(&b->text, CHUNK + FRAMESCAN_SLACK) < 0)
			return -ENOMEM;
		to = b->text.items + b->text.n;
		got = source_read(s->in, to, CHUNK);
		if (got < 0)
			return (int)got;
		b->text.n += (size_t)got;
		s->so_far += (size_t)got;
		s->eof = got == 0;
		end = memrchr(to, '\n', (size_t)got);
		if (end)
			b->used = (size_t)(end + 1 - b->text.items);
	}
	if (s->eof)
		b->used = b->text.n;
	return r;
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Splits the count from the end of a line. */
static int split_count(struct foldedscan *s, struct folded_batch *b, const char *line, size_t *n,
		       int64_t *ret)
{
	int r = folded_take_count(line, n, &s->carry, ret);

	if (r == -EINVAL)
		return err_set(&b->why, -EBADMSG,
			       "line %zu does not end in a space and a number, as folded stacks do",
			       s->line_no);
	return r < 0 ? err_set(&b->why, -EBADMSG, "the count in line %zu is too large", s->line_no)
		     : 0;
}

/* The first 32 bits of @hash are what tells pieces apart. */
static int find_id(struct foldedscan *s, uint64_t hash, uint32_t *ret)
{
	hindex_each(&s->ids, hash, i) {
		*ret = i;
		return 0;
	}
	*ret = (uint32_t)s->ids.n;
	return hindex_add(&s->ids, hash, *ret);
}

/* The pieces of a stack, up to the ';' at @end. */
static int split_pieces(struct foldedscan *s, struct folded_batch *b, const char *text,
			const char *end)
{
	for (;; text++) {
		struct folded_piece piece;
		uint64_t hash;
		size_t n = framescan(text, &hash);

		piece.n = (uint32_t)n;
		if (find_id(s, hash, &piece.id) < 0 || array_push(&b->pieces, piece) < 0)
			return -ENOMEM;
		text += n;
		if (text == end)
			return 0;
	}
}

static int scan_line(struct foldedscan *s, struct folded_batch *b, char *line, size_t n)
{
	struct folded_stack stack = { .off = (uint32_t)(line - b->text.items) };
	size_t before = b->pieces.n;
	int r;

	while (n && strchr(" \t\r", line[n - 1]) && line[n - 1])
		n--;
	if (n == 0 || line[0] == '#')
		return 0;
	r = split_count(s, b, line, &n, &stack.count);
	if (r < 0 || stack.count == 0)
		return r;
	line[n] = ';'; /* where the space before the count is: so every frame ends the same */
	r = split_pieces(s, b, line, line + n);
	if (r < 0)
		return r;
	stack.n = (uint32_t)(b->pieces.n - before);
	return array_push(&b->stacks, stack);
}

/* Behind the mark of the byte order that some editors begin a text with; texts are put behind one another,
 * so any line may begin like that. */
static char *skip_mark(char *line, const char *end)
{
	static const char mark[3] = "\xef\xbb\xbf";

	for (char *p = line;; p = line) {
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if ((size_t)(end - p) < sizeof(mark) || memcmp(p, mark, sizeof(mark)) != 0)
			return line;
		line = p + sizeof(mark);
	}
}

static int scan_lines(struct foldedscan *s, struct folded_batch *b)
{
	char *line = b->text.items, *limit = line + b->used;
	int r = 0;

	while (r == 0 && line < limit) {
		size_t left = (size_t)(limit - line);
		char *end = memchr(line, '\n', left);

		if (!end)
			end = limit;
		s->line_no++;
		line = skip_mark(line, end);
		r = scan_line(s, b, line, (size_t)(end - line));
		line = end + 1;
	}
	return r;
}

static void scan_batch(struct foldedscan *s, struct folded_batch *b)
{
	int r, read;

	b->stacks.n = b->pieces.n = 0;
	b->why.text[0] = '\0';
	read = read_text(s, b);
	r = scan_lines(s, b);
	b->ids = (uint32_t)s->ids.n;
	b->then = r < 0 ? r : read < 0 ? read : !s->eof;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *scan_batches(void *ctx)
{
	struct foldedscan *s = ctx;
	struct folded_batch *b;

	pthread_mutex_lock(&s->lock);
	do {
		while (!s->is_over && s->filled - s->taken == BATCHES - 1)
			pthread_cond_wait(&s->taken_more, &s->lock);
		if (s->is_over)
			break;
		pthread_mutex_unlock(&s->lock);
		b = &s->batches[s->filled % BATCHES];
		scan_batch(s, b);
		pthread_mutex_lock(&s->lock);
		s->filled++;
		pthread_cond_signal(&s->filled_more);
	} while (b->then > 0);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int foldedscan_new(struct foldedscan **ret, const struct source *in)
{
	struct foldedscan *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->in = in;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->filled_more, NULL);
	pthread_cond_init(&s->taken_more, NULL);
	*ret = s;
	return 0;
}

const struct folded_batch *foldedscan_next(struct foldedscan *s)
{
	if (!s->has_thread && s->so_far >= SMALL)
		s->has_thread = thread_start(&s->thread, scan_batches, s) == 0;
	if (!s->has_thread) {
		scan_batch(s, &s->batches[s->filled % BATCHES]);
		s->filled++;
		return &s->batches[s->taken++ % BATCHES];
	}
	pthread_mutex_lock(&s->lock);
	while (s->filled == s->taken)
		pthread_cond_wait(&s->filled_more, &s->lock);
	s->taken++;
	pthread_cond_signal(&s->taken_more);
	pthread_mutex_unlock(&s->lock);
	return &s->batches[(s->taken - 1) % BATCHES];
}

void foldedscan_free(struct foldedscan *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_over = true;
	pthread_cond_signal(&s->taken_more);
	pthread_mutex_unlock(&s->lock);
	if (s->has_thread)
		pthread_join(s->thread, NULL);
	for (size_t i = 0; i < BATCHES; i++) {
		array_free(&s->batches[i].text);
		array_free(&s->batches[i].stacks);
		array_free(&s->batches[i].pieces);
	}
	hindex_free(&s->ids);
	pthread_cond_destroy(&s->taken_more);
	pthread_cond_destroy(&s->filled_more);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
