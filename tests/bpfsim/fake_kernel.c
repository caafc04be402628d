/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "fake_kernel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "fake_user.h"

#define RING_HEADER 8 /* of each record, BPF_RINGBUF_HDR_SZ */
#define MAPS_MAX    32

struct fake_kernel fake;

static struct fake_map maps[MAPS_MAX];
static size_t n_maps;
static uint64_t now; /* counts uses, for LRU */

static int fault(enum fake_call call, const char *map)
{
	return fake.fault ? fake.fault(call, map) : 0;
}

static struct fake_map *map_of(const void *def)
{
	for (size_t i = 0; i < n_maps; i++)
		if (maps[i].def == def)
			return &maps[i];
	cr_assert_fail("a program uses a map that the test did not create");
	return NULL;
}

struct fake_map *fake_map(const char *name)
{
	for (size_t i = 0; i < n_maps; i++)
		if (strcmp(maps[i].name, name) == 0)
			return &maps[i];
	cr_assert_fail("there is no map %s", name);
	return NULL;
}

static bool is_array(const struct fake_map *m)
{
	return m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

void fake_map_add(const void *def, const char *name, uint32_t type, size_t key_size,
		  size_t value_size, size_t max_entries)
{
	struct fake_map *m = &maps[n_maps++];

	cr_assert_leq(n_maps, MAPS_MAX);
	*m = (struct fake_map){
		.def = def,
		.name = name,
		.type = type,
		.key_size = (uint32_t)key_size,
		.value_size = (uint32_t)value_size,
		.max_entries = (uint32_t)max_entries,
	};
	if (is_array(m)) {
		m->n = max_entries * (type == BPF_MAP_TYPE_ARRAY ? 1 : FAKE_CPUS);
		m->entries = calloc(m->n, sizeof(*m->entries));
		for (size_t i = 0; i < m->n; i++)
			m->entries[i].value = calloc(1, value_size);
	}
}

void fake_map_add_mapped(const void *def, const char *name, size_t value_size, size_t max_entries)
{
	struct fake_map *m = &maps[n_maps++];

	cr_assert_leq(n_maps, MAPS_MAX);
	*m = (struct fake_map){
		.def = def,
		.name = name,
		.type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = (uint32_t)value_size,
		.max_entries = (uint32_t)max_entries,
		.entries = calloc(max_entries, sizeof(*m->entries)),
		.n = max_entries,
		.memory = calloc(max_entries, value_size),
	};
	for (size_t i = 0; i < max_entries; i++)
		m->entries[i].value = (char *)m->memory + i * value_size;
}

static void free_entry(struct fake_entry *e)
{
	free(e->key);
	free(e->value);
}

void fake_map_clear(const char *name)
{
	struct fake_map *m = fake_map(name);

	for (size_t i = 0; i < m->n; i++)
		if (is_array(m))
			memset(m->entries[i].value, 0, m->value_size);
		else
			free_entry(&m->entries[i]);
	if (!is_array(m))
		m->n = m->ring_used = 0;
}

void fake_reset(void)
{
	for (size_t i = 0; i < n_maps; i++) {
		for (size_t k = 0; k < maps[i].n && !maps[i].memory; k++)
			free_entry(&maps[i].entries[k]);
		free(maps[i].entries);
		free(maps[i].memory);
	}
	n_maps = 0;
	fake_user_reset();
	fake = (struct fake_kernel){ 0 };
}

void *fake_array_value(const char *name, unsigned cpu, uint32_t i)
{
	struct fake_map *m = fake_map(name);

	cr_assert(is_array(m) && cpu < FAKE_CPUS && i < m->max_entries);
	return m->entries[m->type == BPF_MAP_TYPE_ARRAY ? i : cpu * m->max_entries + i].value;
}

/* --- hashes ---------------------------------------------------------------------------------- */

static struct fake_entry *find(struct fake_map *m, const void *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (memcmp(m->entries[i].key, key, m->key_size) == 0)
			return &m->entries[i];
	return NULL;
}

static void *copy(const void *data, size_t n)
{
	void *p = malloc(n);

	cr_assert_not_null(p);
	return memcpy(p, data, n);
}

/* Appends an entry; both parts are copied. */
static struct fake_entry *append(struct fake_map *m, const void *key, size_t key_size,
				 const void *value, size_t value_size)
{
	struct fake_entry *e;

	m->entries = reallocarray(m->entries, m->n + 1, sizeof(*m->entries));
	cr_assert_not_null(m->entries);
	e = &m->entries[m->n++];
	*e = (struct fake_entry){ copy(key, key_size), copy(value, value_size), ++now };
	return e;
}

static void take_out(struct fake_map *m, struct fake_entry *e)
{
	free_entry(e);
	memmove(e, e + 1, (size_t)(m->entries + --m->n - e) * sizeof(*e));
}

static struct fake_entry *oldest(struct fake_map *m)
{
	struct fake_entry *e = m->entries;

	for (size_t i = 1; i < m->n; i++)
		if (m->entries[i].used < e->used)
			e = &m->entries[i];
	return e;
}

static long update_hash(struct fake_map *m, const void *key, const void *value, uint64_t flags)
{
	struct fake_entry *e = find(m, key);

	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!e && flags == BPF_EXIST)
		return -ENOENT;
	if (e) {
		memcpy(e->value, value, m->value_size);
		return 0;
	}
	if (m->n >= m->max_entries && m->type == BPF_MAP_TYPE_LRU_HASH)
		take_out(m, oldest(m));
	if (m->n >= m->max_entries)
		return -E2BIG;
	append(m, key, m->key_size, value, m->value_size);
	return 0;
}

