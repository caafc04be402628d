/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm SECONDS N: N threads whose stacks are hardly ever the same twice: sixteen functions call
 * each other at random through pointers to a random depth, and at the bottom, and at some turns
 * above it, stands one of a dozen system calls.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "workload.h"

static double limit;

struct walker {
	uint64_t state;
	int depth, zero_fd, null_fd, pipe[2], pair[2];
	volatile uint64_t sum;
};

typedef void step_fn(struct walker *w);

static void into_kernel(struct walker *w)
{
	char buf[4096] = { 0 };
	struct stat st;
	void *p;

	switch (random_u64(&w->state) % 12) {
	case 0:
		w->sum += (uint64_t)syscall(SYS_getppid);
		break;
	case 1:
		w->sum += (uint64_t)read(w->zero_fd, buf, sizeof(buf));
		break;
	case 2:
		w->sum += (uint64_t)write(w->null_fd, buf, sizeof(buf));
		break;
	case 3:
		w->sum += (uint64_t)stat("/usr/lib/os-release", &st);
		break;
	case 4:
		w->sum += (uint64_t)access("/no/such/file/anywhere", F_OK);
		break;
	case 5:
		w->sum += (uint64_t)open("/etc/does-not-exist", O_RDONLY);
		break;
	case 6:
		w->sum += (uint64_t)(write(w->pipe[1], buf, 512) + read(w->pipe[0], buf, 512));
		break;
	case 7:
		w->sum += (uint64_t)(send(w->pair[0], buf, 256, 0) + recv(w->pair[1], buf, 256, 0));
		break;
	case 8:
		w->sum += (uint64_t)syscall(SYS_sched_yield);
		break;
	case 9:
		w->sum += (uint64_t)fstat(w->zero_fd, &st);
		break;
	case 10:
		w->sum += (uint64_t)lseek(w->zero_fd, 0, SEEK_SET);
		break;
	default:
		p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p != MAP_FAILED) {
			for (int i = 0; i < 16; i++)
				((volatile char *)p)[i * 4096] = 1;
			munmap(p, 65536);
		}
	}
}

static step_fn *const steps[16];

static void onward(struct walker *w)
{
	uint64_t r = random_u64(&w->state);

	if (w->depth-- > 0)
		steps[r % 16](w);
	else
		into_kernel(w);
	w->sum++; /* not a tail call */
}

/* Several places to be called from, so that one function gives several return addresses. */
#define STEP(name)                                   \
	NOINLINE static void name(struct walker *w)  \
	{                                            \
		if (random_u64(&w->state) % 64 == 0) \
			into_kernel(w);              \
		BURN(random_u64(&w->state) % 64);    \
		if (w->state & 0x10000)              \
			onward(w);                   \
		else if (w->state & 0x20000)         \
			onward(w);                   \
		else                                 \
			onward(w);                   \
		w->sum++;                            \
	}
STEP(step_0);
STEP(step_1);
STEP(step_2);
STEP(step_3);
STEP(step_4);
STEP(step_5);
STEP(step_6);
STEP(step_7);
STEP(step_8);
STEP(step_9);
STEP(step_10);
STEP(step_11);
STEP(step_12);
STEP(step_13);
STEP(step_14);
STEP(step_15);

static step_fn *const steps[16] = { step_0,  step_1,  step_2,  step_3, step_4,	step_5,
				    step_6,  step_7,  step_8,  step_9, step_10, step_11,
				    step_12, step_13, step_14, step_15 };

static void *walk(void *arg)
{
	struct walker w = { .state = (uint64_t)(uintptr_t)arg * 0x9e3779b97f4a7c15ull +
				     (uint64_t)time(NULL) };

	w.zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	w.null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (w.zero_fd < 0 || w.null_fd < 0 || pipe(w.pipe) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, w.pair) < 0)
		exit(3);
	while (thread_s() < limit) {
		w.depth = (int)(random_u64(&w.state) % 50);
		onward(&w);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? strtol(argv[2], NULL, 10) : 2;
	pthread_t t[64];

	limit = arg_seconds(argc, argv, 2);
	if (n < 1 || n > 64)
		return 2;
	for (long i = 0; i < n; i++)
		pthread_create(&t[i], NULL, walk, (void *)(intptr_t)(i + 1));
	for (long i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	say_usage();
	return 0;
}
