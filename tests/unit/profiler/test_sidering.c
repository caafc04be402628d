/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <linux/perf_event.h>

#include "made_ring.h"

#define CPUS 3

static struct made_ring made[CPUS];
static struct sidering *rings[CPUS];
static struct sidering_reader *reader;
static struct made_log *said;

static void start_at(size_t bytes, uint64_t start)
{
	for (unsigned i = 0; i < CPUS; i++) {
		made_ring_init(&made[i], i, bytes, start);
		rings[i] = &made[i].ring;
	}
	reader = calloc(1, sizeof(*reader));
	said = calloc(1, sizeof(*said));
	cr_assert(reader && said);
	reader->cb = made_log_callbacks(said);
	reader->build_ids = true;
}

static void start(void)
{
	start_at(1024, 0);
}

static void end(void)
{
	for (unsigned i = 0; i < CPUS; i++)
		made_ring_done(&made[i]);
	free(reader);
	free(said);
}

TestSuite(sidering, .init = start, .fini = end);

static void expect_counts(uint64_t records, uint64_t unknown, uint64_t malformed, uint64_t lost)
{
	const struct sideband_counts *c = &reader->counts;

	cr_expect_eq(c->records, records, "%lu records", c->records);
	cr_expect_eq(c->unknown, unknown, "%lu unknown", c->unknown);
	cr_expect_eq(c->malformed, malformed, "%lu malformed", c->malformed);
	cr_expect_eq(c->lost, lost, "%lu lost", c->lost);
	for (unsigned i = 0; i < CPUS; i++)
		cr_expect_eq(made[i].tail, made[i].head, "CPU %u is read", i);
}

static void read_all(void)
{
	sidering_read(rings, CPUS, reader);
}

Test(sidering, nothing_there)
{
	read_all();
	sidering_read(rings, 0, reader);
	expect_counts(0, 0, 0, 0);
}

Test(sidering, without_callbacks_records_are_counted)
{
	reader->cb = (struct sideband_callbacks){ 0 };
	made_ring_fork(&made[0], 1, 1, 2, 2);
	made_ring_mmap(&made[0], 2, 2, 0x1000, 0, "/x");
	made_ring_comm(&made[0], 3, 2, 2, "x", false);
	made_ring_exit(&made[0], 4, 2, 2);
	made_ring_lost(&made[0], 5, 9);
	read_all();
	expect_counts(5, 0, 0, 9);
}

Test(sidering, three_cpus_come_in_the_order_of_time)
{
	made_ring_fork(&made[0], 10, 1, 50, 50);
	made_ring_comm(&made[1], 20, 50, 50, "fifty", true);
	made_ring_mmap(&made[1], 30, 50, 0x400000, 0, "/bin/fifty");
	made_ring_mmap(&made[2], 40, 50, 0x7f0000, 4, "/lib/c.so");
	made_ring_fork(&made[0], 45, 50, 50, 51);
	made_ring_exit(&made[2], 50, 50, 51);
	made_ring_exit(&made[0], 60, 50, 50);
	made_ring_lost(&made[1], 55, 3);
	read_all();
	cr_expect_str_eq(
		said->text,
		"10 fork 50/50 by 1/2\n"
		"20 exec 50/50 fifty\n"
		"30 mmap 50/51 0x400000+0x2000 off=0x1000 dev=0x801 ino=77.3 prot=5 flags=2 "
		"/bin/fifty\n"
		"40 mmap 50/51 0x7f0000+0x2000 off=0x1000 id=01020304 prot=5 flags=2 "
		"/lib/c.so\n"
		"45 fork 50/51 by 50/51\n"
		"50 exit 50/51 of 1/1\n"
		"55 lost 3 on 1\n"
		"60 exit 50/50 of 1/1\n");
	expect_counts(8, 0, 0, 3);
}

Test(sidering, equal_times_come_by_cpu)
{
	for (unsigned i = CPUS; i-- > 0;)
		made_ring_exit(&made[i], 7, i, i);
	read_all();
	cr_expect_str_eq(said->text, "7 exit 0/0 of 1/1\n7 exit 1/1 of 1/1\n7 exit 2/2 of 1/1\n");
}

