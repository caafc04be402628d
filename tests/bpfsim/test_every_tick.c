/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The account adds up whatever happens: random situations, random failures, fixed seeds. */
#include "sampler_sim.h"
#include "sim.h"

#define TASKS  6
#define STACKS 12 /* of each kind; number 0 is none */
#define TICKS  4000
#define SEEDS  24

static uint64_t seed;
static unsigned fault_percent;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static int random_fault(enum fake_call call, const char *map)
{
	static const int errors[] = { -EBUSY, -ENOMEM, -E2BIG, -EEXIST, -EAGAIN, -EFAULT };

	if (call == FAKE_LOOKUP && strcmp(map, "counters") == 0)
		return 0; /* every CPU's place in an array is there */
	return rnd(100) < fault_percent ? errors[rnd(6)] : 0;
}

/* What was ticked, and what came out of it, by user and kernel stack. */
struct account {
	uint64_t ticked[STACKS][STACKS], recorded[STACKS][STACKS];
	uint64_t samples, value;
};

/* Which stack that is: both kinds carry their number in bits 16 and above. */
static unsigned which(const void *stack, size_t n)
{
	const uint64_t *addr = stack;
	unsigned w = n ? (unsigned)(addr[0] >> 16 & 0xff) : 0;

	for (size_t i = 1; i < n; i++)
		cr_assert_eq(addr[i], addr[0] + i * 16, "a stack has got mixed up");
	return w;
}

static void collect_row(struct account *a, unsigned set, const struct wire_row *row)
{
	unsigned user = 0, kernel = 0;

	if (row->n_user)
		user = which(row->addr, row->n_user);
	if (row->key.kernel_stack != WIRE_NO_STACK) {
		const uint64_t *s = sim_row_kernel(set, &row->key);
		size_t n = 0;

		while (n < WIRE_KERNEL_FRAMES && s[n])
			n++;
		kernel = which(s, n);
	}
	a->recorded[user][kernel] += row->samples;
	a->samples += row->samples;
	a->value += row->value;
}

static void collect_ring(struct account *a)
{
	for (size_t i = sim_records(WIRE_SAMPLE); i-- > 0;) {
		size_t size;
		const struct wire_sample *w = sim_record(WIRE_SAMPLE, i, &size);
		const uint64_t *addr = (const uint64_t *)(w + 1);

		cr_assert_eq(size, sizeof(*w) + (w->n_user + w->n_kernel) * sizeof(*addr));
		a->recorded[which(addr, w->n_user)][which(addr + w->n_user, w->n_kernel)]++;
		a->samples++;
		a->value += w->value;
	}
	fake_map_clear("ring");
}

static void collect_set(struct account *a, unsigned set)
{
	for (size_t i = 0; i < sim_rows(set); i++)
		collect_row(a, set, sim_row(set, i));
	sim_empty(set);
}

/* One tick of somebody somewhere. */
static void tick(struct account *a)
{
	unsigned user = rnd(STACKS), kernel = rnd(STACKS);
	uint32_t tgid = rnd(TASKS);
	bool in_user = rnd(2);

	sim_task(tgid, tgid ? tgid + rnd(3) : 0);
	fake.cpu = rnd(FAKE_CPUS);
	fake.cgroups = rnd(8);
	sim_user_stack(user, user ? (int)(user * 31 % 140) + 1 : 0);
	sim_kernel_stack(kernel, kernel ? (int)(kernel * 23 % 140) + 1 : 0);
	a->ticked[user][in_user ? 0 : kernel]++;
	if (rnd(200) == 0)
		sim_swap(); /* in the middle of a window: the other CPUs may still write there */
	sim_tick_event(rnd(WIRE_MAX_EVENTS), in_user);
}

