/* SPDX-License-Identifier: Apache-2.0 */
#include "dwparts.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "threadstart.h"

enum { SLOTS = 3 }; /* one is answered, one is found, and one waits for whoever is slower */

struct dwparts {
	struct symobject *o;
	const uint64_t *addrs;
	size_t n;
	size_t max;  /* distinct addresses of a part */
	size_t next; /* number of the address that the next part begins with; the finder's */
	struct dwpart slots[SLOTS];

	bool has_finder;
	pthread_t finder;
	pthread_mutex_t lock; /* for all that follows */
	pthread_cond_t moved;
	size_t n_found, n_given, n_free; /* parts: all found, handed out, and of these done with */
	bool is_end;			 /* no more are found */
	bool is_over;			 /* no more are wanted */
};

/* Makes @part what is asked for from the next address on. */
static void take_part(struct dwparts *p, struct dwpart *part)
{
	const uint64_t *addrs = p->addrs;

	part->n = 0;
	part->frames.frames.n = 0;
	part->frames.goes_on = p->next > 0;
	part->first = part->end = p->next;
	for (; part->end < p->n; part->end++) {
		bool again = part->end > part->first && addrs[part->end] == addrs[part->end - 1];

		if (!again && part->n == p->max)
			break;
		if (!again)
			part->queries[part->n++] = (struct dwquery){ .addr = addrs[part->end] };
	}
	p->next = part->end;
}

static void find_part(struct dwparts *p, struct dwpart *part)
{
	take_part(p, part);
	part->error = symobject_find(p->o, part->queries, part->n, &part->frames);
}

static void *find_all(void *arg)
{
	struct dwparts *p = arg;

	pthread_mutex_lock(&p->lock);
	while (p->next < p->n && !p->is_over) {
		struct dwpart *part = &p->slots[p->n_found % SLOTS];

		if (p->n_found - p->n_free == SLOTS) {
			pthread_cond_wait(&p->moved, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		find_part(p, part);
		pthread_mutex_lock(&p->lock);
		p->n_found++;
		pthread_cond_signal(&p->moved);
	}
	p->is_end = true;
	pthread_cond_signal(&p->moved);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool is_apart(const struct dwparts *p)
{
	return p->n > p->max && p->o->dwarf && dwobject_answers_apart(p->o->dwarf);
}

int dwparts_new(struct symobject *o, const uint64_t *addrs, size_t n, struct dwparts **ret)
{
	struct dwparts *p = malloc(sizeof(*p));
	size_t slots;

	if (!p)
		return -ENOMEM;
	*p = (struct dwparts){ .o = o,
			       .addrs = addrs,
			       .n = n,
			       .max = symobject_at_once(o, n),
			       .lock = PTHREAD_MUTEX_INITIALIZER,
			       .moved = PTHREAD_COND_INITIALIZER };
	slots = is_apart(p) ? SLOTS : 1;
	for (size_t i = 0; i < slots; i++) {
		p->slots[i].frames.room = &p->slots[i].room;
		p->slots[i].queries = malloc((p->max + 1) * sizeof(*p->slots[i].queries));
		if (!p->slots[i].queries) {
			dwparts_free(p);
			return -ENOMEM;
		}
	}
	if (slots > 1)
		p->has_finder = thread_start(&p->finder, find_all, p) == 0;
	*ret = p;
	return 0;
}

/* The part that was given last is free; waits for the next one: NULL when there is none. */
static const struct dwpart *await_part(struct dwparts *p)
{
	const struct dwpart *part = NULL;

	pthread_mutex_lock(&p->lock);
	p->n_free = p->n_given;
	pthread_cond_signal(&p->moved);
	while (p->n_found == p->n_given && !p->is_end)
		pthread_cond_wait(&p->moved, &p->lock);
	if (p->n_found > p->n_given)
		part = &p->slots[p->n_given++ % SLOTS];
	pthread_mutex_unlock(&p->lock);
	return part;
}

int dwparts_next(struct dwparts *p, const struct dwpart **ret)
{
	*ret = NULL;
	if (p->has_finder) {
		*ret = await_part(p);
	} else if (p->next < p->n) {
		find_part(p, &p->slots[0]);
		*ret = &p->slots[0];
	}
	if (!*ret)
		return 0;
	return (*ret)->error < 0 ? (*ret)->error : 1;
}

void dwparts_free(struct dwparts *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_over = true;
	pthread_cond_signal(&p->moved);
	pthread_mutex_unlock(&p->lock);
	if (p->has_finder)
		pthread_join(p->finder, NULL);
	for (size_t i = 0; i < SLOTS; i++) {
		free(p->slots[i].queries);
		free(p->slots[i].room.p);
		array_free(&p->slots[i].frames.frames);
	}
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
