/* SPDX-License-Identifier: Apache-2.0 */
#include "idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int idmap_init(struct idmap *m, size_t n)
{
	*m = (struct idmap){ .n = n };
	m->dense = reallocarray(NULL, n ? n : 1, sizeof(*m->dense));
	if (!m->dense)
		return -ENOMEM;
	memset(m->dense, 0xff, n * sizeof(*m->dense));
	return 0;
}

void idmap_done(struct idmap *m)
{
	free(m->dense);
	array_free(&m->sparse);
	*m = (struct idmap){ 0 };
}

int idmap_add(struct idmap *m, uint64_t id, uint32_t index)
{
	if (id == 0)
		return -EINVAL;
	if (id > m->n)
		return array_push(&m->sparse, (struct idmap_pair){ .id = id, .index = index });
	if (m->dense[id - 1] != IDMAP_NONE)
		return -EEXIST;
	m->dense[id - 1] = index;
	return 0;
}

static int compare(const void *x, const void *y)
{
	const struct idmap_pair *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

int idmap_sort(struct idmap *m)
{
	size_t i = 0;

	while (i < m->n && m->dense[i] == i)
		i++;
	m->in_order = i == m->n;
	if (m->sparse.n > 1)
		qsort(m->sparse.items, m->sparse.n, sizeof(*m->sparse.items), compare);
	for (i = 1; i < m->sparse.n; i++)
		if (m->sparse.items[i - 1].id == m->sparse.items[i].id)
			return -EEXIST;
	return 0;
}

uint32_t idmap_get_sparse(const struct idmap *m, uint64_t id)
{
	const struct idmap_pair key = { .id = id }, *found;

	if (!m->sparse.n)
		return IDMAP_NONE;
	found = bsearch(&key, m->sparse.items, m->sparse.n, sizeof(key), compare);
	return found ? found->index : IDMAP_NONE;
}