static void configure(void)
{
	sim_start(&(struct sim_sizes){
		.buckets_per_cpu = 1u << rnd(6),
		.kernel_buckets = 1u << rnd(6),
		.blocks_per_cpu = 2 + rnd(2),
		.ring_bytes = 4096u << rnd(6),
		.known = 1 + rnd(8),
	});
	config.self_tgid = 1;
	config.max_user_frames = 1 + rnd(WIRE_USER_FRAMES);
	config.by_tgid = rnd(4) == 0;
	config.by_tid = rnd(4) == 0;
	config.judged = rnd(3) == 0 ? (uint8_t)(rnd(8) * WIRE_OF_USER) : 0;
	config.n_users = rnd(3);
	n_containers = rnd(3);
	config.n_cgroups = rnd(4) == 0 ? 2 : 0;
	config.kernel_only = rnd(6) == 0;
	config.user_only = !config.kernel_only && rnd(6) == 0;
	fake_put_u32("target_tgids", 2, 1);
	fake_put_u32("target_tids", 5, 1);
	fake.fault = random_fault;
}

/* The account of the whole run; rows and records are out of the maps by now. */
static void expect_balance(const struct account *a, int round)
{
	uint64_t lost = sim_counter(CTR_LOST_RING_FULL) + sim_counter(CTR_LOST_NO_SCRATCH);

	cr_expect_eq(sim_counter(CTR_TICKS), TICKS);
	cr_expect_eq(a->samples + sim_counter(CTR_IDLE) + sim_counter(CTR_FILTERED) + lost, TICKS,
		     "round %d", round);
	cr_expect_eq(a->value, a->samples * SIM_PERIOD, "round %d", round);
}

static void run(int round, struct account *a)
{
	seed = 0x9e3779b97f4a7c15ull * (uint64_t)(round + 1);
	fault_percent = 0;
	configure();
	fault_percent = round % 3 * 10; /* none, some, many */
	for (int i = 0; i < TICKS; i++) {
		tick(a);
		if (rnd(500) == 0) {
			sim_swap();
			collect_ring(a);
			collect_set(a, !active_set);
		}
	}
	collect_ring(a);
	collect_set(a, 0);
	collect_set(a, 1);
	expect_balance(a, round);
}

Test(every_tick, is_counted_once_whatever_fails, .fini = sim_done)
{
	for (int round = 0; round < SEEDS; round++) {
		struct account a = { 0 };

		run(round, &a);
	}
}

Test(every_tick, records_no_stack_more_often_than_it_came, .fini = sim_done)
{
	for (int round = 0; round < SEEDS; round += 3) { /* those without injected failures */
		struct account a = { 0 };

		run(round, &a);
		for (unsigned u = 0; u < STACKS; u++)
			for (unsigned k = 0; k < STACKS && !config.kernel_only && !config.user_only;
			     k++)
				cr_expect_leq(a.recorded[u][k], a.ticked[u][k],
					      "round %d stack %u %u", round, u, k);
	}
}

Test(wire, has_the_sizes_that_both_sides_count_on)
{
	cr_expect_eq(sizeof(struct wire_key), 40);
	cr_expect_eq(sizeof(struct wire_row), 80);
	cr_expect_eq(sizeof(struct wire_bucket), 64);
	cr_expect_eq(sizeof(struct wire_notice), 8);
	cr_expect_eq(sizeof(struct wire_sample), 72);
	cr_expect_eq(sizeof(struct wire_block), WIRE_BLOCK_BYTES);
	cr_expect_eq(offsetof(struct wire_block, data) % sizeof(uint64_t), 0);
	cr_expect_neq(wire_place(0, 0, 0), 0, "no place is 0");
	for (uint32_t hash = 0x01234567; hash; hash <<= 4) {
		uint32_t place = wire_place(hash, 253, WIRE_BLOCK_DATA - WIRE_ROW_ALIGN);

		cr_expect_eq(place & WIRE_PLACE_HASH, hash & WIRE_PLACE_HASH);
		cr_expect_eq(wire_place_block(place), 253);
		cr_expect_eq(wire_place_off(place), WIRE_BLOCK_DATA - WIRE_ROW_ALIGN);
	}
}