void fake_put(const char *name, uint32_t key, const void *value)
{
	cr_assert_eq(update_hash(fake_map(name), &key, value, BPF_ANY), 0);
}

void *fake_get(const char *name, uint32_t key)
{
	struct fake_entry *e = find(fake_map(name), &key);

	return e ? e->value : NULL;
}

void fake_put_u32(const char *name, uint32_t key, uint32_t value)
{
	fake_put(name, key, &value);
}

const uint32_t *fake_get_u32(const char *name, uint32_t key)
{
	return fake_get(name, key);
}

void *bpf_map_lookup_elem(const void *map, const void *key)
{
	struct fake_map *m = map_of(map);
	struct fake_entry *e;
	uint32_t i;

	if (fault(FAKE_LOOKUP, m->name))
		return NULL;
	if (is_array(m)) {
		memcpy(&i, key, sizeof(i));
		return i < m->max_entries ? fake_array_value(m->name, fake.cpu, i) : NULL;
	}
	e = find(m, key);
	if (!e)
		return NULL;
	e->used = ++now;
	return e->value;
}

long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags)
{
	struct fake_map *m = map_of(map);
	int r = fault(FAKE_UPDATE, m->name);

	cr_assert(m->type == BPF_MAP_TYPE_HASH || m->type == BPF_MAP_TYPE_LRU_HASH);
	return r ? r : update_hash(m, key, value, flags);
}

long bpf_map_delete_elem(const void *map, const void *key)
{
	struct fake_map *m = map_of(map);
	struct fake_entry *e = find(m, key);

	if (!e)
		return -ENOENT;
	take_out(m, e);
	return 0;
}

/* --- the ring -------------------------------------------------------------------------------- */

long bpf_ringbuf_output(const void *map, const void *data, __u64 size, __u64 flags)
{
	struct fake_map *m = map_of(map);
	size_t bytes = RING_HEADER + (size + 7) / 8 * 8;
	int r = fault(FAKE_RING, m->name);

	if (r)
		return r;
	if (m->ring_used + bytes > m->max_entries)
		return -EAGAIN;
	m->ring_used += bytes;
	append(m, &size, sizeof(size), data, size);
	fake.wakeups += flags == BPF_RB_FORCE_WAKEUP;
	return 0;
}