/* Many records at random, compared with what a sort gives. */
Test(sidering, random_interleavings_are_sorted)
{
	uint64_t last = 0, n = 0;
	const char *p;

	srand(1);
	for (uint64_t t = 1; t <= 40; t++, n++)
		made_ring_exit(&made[rand() % CPUS], t, (uint32_t)t, (uint32_t)t);
	read_all();
	for (p = said->text; *p; p = strchr(p, '\n') + 1) {
		cr_expect_eq(strtoull(p, NULL, 10), last + 1);
		last++;
	}
	cr_expect_eq(last, n);
	expect_counts(n, 0, 0, 0);
}

/* Every offset of the ring's end in a record, and positions that go past 2^64. */
Test(sidering, records_wrap_round_the_end)
{
	for (unsigned off = 0; off < 128; off++) {
		end();
		start_at(256, off * 8 - 512ull);
		made_ring_mmap(&made[0], 1, 9, 0x1000, 20, "/a/path/that/is/longer");
		made_ring_comm(&made[0], 2, 9, 9, "nine", false);
		read_all();
		cr_expect_str_eq(said->text,
				 "1 mmap 9/10 0x1000+0x2000 off=0x1000 "
				 "id=0102030405060708090a0b0c0d0e0f1011121314 prot=5 flags=2 "
				 "/a/path/that/is/longer\n"
				 "2 comm 9/9 nine\n");
		expect_counts(2, 0, 0, 0);
	}
}

Test(sidering, ring_that_is_full_to_the_last_byte)
{
	for (unsigned i = 0; i < 16; i++)
		made_ring_comm(&made[0], i, i, i, "fifteen letters", false); /* 56 bytes each */
	for (unsigned i = 0; i < 2; i++)
		made_ring_record(&made[0], 99, 0, 0, (uint8_t[32]){ 0 }, 32); /* 64 bytes each */
	cr_assert_eq(made[0].head, 1024);
	read_all();
	expect_counts(16, 2, 0, 0);
}

Test(sidering, unknown_types_are_skipped)
{
	uint8_t body[40] = { 0xff };

	made_ring_comm(&made[0], 10, 1, 1, "a", false);
	made_ring_record(&made[0], PERF_RECORD_SAMPLE, 0, UINT64_MAX, body, sizeof(body));
	made_ring_record(&made[0], 4242, 0, 0, body, 0);
	made_ring_comm(&made[0], 20, 1, 1, "c", false);
	made_ring_comm(&made[1], 15, 1, 1, "b", false);
	read_all();
	cr_expect_str_eq(said->text, "10 comm 1/1 a\n15 comm 1/1 b\n20 comm 1/1 c\n");
	expect_counts(3, 2, 0, 0);
}

Test(sidering, malformed_record_is_skipped_by_its_size)
{
	uint8_t body[8] = { 0 };

	made_ring_comm(&made[0], 1, 1, 1, "a", false);
	made_ring_record(&made[0], PERF_RECORD_FORK, 0, 2, body, sizeof(body));
	made_ring_put(&made[0], &(struct perf_event_header){ PERF_RECORD_EXIT, 0, 8 }, 8);
	made_ring_comm(&made[0], 3, 1, 1, "b", false);
	read_all();
	cr_expect_str_eq(said->text, "1 comm 1/1 a\n3 comm 1/1 b\n");
	expect_counts(2, 0, 2, 0);
}

static void size_that_cannot_be(uint16_t size)
{
	made_ring_comm(&made[0], 1, 1, 1, "a", false);
	made_ring_put(&made[0], &(struct perf_event_header){ PERF_RECORD_COMM, 0, size }, 8);
	made_ring_comm(&made[0], 3, 1, 1, "hidden", false);
	made_ring_comm(&made[1], 2, 1, 1, "b", false);
	made_ring_comm(&made[1], 4, 1, 1, "c", false);
	read_all();
	cr_expect_str_eq(said->text, "1 comm 1/1 a\n2 comm 1/1 b\n4 comm 1/1 c\n");
	expect_counts(3, 0, 1, 0);

	made_ring_comm(&made[0], 5, 1, 1, "again", false);
	read_all();
	cr_expect(strstr(said->text, "5 comm 1/1 again\n"), "the ring is usable afterwards");
	expect_counts(4, 0, 1, 0);
}

