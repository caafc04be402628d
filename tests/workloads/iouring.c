/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iouring SECONDS: so long, on the clock, a thread that the kernel made for this process reads zeros for
 * it, one read(2) of 16 MB after the other. 77 where io_uring may not be used.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <linux/io_uring.h>

#include "workload.h"

#define BYTES (16 << 20)

struct rings {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *entries;
};

static void *map(const struct rings *r, size_t n, off_t what)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, what);

	if (p == MAP_FAILED)
		exit(77);
	return p;
}

static void open_rings(struct rings *r)
{
	r->fd = (int)syscall(SYS_io_uring_setup, 8, &r->p);
	if (r->fd < 0)
		exit(77);
	r->sq = map(r, r->p.sq_off.array + r->p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	r->cq = map(r, r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe),
		    IORING_OFF_CQ_RING);
	r->entries = map(r, r->p.sq_entries * sizeof(*r->entries), IORING_OFF_SQES);
}

/* One read by a worker, and its end is waited for. */
static int read_once(struct rings *r, int fd, void *to)
{
	atomic_uint *tail = (void *)(r->sq + r->p.sq_off.tail);
	unsigned n = atomic_load(tail), mask = *(unsigned *)(r->sq + r->p.sq_off.ring_mask);
	unsigned *array = (void *)(r->sq + r->p.sq_off.array);
	atomic_uint *head = (void *)(r->cq + r->p.cq_off.head),
		    *done = (void *)(r->cq + r->p.cq_off.tail);

	r->entries[n & mask] = (struct io_uring_sqe){ .opcode = IORING_OP_READ,
						      .flags = IOSQE_ASYNC,
						      .fd = fd,
						      .addr = (uintptr_t)to,
						      .len = BYTES };
	array[n & mask] = n & mask;
	atomic_store(tail, n + 1);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	atomic_store(head, atomic_load(done));
	return 0;
}

int main(int argc, char **argv)
{
	double end = seconds_of(CLOCK_MONOTONIC) + arg_seconds(argc, argv, 1);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *to = malloc(BYTES);
	struct rings r = { 0 };

	if (!to || zero < 0)
		return 1;
	memset(to, 1, BYTES);
	open_rings(&r);
	puts("ready");
	fflush(stdout);
	while (seconds_of(CLOCK_MONOTONIC) < end)
		if (read_once(&r, zero, to) < 0)
			return 1;
	return 0;
}
