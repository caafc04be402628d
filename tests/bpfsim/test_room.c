/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What happens when the maps, the arena or the ring have no room. */
#include "sampler_sim.h"
#include "sim.h"

TestSuite(room, .init = sim_init, .fini = sim_done);

/* The latest whole sample in the ring, with its stacks as they should be. */
static const struct wire_sample *last_sample(uint32_t n_user, uint32_t n_kernel)
{
	const struct wire_sample *w;
	const uint64_t *addr;
	size_t size;

	w = sim_record(WIRE_SAMPLE, sim_records(WIRE_SAMPLE) - 1, &size);
	addr = (const uint64_t *)(w + 1);
	cr_assert_eq(size, sizeof(*w) + (n_user + n_kernel) * sizeof(*addr));
	cr_expect_eq(w->n_user, n_user);
	cr_expect_eq(w->n_kernel, n_kernel);
	cr_expect_arr_eq(addr, fake.user.addr, n_user * sizeof(*addr));
	cr_expect_arr_eq(addr + n_user, fake.kernel.addr, n_kernel * sizeof(*addr));
	cr_expect_eq(w->tgid, fake.tgid);
	cr_expect_eq(w->tid, fake.tid);
	cr_expect_eq(w->value, SIM_PERIOD);
	cr_expect_arr_eq(w->comm, fake.comm, WIRE_COMM);
	cr_expect_eq(w->uid, fake.uid);
	cr_expect_eq(w->cgroup, config.has_cgroups ? fake.cgroup_id : 0);
	return w;
}

static int no_stackid(enum fake_call call, const char *map)
{
	(void)map;
	return call == FAKE_STACKID ? -EEXIST : 0;
}

static int unreadable(enum fake_call call, const char *map)
{
	(void)map;
	return call == FAKE_READ ? -EFAULT : 0;
}

static int no_scratch(enum fake_call call, const char *map)
{
	return call == FAKE_LOOKUP && strcmp(map, "works") == 0 ? -ENOENT : 0;
}

static int no_buckets(enum fake_call call, const char *map)
{
	return call == FAKE_LOOKUP && strcmp(map, "buckets") == 0 ? -ENOENT : 0;
}

Test(room, kernel_stack_without_a_bucket_goes_whole_through_the_ring)
{
	sim_start(&(struct sim_sizes){ .kernel_buckets = 1 });
	sim_tick(false);
	sim_kernel_stack(1, 5);
	sim_tick_event(2, false);
	cr_expect_eq(sim_samples_in_rows(), 1);
	cr_expect_eq(last_sample(3, 5)->event, 2);
	cr_expect_eq(sim_block(0, 0)->used, wire_row_bytes(3),
		     "the user stack is not stored for nothing");
	sim_expect_account();
}

Test(room, deepest_stacks_go_through_the_ring_and_are_marked)
{
	const struct wire_sample *w;

	fake.fault = no_stackid;
	sim_user_stack(1, FAKE_FRAMES);
	sim_kernel_stack(1, FAKE_FRAMES);
	sim_tick(false);
	w = last_sample(WIRE_POINTER_FRAMES, WIRE_KERNEL_FRAMES);
	cr_expect_eq(w->flags, WIRE_KERNEL_DEPTH);
	cr_expect_eq(w->end, WIRE_END_DEPTH);
	sim_user_stack(1, WIRE_POINTER_FRAMES - 1);
	sim_kernel_stack(1, WIRE_KERNEL_FRAMES - 1);
	sim_tick(false);
	w = last_sample(WIRE_POINTER_FRAMES - 1, WIRE_KERNEL_FRAMES - 1);
	cr_expect_eq(w->flags, 0);
	cr_expect_eq(w->end, WIRE_END_UNKNOWN);
	sim_user_stack(1, 1);
	sim_kernel_stack(1, 1);
	sim_tick(false);
	cr_expect_eq(last_sample(1, 1)->flags, 0);
	sim_expect_account();
}

Test(room, sample_without_any_stack_goes_through_the_ring)
{
	fake.user.n = fake.kernel.n = 0;
	sim_tick(false);
	cr_expect_eq(last_sample(0, 0)->flags, 0);
	sim_expect_account();
}

Test(room, missing_buckets_cost_no_sample)
{
	fake.fault = no_buckets;
	sim_tick(true);
	sim_tick(false);
	cr_expect_eq(sim_records(WIRE_SAMPLE), 2);
	last_sample(3, 3);
	sim_expect_account();
}

Test(room, stack_that_cannot_be_stored_goes_through_the_ring_and_leaves_the_arena_as_it_was)
{
	fake.fault = unreadable;
	sim_tick(true);
	cr_expect_eq(sim_block(0, 0)->used, 0);
	last_sample(3, 0);
	sim_expect_account();
}

/* The row of the deepest stack that the kernel walks and what it takes of a block, and how many of
 * them begin before there is no room for the longest one. */
#define LONGEST	    (sizeof(struct wire_row) + WIRE_USER_FRAMES * sizeof(uint64_t))
#define DEEP_BYTES  wire_row_bytes(WIRE_POINTER_FRAMES)
#define DEEP_STACKS ((WIRE_BLOCK_DATA - LONGEST) / DEEP_BYTES + 1)

