/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <linux/perf_event.h>

#include "made_ring.h"
#include "siderec.h"

static struct made_ring made;

static void start(void)
{
	made_ring_init(&made, 0, 8192, 0);
}

static void end(void)
{
	made_ring_done(&made);
}

TestSuite(siderec, .init = start, .fini = end);

static struct siderec parsed(void)
{
	struct siderec rec = { 0 };

	cr_assert_eq(siderec_parse(made.data, made.head, true, &rec), 0);
	return rec;
}

Test(siderec, mmap_of_a_file)
{
	struct siderec rec;

	made_ring_mmap(&made, 42, 7, 0x7f0000000000, 0, "/usr/lib/x.so");
	rec = parsed();
	cr_expect_eq(rec.kind, SIDEREC_MMAP);
	cr_expect_eq(rec.time_ns, 42);
	cr_expect_eq(rec.mmap.tgid, 7);
	cr_expect_eq(rec.mmap.tid, 8);
	cr_expect_eq(rec.mmap.addr, 0x7f0000000000);
	cr_expect_eq(rec.mmap.len, 0x2000);
	cr_expect_eq(rec.mmap.file_off, 0x1000);
	cr_expect_eq(rec.mmap.dev, makedev(8, 1));
	cr_expect_eq(rec.mmap.ino, 77);
	cr_expect_eq(rec.mmap.ino_generation, 3);
	cr_expect_eq(rec.mmap.prot, 5);
	cr_expect_eq(rec.mmap.flags, 2);
	cr_expect_eq(rec.mmap.build_id_n, 0);
	cr_expect_str_eq(rec.mmap.name, "/usr/lib/x.so");
}

Test(siderec, mmap_with_a_build_id)
{
	struct siderec rec;

	made_ring_mmap(&made, 42, 7, 0x1000, 20, "");
	rec = parsed();
	cr_assert_eq(rec.mmap.build_id_n, 20);
	cr_expect_eq(rec.mmap.build_id[0], 1);
	cr_expect_eq(rec.mmap.build_id[19], 20);
	cr_expect_eq(rec.mmap.ino, 0);
	cr_expect_eq(rec.mmap.dev, 0);
	cr_expect_eq(rec.mmap.prot, 5);
	cr_expect_str_eq(rec.mmap.name, "");
}

/* Seen where another profiler wants build ids and this one does not. */
Test(siderec, flag_of_a_build_id_that_was_not_asked_for)
{
	struct siderec rec;

	made_ring_mmap(&made, 42, 7, 0x1000, 0, "/x");
	made.data[5] |= PERF_RECORD_MISC_MMAP_BUILD_ID >> 8;
	cr_assert_eq(siderec_parse(made.data, made.head, false, &rec), 0);
	cr_expect_eq(rec.mmap.build_id_n, 0);
	cr_expect_eq(rec.mmap.ino, 77);
}

Test(siderec, build_id_is_not_longer_than_its_room)
{
	struct siderec rec;

	made_ring_mmap(&made, 42, 7, 0x1000, 21, "/x");
	cr_expect_eq(siderec_parse(made.data, made.head, true, &rec), -EBADMSG);
}

Test(siderec, fork_and_exit)
{
	struct siderec rec;

	made_ring_fork(&made, 5, 100, 200, 201);
	rec = parsed();
	cr_expect_eq(rec.kind, SIDEREC_FORK);
	cr_expect_eq(rec.task.parent_tgid, 100);
	cr_expect_eq(rec.task.parent_tid, 101);
	cr_expect_eq(rec.task.tgid, 200);
	cr_expect_eq(rec.task.tid, 201);
	made.head = 0;
	made_ring_exit(&made, 6, 200, 201);
	cr_expect_eq(parsed().kind, SIDEREC_EXIT);
}

Test(siderec, comm_exec_and_lost)
{
	made_ring_comm(&made, 5, 1, 2, "fifteen letters", false);
	cr_expect_str_eq(parsed().comm.comm, "fifteen letters");
	cr_expect_not(parsed().comm.exec);
	made.head = 0;
	made_ring_comm(&made, 5, 1, 2, "x", true);
	cr_expect(parsed().comm.exec);
	made.head = 0;
	made_ring_lost(&made, 5, 1ull << 40);
	cr_expect_eq(parsed().lost, 1ull << 40);
}

Test(siderec, cgroup)
{
	struct {
		uint64_t id;
		char path[16];
	} body = { 4711, "/docker/0123" };

	made_ring_record(&made, PERF_RECORD_CGROUP, 0, 5, &body, sizeof(body));
	cr_expect_eq(parsed().kind, SIDEREC_CGROUP);
	cr_expect_eq(parsed().cgroup.id, 4711);
	cr_expect_str_eq(parsed().cgroup.path, "/docker/0123");
	made.head = 0;
	memset(body.path, 'x', sizeof(body.path));
	made_ring_record(&made, PERF_RECORD_CGROUP, 0, 5, &body, sizeof(body));
	cr_expect_eq(siderec_parse(made.data, made.head, true, &(struct siderec){ 0 }), -EBADMSG,
		     "a path without an end");
}

Test(siderec, type_that_was_not_asked_for)
{
	made_ring_record(&made, PERF_RECORD_SAMPLE, 0, 5, "12345678", 8);
	cr_expect_eq(parsed().kind, SIDEREC_UNKNOWN);
	made.head = 0;
	made_ring_record(&made, 0xffffffff, 0xffff, 5, "", 0);
	cr_expect_eq(parsed().kind, SIDEREC_UNKNOWN);
	cr_expect_eq(siderec_parse(made.data, SIDEREC_HEADER_BYTES, true, &(struct siderec){ 0 }),
		     0);
}

/* A record cut anywhere is refused, except within the padding of its text. */
Test(siderec, every_cut_is_malformed)
{
	const uint32_t types[] = { PERF_RECORD_MMAP2, PERF_RECORD_COMM, PERF_RECORD_FORK,
				   PERF_RECORD_EXIT, PERF_RECORD_LOST };
	static const size_t needs[] = { 64 + 1, 8 + 1, 24, 24, 16 };
	uint8_t body[128] = { 0 };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		for (size_t n = 0; n <= sizeof(body); n++) {
			struct siderec rec = { .time_ns = 99 };
			int r;

			made.head = 0;
			made_ring_record(&made, types[i], 0, 1, body, n);
			r = siderec_parse(made.data, made.head, true, &rec);
			cr_expect_eq(r, n < needs[i] ? -EBADMSG : 0, "type %u, %zu bytes", types[i],
				     n);
			cr_expect_eq(rec.time_ns, r < 0 ? 99 : 1, "untouched on failure");
		}
	for (size_t n = 0; n < SIDEREC_HEADER_BYTES + SIDEREC_TRAILER_BYTES; n++)
		cr_expect_eq(siderec_parse(made.data, n, true, &(struct siderec){ 0 }), -EBADMSG);
}

Test(siderec, text_without_an_end)
{
	struct siderec rec;
	uint8_t body[24];

	memset(body, 'x', sizeof(body));
	made_ring_record(&made, PERF_RECORD_COMM, 0, 1, body, sizeof(body));
	cr_expect_eq(siderec_parse(made.data, made.head, true, &rec), -EBADMSG);
}