__u64 bpf_ringbuf_query(const void *map, __u64 flags)
{
	cr_assert_eq(flags, BPF_RB_AVAIL_DATA);
	return map_of(map)->ring_used;
}

/* --- stacks ---------------------------------------------------------------------------------- */

/* __bpf_get_stack() clears what it does not fill, up to the stated size. */
long bpf_get_stack(void *ctx, void *buf, __u32 size, __u64 flags)
{
	const struct fake_stack *s = flags & BPF_F_USER_STACK ? &fake.user : &fake.kernel;
	int r = fault(FAKE_GET_STACK, "");
	size_t n = size / sizeof(s->addr[0]);

	(void)ctx;
	if (size % sizeof(s->addr[0]))
		return -EINVAL;
	memset(buf, 0, size);
	if (r || s->n <= 0)
		return r ? r : -EFAULT;
	if (n > (size_t)s->n)
		n = (size_t)s->n;
	memcpy(buf, s->addr, n * sizeof(s->addr[0]));
	return (long)(n * sizeof(s->addr[0]));
}

/* __bpf_get_stackid(): the bucket is chosen by hash, and one that holds another stack stays. */
long bpf_get_stackid(void *ctx, const void *map, __u64 flags)
{
	struct fake_map *m = map_of(map);
	int r = fault(FAKE_STACKID, m->name);
	size_t n = m->value_size / sizeof(uint64_t);
	uint64_t frames[FAKE_FRAMES] = { 0 }, hash = 0;
	struct fake_entry *e;
	uint32_t id;

	(void)ctx;
	cr_assert_eq(flags, 0);
	if (r || fake.kernel.n <= 0)
		return r ? r : -EFAULT;
	if (n > (size_t)fake.kernel.n)
		n = (size_t)fake.kernel.n;
	memcpy(frames, fake.kernel.addr, n * sizeof(*frames));
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ frames[i]) * 0x9e3779b97f4a7c15ull;
	id = (uint32_t)(hash >> 32) & (m->max_entries - 1);
	e = find(m, &id);
	if (e)
		return memcmp(e->value, frames, m->value_size) == 0 ? (long)id : -EEXIST;
	append(m, &id, sizeof(id), frames, m->value_size);
	return id;
}

/* --- the current task ------------------------------------------------------------------------ */

__u64 bpf_get_current_pid_tgid(void)
{
	return (uint64_t)fake.tgid << 32 | fake.tid;
}

__u64 bpf_ktime_get_ns(void)
{
	return fake.now_ns++;
}

__u64 bpf_get_current_task(void)
{
	return (uintptr_t)fake.task;
}

__u64 bpf_get_current_uid_gid(void)
{
	return (uint64_t)fake.gid << 32 | fake.uid;
}

__u64 bpf_get_current_cgroup_id(void)
{
	return fake.cgroup_id;
}

long bpf_get_current_comm(void *buf, __u32 size)
{
	cr_assert_eq(size, sizeof(fake.comm));
	memcpy(buf, fake.comm, size);
	return 0;
}

__u32 bpf_get_smp_processor_id(void)
{
	return fake.cpu;
}

long bpf_probe_read_kernel(void *dst, __u32 size, const void *src)
{
	int r = fault(FAKE_READ, "");

	if (r)
		memset(dst, 0, size);
	else
		memcpy(dst, src, size);
	return r;
}

long bpf_probe_read_user(void *dst, __u32 size, const void *src)
{
	int r = fault(FAKE_READ_USER, "");

	if (r == 0 && !fake_user_read((uintptr_t)src, dst, size))
		r = -EFAULT;
	if (r)
		memset(dst, 0, size);
	return r;
}

long bpf_current_task_under_cgroup(const void *map, __u32 i)
{
	struct fake_map *m = map_of(map);

	if (i >= m->max_entries)
		return -E2BIG;
	return fake.cgroups >> i & 1;
}
