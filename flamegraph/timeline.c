/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "profile.h"
#include "saturate.h"

/* The time of sample @i: whether it has one. */
static bool time_of(const struct profile *p, size_t i, uint32_t key, uint64_t *ret)
{
	const struct profile_sample *s = &p->samples.items[i];

	for (uint32_t k = 0; k < s->label_n; k++) {
		const struct profile_label *l = &p->labels.items[s->label_first + k];

		if (l->key == key && l->is_num && l->num >= 0) {
			*ret = (uint64_t)l->num;
			return true;
		}
	}
	return false;
}

/* The string "time", 0 when no label can be called so. */
static uint32_t time_key(const struct profile *p)
{
	for (size_t i = 0; i < p->labels.n; i++)
		if (p->labels.items[i].is_num &&
		    strcmp(strtab_get(&p->strings, p->labels.items[i].key), "time") == 0)
			return p->labels.items[i].key;
	return 0;
}

bool timeline_is_known(const struct profile *p)
{
	return time_key(p) != 0;
}

static int compare_u64(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

static size_t unique(uint64_t *v, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (k == 0 || v[i] != v[k - 1])
			v[k++] = v[i];
	return k;
}

/* Of too many windows every one gets the beginning of the longer one that it lies in. */
static uint64_t coarse(uint64_t t, uint64_t first, uint64_t length)
{
	return length ? first + (t - first) / length * length : t;
}

/* Sets the windows; *@ret_length is what several were put together by, 0 for not at all. */
static int make_windows(struct timeline *tl, const struct profile *p, uint32_t key,
			uint64_t *ret_length)
{
	uint64_t *v = malloc((p->samples.n + 1) * sizeof(*v)), length = 0;
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < p->samples.n; i++)
		if (time_of(p, i, key, &v[n]))
			n++;
	qsort(v, n, sizeof(*v), compare_u64);
	n = unique(v, n);
	if (n > TIMELINE_WINDOWS) {
		length = (v[n - 1] - v[0]) / TIMELINE_WINDOWS + 1;
		for (size_t i = n; i-- > 0;)
			v[i] = coarse(v[i], v[0], length);
		n = unique(v, n);
	}
	tl->starts = v;
	tl->n_starts = n;
	tl->step = length;
	for (size_t i = 1; i < n && !length; i++)
		if (tl->step == 0 || v[i] - v[i - 1] < tl->step)
			tl->step = v[i] - v[i - 1];
	if (tl->step == 0)
		tl->step = p->duration_ns ? p->duration_ns : 1;
	*ret_length = length;
	return 0;
}

static int compare_entry(const void *va, const void *vb)
{
	const struct timeline_entry *a = va, *b = vb;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	if (a->window != b->window)
		return a->window < b->window ? -1 : 1;
	return a->is_cut - b->is_cut;
}

static size_t merge_entries(struct timeline_entry *v, size_t n)
{
	size_t k = 0;

	qsort(v, n, sizeof(*v), compare_entry);
	for (size_t i = 0; i < n; i++)
		if (k && compare_entry(&v[i], &v[k - 1]) == 0)
			v[k - 1].value = saturate_add(v[k - 1].value, v[i].value);
		else
			v[k++] = v[i];
	return k;
}

int timeline_make(struct timeline *ret, const struct profile *p, size_t type,
		  const struct calltree *t)
{
	struct timeline tl = { 0 };
	uint32_t key = time_key(p);
	uint64_t length = 0, when;
	int r = 0;

	*ret = tl;
	if (!key || !t->ends)
		return 0;
	tl.entries = malloc((p->samples.n + 1) * sizeof(*tl.entries));
	r = tl.entries ? make_windows(&tl, p, key, &length) : -ENOMEM;
	if (r < 0) {
		timeline_done(&tl);
		return r;
	}
	for (size_t i = 0; i < p->samples.n; i++) {
		const uint64_t *at;

		if (!profile_value(p, i, type) || !time_of(p, i, key, &when))
			continue;
		when = coarse(when, tl.starts[0], length);
		at = bsearch(&when, tl.starts, tl.n_starts, sizeof(*at), compare_u64);
		tl.entries[tl.n++] = (struct timeline_entry){
			.node = t->ends[i].node,
			.window = (uint32_t)(at - tl.starts) & INT32_MAX,
			.is_cut = t->ends[i].is_cut,
			.value = profile_value(p, i, type),
		};
	}
	tl.n = merge_entries(tl.entries, tl.n);
	*ret = tl;
	return 0;
}

void timeline_done(struct timeline *tl)
{
	free(tl->starts);
	free(tl->entries);
	*tl = (struct timeline){ 0 };
}
