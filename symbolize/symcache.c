/* SPDX-License-Identifier: Apache-2.0 */
#include "symcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

int symcache_init(struct symcache *c, size_t max_bytes)
{
	*c = (struct symcache){ .max_bytes = max_bytes, .look_ns = SYMCACHE_LOOK_NS };
	c->slots = calloc(SYMCACHE_OBJECTS, sizeof(*c->slots));
	return c->slots ? 0 : -ENOMEM;
}

static void drop(struct symcache *c, struct symcache_slot *s)
{
	c->stats.bytes -= s->bytes;
	c->stats.objects--;
	symobject_done(&s->object);
	s->used = 0;
}

void symcache_done(struct symcache *c)
{
	for (size_t i = 0; c->slots && i < SYMCACHE_OBJECTS; i++)
		if (c->slots[i].used)
			drop(c, &c->slots[i]);
	free(c->slots);
	*c = (struct symcache){ 0 };
}

static uint64_t ns(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * NSEC_PER_SEC + (uint64_t)ts->tv_nsec;
}

/* False when @fd tells nothing: what is loaded from it then cannot be kept apart. */
static bool make_key(int fd, const char *build_id, struct symcache_key *ret)
{
	size_t n = strlen(build_id);
	struct stat st;

	memset(ret, 0, sizeof(*ret)); /* compared as bytes */
	if (fstat(fd, &st) < 0)
		return false;
	ret->size = (uint64_t)st.st_size;
	if (n > 0 && n < sizeof(ret->build_id)) {
		memcpy(ret->build_id, build_id, n);
		return true;
	}
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->mtime_ns = ns(&st.st_mtim);
	ret->ctime_ns = ns(&st.st_ctim);
	return true;
}

static struct symcache_slot *least_used(struct symcache *c)
{
	struct symcache_slot *least = NULL;

	for (size_t i = 0; i < SYMCACHE_OBJECTS; i++)
		if (c->slots[i].used && (!least || c->slots[i].used < least->used))
			least = &c->slots[i];
	return least;
}

static void evict(struct symcache *c)
{
	drop(c, least_used(c));
	c->stats.evictions++;
}

static struct symcache_slot *find(struct symcache *c, const struct symcache_key *key)
{
	for (size_t i = 0; i < SYMCACHE_OBJECTS; i++)
		if (c->slots[i].used && memcmp(&c->slots[i].key, key, sizeof(*key)) == 0)
			return &c->slots[i];
	return NULL;
}

static struct symcache_slot *free_slot(struct symcache *c)
{
	if (c->stats.objects == SYMCACHE_OBJECTS)
		evict(c);
	for (size_t i = 0;; i++)
		if (!c->slots[i].used)
			return &c->slots[i];
}

/* Counts what the object in @s holds. */
static void count(struct symcache *c, struct symcache_slot *s)
{
	c->stats.bytes -= s->bytes;
	c->stats.no_split -= s->flaws.no_split;
	c->stats.no_alt -= s->flaws.no_alt;
	c->stats.broken -= s->flaws.broken;
	c->stats.limited -= s->flaws.limited;
	s->bytes = symobject_bytes(&s->object);
	s->flaws = symobject_flaws(&s->object);
	c->stats.bytes += s->bytes;
	c->stats.no_split += s->flaws.no_split;
	c->stats.no_alt += s->flaws.no_alt;
	c->stats.broken += s->flaws.broken;
	c->stats.limited += s->flaws.limited;
}

/* What an object was loaded without may be there by now. Without memory it stays as it is. */
static void refresh(struct symcache *c, struct symcache_slot *s, int fd,
		    const struct symobject_opts *opts)
{
	uint64_t now = clock_mono_ns();
	bool look = now - s->looked_ns >= c->look_ns;

	if (look)
		s->looked_ns = now;
	if (symobject_refresh(&s->object, fd, opts, look) != 1)
		return;
	c->stats.loads++;
	count(c, s);
}

int symcache_get(struct symcache *c, int fd, const char *build_id,
		 const struct symobject_opts *opts, struct symobject **ret)
{
	struct symcache_slot *s;
	struct symobject o;
	struct symcache_key key;
	int r;

	s = make_key(fd, build_id, &key) ? find(c, &key) : NULL;
	if (s) {
		c->stats.hits++;
		refresh(c, s, fd, opts);
	} else {
		r = symobject_load(fd, opts, &o);
		if (r < 0)
			return r;
		c->stats.loads++;
		s = free_slot(c);
		s->key = key;
		s->object = o;
		s->looked_ns = clock_mono_ns();
		s->bytes = 0;
		s->flaws = (struct symobject_flaws){ 0 };
		c->stats.objects++;
		count(c, s);
	}
	s->used = ++c->uses;
	*ret = &s->object;
	return 0;
}

struct symobject *symcache_peek(struct symcache *c, int fd, const char *build_id)
{
	struct symcache_key key;
	struct symcache_slot *s = make_key(fd, build_id, &key) ? find(c, &key) : NULL;

	return s ? &s->object : NULL;
}

void symcache_forget(struct symcache *c, const struct symobject *o)
{
	for (size_t i = 0; i < SYMCACHE_OBJECTS; i++)
		if (c->slots[i].used && &c->slots[i].object == o)
			drop(c, &c->slots[i]);
}

void symcache_count(struct symcache *c, const struct symobject *o)
{
	for (size_t i = 0; i < SYMCACHE_OBJECTS; i++) {
		struct symcache_slot *s = &c->slots[i];

		if (s->used && &s->object == o)
			count(c, s);
	}
}

void symcache_trim(struct symcache *c)
{
	while (c->stats.objects > 0 && c->stats.bytes > c->max_bytes)
		evict(c);
}