static void tick_deep(unsigned which)
{
	sim_user_stack(which, WIRE_POINTER_FRAMES);
	sim_tick(true);
}

Test(room, full_block_is_followed_by_the_next_and_the_last_by_the_ring)
{
	unsigned n = 0;

	sim_start(&(struct sim_sizes){ .blocks_per_cpu = 3 });
	fake.cpu = 1;
	for (; n < 3 * DEEP_STACKS; n++)
		tick_deep(n);
	cr_expect_eq(sim_rows(0), 3 * DEEP_STACKS);
	for (uint32_t i = 3; i < 6; i++)
		cr_expect_eq(sim_block(0, i)->used, DEEP_STACKS * DEEP_BYTES, "block %u", i);
	cr_expect_eq(sim_block(0, 3)->current, 2);
	cr_expect_eq(sim_records(WIRE_SAMPLE), 0);
	tick_deep(n);
	cr_expect_eq(sim_records(WIRE_SAMPLE), 1);
	last_sample(WIRE_POINTER_FRAMES, 0);
	cr_expect_eq(sim_block(0, 2)->used + sim_block(0, 6)->used, 0, "neighbours are untouched");
	for (n = 0; n < 3 * DEEP_STACKS; n++) {
		sim_user_stack(n, WIRE_POINTER_FRAMES);
		cr_expect_arr_eq(sim_row(0, n)->addr, fake.user.addr,
				 WIRE_POINTER_FRAMES * sizeof(uint64_t));
	}
	sim_expect_account();
}

Test(room, stacks_of_every_length_fit_their_block)
{
	sim_start(&(struct sim_sizes){ .blocks_per_cpu = 8 });
	for (unsigned i = 0; i < 1000; i++) {
		sim_user_stack(i, 1 + (int)(i * 37 % WIRE_POINTER_FRAMES));
		sim_tick(true);
		cr_assert_leq(sim_block(0, sim_block(0, 0)->current)->used, WIRE_BLOCK_DATA);
	}
	cr_expect_gt(sim_records(WIRE_SAMPLE), 0, "the test is to fill all blocks");
	cr_expect_eq(sim_block(0, 0)->current, 7);
	sim_expect_account();
}

Test(room, block_of_the_last_cpu_is_found)
{
	fake.cpu = FAKE_CPUS - 1;
	sim_tick(true);
	cr_expect_neq(sim_block(0, 2 * (FAKE_CPUS - 1))->used, 0);
}

Test(room, drain_is_asked_for_when_the_last_block_is_begun)
{
	unsigned n = 0;

	sim_start(&(struct sim_sizes){ .blocks_per_cpu = 3 });
	for (; n < 2 * DEEP_STACKS; n++)
		tick_deep(n);
	cr_expect_eq(sim_records(WIRE_DRAIN), 0);
	tick_deep(n++);
	cr_expect_eq(sim_records(WIRE_DRAIN), 1);
	tick_deep(n);
	cr_expect_eq(sim_records(WIRE_DRAIN), 1);
	fake.cpu = 1;
	for (n = 0; n < 2 * DEEP_STACKS + 1; n++)
		tick_deep(n);
	cr_expect_eq(sim_records(WIRE_DRAIN), 2, "each CPU asks");
	cr_expect_eq(fake.wakeups, 3, "2 drains and 1 new process");
	sim_swap();
	sim_empty(0);
	sim_swap();
	for (n = 0; n < 2 * DEEP_STACKS + 1; n++)
		tick_deep(n);
	cr_expect_eq(sim_records(WIRE_DRAIN), 3, "an emptied set asks again");
}

Test(room, drain_that_could_not_be_asked_for_is_asked_for_again)
{
	unsigned n = 0;

	sim_start(&(struct sim_sizes){ .ring_bytes = 16 }); /* room for the new process */
	for (; n <= DEEP_STACKS; n++)
		tick_deep(n);
	cr_expect_eq(sim_records(WIRE_DRAIN), 0);
	fake_map_clear("ring");
	tick_deep(n);
	cr_expect_eq(sim_records(WIRE_DRAIN), 1);
}

Test(room, full_ring_is_a_counted_loss)
{
	sim_start(&(struct sim_sizes){ .ring_bytes = 512 });
	fake.fault = no_stackid;
	for (int i = 0; i < 10; i++)
		sim_tick(false);
	cr_expect_gt(sim_records(WIRE_SAMPLE), 0);
	cr_expect_eq(sim_counter(CTR_LOST_RING_FULL), 10 - sim_records(WIRE_SAMPLE));
	sim_expect_account();
}

Test(room, ring_wakes_user_space_when_it_is_a_quarter_full)
{
	size_t sent = 0;

	sim_start(&(struct sim_sizes){ .ring_bytes = 4096 });
	fake_put_u32("known_tgids", 77, 1);
	fake.fault = no_stackid;
	for (; fake_map("ring")->ring_used < 1024; sent++)
		sim_tick(false);
	cr_expect_eq(fake.wakeups, 0, "after %zu records", sent);
	sim_tick(false);
	cr_expect_eq(fake.wakeups, 1);
}

Test(room, missing_memory_to_work_in_is_a_counted_loss)
{
	fake.fault = no_scratch;
	sim_tick(true);
	cr_expect_eq(sim_counter(CTR_LOST_NO_SCRATCH), 1);
	sim_expect_account();
}
