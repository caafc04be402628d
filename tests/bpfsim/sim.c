/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
#include "sim.h"

#include <stdio.h>

#include "sampler_sim.h"

static uint32_t or (uint32_t v, uint32_t standard)
{
	return v ? v : standard;
}

void sim_start(const struct sim_sizes *sizes)
{
	struct sim_sizes s = *sizes;

	s.buckets_per_cpu = or (s.buckets_per_cpu, 256);
	s.kernel_buckets = or (s.kernel_buckets, 1024);
	s.blocks_per_cpu = or (s.blocks_per_cpu, 2);
	s.ring_bytes = or (s.ring_bytes, 1 << 20);
	s.targets = or (s.targets, 64);
	s.spaces = or (s.spaces, 16);
	s.areas = or (s.areas, 64);
	s.tables = or (s.tables, 8);
	s.pages = or (s.pages, 4);
	fake_reset();
	sampler_sim_add_maps(&s);
	memset((void *)(uintptr_t)&config, 0, sizeof(config));
	config.self_tgid = SIM_SELF;
	config.max_user_frames = WIRE_USER_FRAMES;
	config.blocks_per_cpu = s.blocks_per_cpu;
	config.buckets_per_cpu = s.buckets_per_cpu;
	config.by_pointer = 1;
	config.ring_wakeup_bytes = s.ring_bytes / 4;
	config.ring_copy_bytes = s.ring_bytes / 4 * 3;
	active_set = targets_born = n_containers = 0;
	memset((void *)(uintptr_t)spaces_version, 0, sizeof(spaces_version));
	sim_task(77, 77);
}

void sim_init(void)
{
	sim_start(&(struct sim_sizes){ 0 });
}

void sim_done(void)
{
	fake_reset();
}

void sim_task(uint32_t tgid, uint32_t tid)
{
	fake.tgid = tgid;
	fake.tid = tid;
	fake.cs = 0x33;
	memset(fake.comm, 0, sizeof(fake.comm));
	snprintf(fake.comm, sizeof(fake.comm), "t%u", tid);
	sim_user_stack(tgid, 3);
	sim_kernel_stack(tgid, 3);
}

static void fill(struct fake_stack *s, uint64_t base, unsigned which, int n)
{
	s->n = n;
	for (int i = 0; i < FAKE_FRAMES; i++)
		s->addr[i] = base + ((uint64_t)which << 16) + (uint64_t)i * 16;
}

void sim_user_stack(unsigned which, int n)
{
	fill(&fake.user, 0x550000000000, which, n);
}

void sim_kernel_stack(unsigned which, int n)
{
	fill(&fake.kernel, 0xffffffff00000000, which, n);
}

void sim_tick_event(unsigned event, bool in_user)
{
	cr_assert_eq(sampler_sim_tick(event, in_user), 0);
}

void sim_tick(bool in_user)
{
	sim_tick_event(0, in_user);
}

uint64_t sim_counter(enum counter c)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
		sum += ((const uint64_t *)fake_array_value("counters", 0, cpu))[c];
	return sum;
}

const char *sim_map_name(const char *base, unsigned set)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s_%u", base, set);
	return name;
}

static struct fake_map *map_of_set(const char *base, unsigned set)
{
	return fake_map(sim_map_name(base, set));
}

/* The @i-th row of @b, or NULL and in @ret_n how many there are. */
static const struct wire_row *row_in(const struct wire_block *b, size_t i, size_t *ret_n)
{
	const struct wire_row *row;
	size_t n = 0;

	cr_assert_leq(b->used, WIRE_BLOCK_DATA);
	for (size_t off = 0; off < b->used; off += wire_row_bytes(row->n_user)) {
		row = (const void *)&b->data[off];
		cr_assert_leq(off + sizeof(*row), b->used);
		cr_assert_leq(row->n_user, WIRE_USER_FRAMES);
		cr_assert_leq(off + wire_row_bytes(row->n_user), b->used);
		cr_assert(row->n_user || !row->key.user_stack);
		if (n++ == i)
			return row;
	}
	*ret_n = n;
	return NULL;
}

