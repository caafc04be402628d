/* SPDX-License-Identifier: Apache-2.0 */
#include "sideband.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "array.h"
#include "cleanup.h"
#include "clock.h"
#include "cpuset.h"
#include "err.h"
#include "sidering.h"

#define DEFAULT_RING_BYTES (64u << 10)
#define MAX_RING_BYTES	   (1u << 30)
#define LONG_RECORD_BYTES  (4096 + 256) /* a mapping with the longest path */
#define FORMAT_LOST	   (1u << 4)	/* PERF_FORMAT_LOST, in headers since Linux 6.0 */

struct cpu_ring {
	int fd;
	void *map; /* a page of positions and the data; MAP_FAILED = none */
	size_t map_bytes;
	struct sidering ring;
};

struct sideband {
	int epoll_fd;
	size_t page_bytes, ring_bytes;
	bool has_format_lost; /* until the kernel refuses it; as reader.build_ids */
	bool cgroups;	      /* likewise */
	bool map_refused;     /* the last failure was to map a ring, for its size */
	ARRAY(struct cpu_ring *) cpus;
	ARRAY(struct sidering *) order; /* the rings of `cpus`, in the order of the last merge */
	struct sidering_reader reader;
};

static int open_event(const struct sideband *s, unsigned cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.read_format =
			PERF_FORMAT_TOTAL_TIME_ENABLED | (s->has_format_lost ? FORMAT_LOST : 0),
		.exclude_kernel = 1, /* needs less privilege and makes no difference to records */
		.exclude_hv = 1,
		.mmap = 1,
		.mmap2 = 1,
		.build_id = s->reader.build_ids,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.cgroup = s->cgroups,
		.sample_id_all = 1,
		.watermark = 1,
		.wakeup_watermark = 1, /* bytes */
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* open_event() with as much as the kernel knows: COMPAT(6.0) counts of losses, COMPAT(5.12) build
 * ids. Cgroups are known since 5.7, where the kernel was built with them. */
static int open_best_event(struct sideband *s, unsigned cpu)
{
	int fd = open_event(s, cpu);

	if (fd == -EINVAL && s->has_format_lost) {
		s->has_format_lost = false;
		fd = open_event(s, cpu);
	}
	if (fd == -EINVAL && s->cgroups) {
		s->cgroups = false;
		fd = open_event(s, cpu);
	}
	if (fd == -EINVAL && s->reader.build_ids) {
		s->reader.build_ids = false;
		fd = open_event(s, cpu);
	}
	return fd;
}

static int explain_open(struct err *e, int r, unsigned cpu)
{
	switch (-r) {
	case EPERM:
	case EACCES:
		return err_set(e, r,
			       "no permission to follow processes on this machine; run as root, or "
			       "with CAP_PERFMON ('wick doctor' tells what is missing)");
	case EMFILE:
	case ENFILE:
		return err_set(
			e, r,
			"too many open files to follow processes on every CPU; raise the limit "
			"with 'ulimit -n'");
	default:
		return err_set(
			e, r,
			"cannot follow processes on CPU %u: %m; 'wick doctor' lists what this "
			"machine has",
			cpu);
	}
}

static int explain_map(struct err *e, int r, unsigned cpu, size_t bytes)
{
	if (r == -EPERM)
		return err_set(
			e, r,
			"may not lock %zu KiB of memory for each CPU to follow processes; raise "
			"the limit with 'ulimit -l' or 'sysctl kernel.perf_event_mlock_kb'",
			bytes >> 10);
	return err_set(e, r,
		       "cannot map %zu KiB to follow processes on CPU %u: %m; choose smaller rings",
		       bytes >> 10, cpu);
}

static void cpu_ring_free(struct cpu_ring *c)
{
	if (!c)
		return;
	if (c->map != MAP_FAILED)
		munmap(c->map, c->map_bytes);
	if (c->fd >= 0)
		close(c->fd); /* after the mapping, which keeps the file in the epoll set */
	free(c);
}
DEFINE_CLEANUP(struct cpu_ring *, cpu_ring_free)

/* Maps a ring of @bytes on the open event of @c. -errno of mmap(2). */
static int map_ring(struct cpu_ring *c, unsigned cpu, size_t page_bytes, size_t bytes)
{
	struct perf_event_mmap_page *page;

	c->map_bytes = page_bytes + bytes;
	c->map = mmap(NULL, c->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
	if (c->map == MAP_FAILED)
		return -errno;
	page = c->map;
	c->ring = (struct sidering){
		.cpu = cpu,
		.data = (const uint8_t *)c->map + page_bytes,
		.bytes = bytes,
		.head = (const uint64_t *)&page->data_head,
		.tail = (uint64_t *)&page->data_tail,
	};
	return 0;
}

static int adopt(struct sideband *s, struct cpu_ring *c)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (array_reserve(&s->cpus, 1) < 0 || array_reserve(&s->order, 1) < 0)
		return -ENOMEM;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		return -errno;
	s->order.items[s->order.n++] = &c->ring;
	s->cpus.items[s->cpus.n++] = c;
	return 0;
}

/* Follows @cpu with a ring of the usual size, or of less down to @min_bytes if it is refused. */
static int open_cpu(struct sideband *s, unsigned cpu, size_t min_bytes, struct err *e)
{
	_cleanup_(cpu_ring_freep) struct cpu_ring *c = calloc(1, sizeof(*c));
	size_t bytes = s->ring_bytes;
	int r;

	s->map_refused = false;
	if (!c)
		return err_set(e, -ENOMEM, "out of memory; free some, or follow fewer CPUs");
	c->map = MAP_FAILED;
	c->fd = open_best_event(s, cpu);
	if (c->fd < 0)
		return explain_open(e, c->fd, cpu);
	while ((r = map_ring(c, cpu, s->page_bytes, bytes)) < 0 && bytes > min_bytes &&
	       (r == -EPERM || r == -ENOMEM))
		bytes /= 2;
	if (r < 0) {
		s->map_refused = r == -EPERM || r == -ENOMEM;
		return explain_map(e, r, cpu, bytes);
	}
	r = adopt(s, c);
	if (r < 0)
		return explain_open(e, r, cpu);
	c = NULL; /* taken */
	return 0;
}

/* Closes the rings of CPUs that are not in @keep, all of them when it is NULL. How many. */
static int close_cpus(struct sideband *s, const struct cpuset *keep)
{
	size_t n = s->cpus.n, kept = 0;

	s->order.n = 0;
	array_each(&s->cpus, c) {
		if (!keep || !cpuset_has(keep, (*c)->ring.cpu)) {
			cpu_ring_free(*c);
			continue;
		}
		s->order.items[s->order.n++] = &(*c)->ring;
		s->cpus.items[kept++] = *c;
	}
	s->cpus.n = kept;
	return (int)(n - kept);
}

static bool is_followed(const struct sideband *s, unsigned cpu)
{
	array_each(&s->cpus, c)
		if ((*c)->ring.cpu == cpu)
			return true;
	return false;
}

/* Opens the CPUs of @online that are not followed yet. How many, or -errno with a sentence. */
static int open_cpus(struct sideband *s, const struct cpuset *online, size_t min_bytes,
		     struct err *e)
{
	int opened = 0;

	for (unsigned cpu = 0; cpu < CPUSET_MAX; cpu++) {
		int r;

		if (!cpuset_has(online, cpu) || is_followed(s, cpu))
			continue;
		r = open_cpu(s, cpu, min_bytes, e);
		if (r == -ENODEV || r == -ENXIO)
			continue; /* it went offline just now */
		if (r < 0)
			return r;
		opened++;
	}
	return opened;
}

/* Opens rings of one size on all CPUs: the first ones must not take what the last ones need. */
static int open_all(struct sideband *s, struct err *e)
{
	struct cpuset online;
	int r = cpuset_online(&online);

	if (r < 0)
		return r == -EMFILE || r == -ENFILE
			       ? explain_open(e, r, 0)
			       : err_set(e, r,
					 "cannot tell which CPUs are online: %m; is /sys mounted?");
	while ((r = open_cpus(s, &online, s->ring_bytes, e)) < 0 && s->map_refused &&
	       s->ring_bytes > s->page_bytes) {
		close_cpus(s, NULL);
		s->ring_bytes /= 2;
	}
	if (r >= 0 && !s->cpus.n)
		r = err_set(e, -ENODEV, "none of the CPUs is online any more; try again");
	return r < 0 ? r : 0;
}

static size_t ring_bytes_for(const struct sideband *s, size_t want)
{
	size_t n = s->page_bytes;

	if (!want)
		want = DEFAULT_RING_BYTES;
	while (n < want)
		n *= 2;
	return n;
}

int sideband_new(struct sideband **ret, const struct sideband_opts *o,
		 const struct sideband_callbacks *cb, struct err *e)
{
	size_t want = o ? o->ring_bytes : 0;
	struct sideband *s;
	int r;

	if (want > MAX_RING_BYTES)
		return err_set(e, -EINVAL,
			       "%zu bytes are too many for a CPU's ring; use at most %u", want,
			       MAX_RING_BYTES);
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "out of memory; free some");
	s->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	s->ring_bytes = ring_bytes_for(s, want);
	s->has_format_lost = true;
	s->reader.build_ids = o && o->build_ids;
	s->cgroups = o && o->cgroups;
	s->reader.cb = *cb;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = s->epoll_fd < 0 ? explain_open(e, -errno, 0) : open_all(s, e);
	if (r < 0) {
		sideband_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int sideband_poll_fd(const struct sideband *s)
{
	return s->epoll_fd;
}

/* Whether there was so little room before the last reading that a record may have been lost. */
static bool was_full(const struct sidering *r)
{
	return r->may - r->began + LONG_RECORD_BYTES > r->bytes;
}

/* What read(2) gives of an event; `lost` of those that count it. */
struct event_state {
	uint64_t value, enabled_ns, lost;
};

/*
 * A record of a loss is written with the next record that finds room, which may take long on an
 * idle CPU. Kernels that count losses in the event, too, are asked at once.
 */
static void ask_lost(struct sideband *s, struct cpu_ring *c)
{
	struct event_state st;

	if (s->has_format_lost && read(c->fd, &st, sizeof(st)) == sizeof(st))
		sidering_tell_lost(&c->ring, st.lost, clock_mono_ns(), &s->reader);
}

/*
 * An event ends when its CPU goes offline, and stays ended when the CPU comes back: the time that
 * it was at work, which grows from one look to the next, then stands still.
 */
static bool has_ended(const struct cpu_ring *c)
{
	struct event_state first, second;
	const ssize_t least = offsetof(struct event_state, lost);

	return read(c->fd, &first, sizeof(first)) < least ||
	       read(c->fd, &second, sizeof(second)) < least ||
	       first.enabled_ns == second.enabled_ns;
}

void sideband_read(struct sideband *s)
{
	sidering_read(s->order.items, s->order.n, &s->reader);
	array_each(&s->cpus, c)
		if (was_full(&(*c)->ring))
			ask_lost(s, *c);
}

int sideband_follow(struct sideband *s, const struct cpuset *online)
{
	struct cpuset keep = { 0 };
	size_t n_keep = 0;
	int closed, opened;

	array_each(&s->cpus, c)
		if (cpuset_has(online, (*c)->ring.cpu) && !has_ended(*c)) {
			cpuset_add(&keep, (*c)->ring.cpu);
			n_keep++;
		}
	if (n_keep < s->cpus.n)
		sideband_read(s);
	closed = close_cpus(s, &keep);
	opened = open_cpus(s, online, s->page_bytes, NULL);
	return opened < 0 ? opened : closed + opened;
}

int sideband_refresh(struct sideband *s)
{
	struct cpuset online;
	int r = cpuset_online(&online);

	return r < 0 ? r : sideband_follow(s, &online);
}

size_t sideband_cpus(const struct sideband *s)
{
	return s->cpus.n;
}

size_t sideband_ring_bytes(const struct sideband *s)
{
	size_t least = s->ring_bytes;

	array_each(&s->cpus, c)
		if ((*c)->ring.bytes < least)
			least = (size_t)(*c)->ring.bytes;
	return least;
}

const struct sideband_counts *sideband_counts(const struct sideband *s)
{
	return &s->reader.counts;
}

void sideband_free(struct sideband *s)
{
	if (!s)
		return;
	close_cpus(s, NULL);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	array_free(&s->cpus);
	array_free(&s->order);
	free(s);
}
