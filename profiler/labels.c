/* SPDX-License-Identifier: Apache-2.0 */
#include "labels.h"

#include <errno.h>
#include <string.h>

#include "array.h"
#include "err.h"

static const struct {
	const char *key;
	bool is_number, of_process;
} labels[LABEL_MAX] = {
#define LABEL_ROW(name, key, is_num, of_process) { key, is_num, of_process },
	LABELS(LABEL_ROW)
#undef LABEL_ROW
};

void label_set_clear(struct label_set *s)
{
	memset(s, 0xff, sizeof(*s));
}

const char *label_key(enum label l)
{
	return labels[l].key;
}

bool label_is_number(enum label l)
{
	return labels[l].is_number;
}

enum label label_by_key(const char *key)
{
	size_t l = 0;

	while (l < LABEL_MAX && (!*key || strcmp(labels[l].key, key) != 0))
		l++;
	return (enum label)l;
}

static uint32_t of_process(void)
{
	uint32_t mask = 0;

	for (size_t l = 0; l < LABEL_MAX; l++)
		if (labels[l].of_process)
			mask |= LABEL_BIT(l);
	return mask;
}

uint32_t labels_default_split(void)
{
	return of_process() | LABEL_BIT(LABEL_TID) | LABEL_BIT(LABEL_THREAD_COMM);
}

/* The mask of one word of --by, 0 when there is no such word. */
static uint32_t split_of(const char *word, size_t n)
{
	const struct {
		const char *word;
		uint32_t mask;
	} words[] = {
		{ "process", of_process() },
		{ "thread", labels_default_split() },
		{ "container", LABEL_BIT(LABEL_CONTAINER) },
		{ "cgroup", LABEL_BIT(LABEL_CGROUP) },
		{ "comm", LABEL_BIT(LABEL_COMM) },
		{ "uid", LABEL_BIT(LABEL_UID) },
		{ "time", LABEL_BIT(LABEL_TIME) },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].word) == n && memcmp(words[i].word, word, n) == 0)
			return words[i].mask;
	return 0;
}

int labels_parse_split(const char *text, uint32_t *mask, struct err *e)
{
	uint32_t all = 0;

	for (const char *word = text;; word++) {
		size_t n = strcspn(word, ",");
		uint32_t one = split_of(word, n);

		if (!one)
			return err_set(e, -EINVAL,
				       "'%.*s' is nothing to split samples by; --by wants some of "
				       "process, thread, container, cgroup, comm, uid, time",
				       (int)n, word);
		all |= one;
		word += n;
		if (!*word)
			break;
	}
	*mask |= all;
	return 0;
}

struct label_set label_set_masked(const struct label_set *s, uint32_t mask)
{
	struct label_set r;

	for (size_t l = 0; l < LABEL_MAX; l++)
		r.v[l] = mask & LABEL_BIT(l) ? s->v[l] : LABEL_NONE;
	return r;
}