Test(sidering, size_zero)
{
	size_that_cannot_be(0);
}

Test(sidering, size_below_the_header)
{
	size_that_cannot_be(7);
}

Test(sidering, size_beyond_what_is_there)
{
	size_that_cannot_be(8 + 48 + 1);
}

Test(sidering, size_beyond_the_ring)
{
	size_that_cannot_be(65535);
}

Test(sidering, half_a_header)
{
	made_ring_put(&made[2], "1234", 4);
	read_all();
	expect_counts(0, 0, 1, 0);
}

/* Positions further apart than the ring is long, either way round. */
Test(sidering, positions_that_cannot_be)
{
	made_ring_comm(&made[1], 1, 1, 1, "a", false);
	made[0].head = 4096;
	made[2].tail = 8;
	read_all();
	cr_expect_str_eq(said->text, "1 comm 1/1 a\n");
	expect_counts(1, 0, 2, 0);
}

/* The head may even go back between the two looks, if the memory is not what it should be. */
Test(sidering, head_that_goes_back)
{
	made_ring_comm(&made[0], 1, 1, 1, "a", false);
	sidering_mark_must(&made[0].ring);
	made[0].head = 0;
	sidering_mark_may(&made[0].ring);
	sidering_merge(rings, 1, reader);
	expect_counts(0, 0, 0, 0);
}

/* See the essay in sidering.c. */
Test(sidering, what_comes_meanwhile_is_read_as_far_as_it_belongs_before)
{
	made_ring_comm(&made[0], 10, 1, 1, "a", false);
	made_ring_comm(&made[0], 30, 1, 1, "b", false);
	made_ring_comm(&made[1], 20, 1, 1, "d", false);
	for (unsigned i = 0; i < CPUS; i++)
		sidering_mark_must(rings[i]);
	made_ring_comm(&made[0], 40, 1, 1, "c", false);
	made_ring_comm(&made[1], 25, 1, 1, "e", false);
	made_ring_comm(&made[1], 50, 1, 1, "f", false);
	made_ring_comm(&made[2], 27, 1, 1, "h", false);
	for (unsigned i = 0; i < CPUS; i++)
		sidering_mark_may(rings[i]);
	made_ring_comm(&made[2], 28, 1, 1, "g", false);
	sidering_merge(rings, CPUS, reader);
	cr_expect_str_eq(said->text, "10 comm 1/1 a\n20 comm 1/1 d\n25 comm 1/1 e\n27 comm 1/1 h\n"
				     "30 comm 1/1 b\n");
	said->n = 0;
	read_all();
	cr_expect_str_eq(said->text, "28 comm 1/1 g\n40 comm 1/1 c\n50 comm 1/1 f\n");
	expect_counts(8, 0, 0, 0);
}

Test(sidering, losses_are_told_once_from_two_sources)
{
	sidering_tell_lost(&made[1].ring, 0, 1, reader);
	sidering_tell_lost(&made[1].ring, 5, 2, reader);
	made_ring_lost(&made[1], 3, 5); /* the same ones */
	made_ring_lost(&made[1], 4, 2); /* two more */
	made_ring_lost(&made[0], 5, 1); /* of another CPU */
	read_all();
	sidering_tell_lost(&made[1].ring, 7, 6, reader);
	cr_expect_str_eq(said->text, "2 lost 5 on 1\n4 lost 2 on 1\n5 lost 1 on 0\n");
	expect_counts(3, 0, 0, 8);
}

/* A tail that moves with each record gives the kernel room early. */
static void expect_tail(void *ctx, uint64_t time_ns, const struct sideband_comm *c)
{
	(void)ctx;
	(void)c;
	cr_expect_eq(made[0].tail, (time_ns - 1) * 48);
}

Test(sidering, tail_follows_every_record)
{
	reader->cb = (struct sideband_callbacks){ .on_comm = expect_tail };
	for (unsigned t = 1; t <= 5; t++)
		made_ring_comm(&made[0], t, 1, 1, "a", false);
	read_all();
	expect_counts(5, 0, 0, 0);
}