/* Likewise of @set. */
static const struct wire_row *find_row(unsigned set, size_t i, size_t *ret_n)
{
	*ret_n = 0;
	for (unsigned k = 0; k < FAKE_CPUS * config.blocks_per_cpu; k++) {
		const struct wire_row *row;
		size_t n;

		row = row_in(sim_block(set, k), i - *ret_n, &n);
		if (row)
			return row;
		*ret_n += n;
	}
	return NULL;
}

size_t sim_rows(unsigned set)
{
	size_t n = 0;

	find_row(set, SIZE_MAX, &n);
	return n;
}

const struct wire_row *sim_row(unsigned set, size_t i)
{
	size_t n = 0;
	const struct wire_row *row = find_row(set, i, &n);

	cr_assert_not_null(row, "set %u has %zu rows", set, n);
	return row;
}

struct wire_block *sim_block(unsigned set, uint32_t i)
{
	uint32_t cpu = i / config.blocks_per_cpu, of_cpu = i % config.blocks_per_cpu;

	return fake_array_value("arena", 0, wire_part(cpu, set) * config.blocks_per_cpu + of_cpu);
}

const uint64_t *sim_row_kernel(unsigned set, const struct wire_key *key)
{
	const struct fake_map *m = map_of_set("kernel_stacks", set);

	for (size_t i = 0; i < m->n; i++)
		if (*(const uint32_t *)m->entries[i].key == (uint32_t)key->kernel_stack)
			return m->entries[i].value;
	cr_assert_fail("no kernel stack %d in set %u", key->kernel_stack, set);
	return NULL;
}

size_t sim_records(enum wire_type type)
{
	const struct fake_map *m = fake_map("ring");
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += *(const uint32_t *)m->entries[i].value == (uint32_t)type;
	return n;
}

const void *sim_record(enum wire_type type, size_t i, size_t *ret_size)
{
	const struct fake_map *m = fake_map("ring");

	for (size_t k = 0; k < m->n; k++)
		if (*(const uint32_t *)m->entries[k].value == (uint32_t)type && i-- == 0) {
			*ret_size = *(const uint64_t *)m->entries[k].key;
			return m->entries[k].value;
		}
	cr_assert_fail("the ring has no such record of type %d", type);
	return NULL;
}

uint64_t sim_samples_in_rows(void)
{
	uint64_t sum = 0;

	for (unsigned set = 0; set < WIRE_SETS; set++)
		for (size_t i = 0; i < sim_rows(set); i++)
			sum += sim_row(set, i)->samples;
	return sum;
}

void sim_swap(void)
{
	active_set = !active_set;
}

void sim_empty(unsigned set)
{
	for (uint32_t cpu = 0; cpu < FAKE_CPUS; cpu++) {
		uint32_t part = wire_part(cpu, set);

		memset(fake_array_value("arena", 0, part * config.blocks_per_cpu), 0,
		       config.blocks_per_cpu * sizeof(struct wire_block));
		memset(fake_array_value("buckets", 0, part * config.buckets_per_cpu), 0,
		       config.buckets_per_cpu * sizeof(struct wire_bucket));
	}
	fake_map_clear(set ? "kernel_stacks_1" : "kernel_stacks_0");
}

void sim_expect_account(void)
{
	uint64_t lost = sim_counter(CTR_LOST_RING_FULL) + sim_counter(CTR_LOST_NO_SCRATCH);

	cr_expect_eq(sim_counter(CTR_TICKS),
		     sim_samples_in_rows() + sim_records(WIRE_SAMPLE) + sim_records(WIRE_SNAPSHOT) +
			     sim_records(WIRE_VERIFY) + sim_counter(CTR_IDLE) +
			     sim_counter(CTR_FILTERED) + lost);
}
