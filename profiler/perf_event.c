/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_event.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "array.h"
#include "cleanup.h"
#include "clock.h"
#include "err.h"
#include "event.h"

struct cpu_events {
	unsigned cpu;
	int fds[WIRE_MAX_EVENTS]; /* -1 = not open */
	/* At the last look: how long the first one had been at work, and when that was. */
	uint64_t enabled_ns, looked_ns;
};

struct perf_events {
	const struct event_list *events;
	int prog_fds[WIRE_MAX_EVENTS];
	unsigned freq_hz;
	uint64_t period;
	bool enabled;
	struct cpuset wanted;
	bool all;
	ARRAY(struct cpu_events) cpus;
};

static int perf_event_open(struct perf_event_attr *attr, int pid, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int perf_event_try(const struct event *ev)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = ev->type,
		.config = ev->config,
		.sample_period = 1ull << 40,
		.disabled = 1,
		.exclude_kernel =
			1, /* what anybody may count, so that absence is not confused with EPERM */
		.exclude_hv = 1,
	};
	int fd = perf_event_open(&attr, 0, -1);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int open_one(const struct perf_events *p, size_t i, unsigned cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = p->events->ev[i].type,
		.config = p->events->ev[i].config,
		.disabled = 1,
		.freq = p->freq_hz != 0,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED,
	};
	int fd;

	if (p->freq_hz)
		attr.sample_freq = p->freq_hz;
	else
		attr.sample_period = p->period;
	fd = perf_event_open(&attr, -1, (int)cpu);
	if (fd < 0)
		return fd;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, p->prog_fds[i]) < 0 ||
	    (p->enabled && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void close_cpu(struct cpu_events *c)
{
	for (size_t i = 0; i < WIRE_MAX_EVENTS; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
}

/* Opens all events of one CPU or none. On failure *@ret_event is the one that could not be opened.
 */
static int open_cpu(struct perf_events *p, unsigned cpu, size_t *ret_event)
{
	struct cpu_events c = { .cpu = cpu };
	int r = 0;

	memset(c.fds, 0xff, sizeof(c.fds));
	for (size_t i = 0; i < p->events->n && r >= 0; i++) {
		r = c.fds[i] = open_one(p, i, cpu);
		*ret_event = i;
	}
	if (r >= 0)
		r = array_push(&p->cpus, c);
	if (r < 0)
		close_cpu(&c);
	return r;
}

static bool is_open(const struct perf_events *p, unsigned cpu)
{
	array_each(&p->cpus, c)
		if (c->cpu == cpu)
			return true;
	return false;
}

static int explain_open(struct err *e, int r, const struct event *ev)
{
	switch (-r) {
	case EPERM:
	case EACCES:
		return err_set(e, r,
			       "no permission to sample '%s' on this machine; run as root, or with "
			       "CAP_PERFMON and CAP_BPF ('wick doctor' tells what is missing)",
			       ev->name);
	case EMFILE:
	case ENFILE:
		return err_set(e, r,
			       "too many open files for one event a CPU; raise the limit with "
			       "'ulimit -n'");
	case EINVAL:
		return err_set(
			e, r,
			"the kernel refuses to sample '%s' at this rate; choose a lower -F or "
			"raise kernel.perf_event_max_sample_rate",
			ev->name);
	default:
		return err_set(e, r,
			       "cannot sample '%s': %m; 'wick doctor' lists what this machine has",
			       ev->name);
	}
}

int perf_events_open(struct perf_events **ret, const struct perf_events_opts *o, struct err *e)
{
	struct perf_events *p = calloc(1, sizeof(*p));
	struct cpuset online;
	size_t event = 0;
	int r;

	if (!p)
		return -ENOMEM;
	p->events = o->events;
	p->freq_hz = o->freq_hz;
	p->period = o->period;
	p->all = !o->cpus;
	if (o->cpus)
		p->wanted = *o->cpus;
	memcpy(p->prog_fds, o->prog_fds, o->events->n * sizeof(*o->prog_fds));
	r = cpuset_online(&online);
	for (unsigned cpu = 0; cpu < CPUSET_MAX && r >= 0; cpu++)
		if (cpuset_has(&online, cpu) && (p->all || cpuset_has(&p->wanted, cpu))) {
			r = open_cpu(p, cpu, &event);
			if (r == -ENODEV || r == -ENXIO)
				r = 0; /* it went offline just now */
		}
	if (r < 0)
		r = explain_open(e, r, &p->events->ev[event]);
	else if (!p->cpus.n)
		r = err_set(e, -ENODEV, "none of the CPUs asked for is online; see 'lscpu'");
	if (r < 0) {
		perf_events_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

int perf_events_enable(struct perf_events *p, struct err *e)
{
	p->enabled = true;
	array_each(&p->cpus, c)
		for (size_t i = 0; i < p->events->n; i++)
			if (ioctl(c->fds[i], PERF_EVENT_IOC_ENABLE, 0) < 0)
				return err_set(e, -errno, "cannot start sampling on CPU %u: %m",
					       c->cpu);
	return 0;
}

void perf_events_disable(struct perf_events *p)
{
	p->enabled = false;
	array_each(&p->cpus, c)
		for (size_t i = 0; i < p->events->n; i++)
			ioctl(c->fds[i], PERF_EVENT_IOC_DISABLE, 0);
}

/*
 * Whether the events of @c ended with their CPU, which has come back since the last look: since then they
 * were at work for less than half of the time. (While the machine sleeps, so does whoever could see its
 * CPUs gone.) Where it was more, the next look tells.
 */
static bool have_ended(const struct perf_events *p, struct cpu_events *c)
{
	const struct cpu_events before = *c;
	struct {
		uint64_t value, enabled_ns;
	} now;

	if (!p->enabled)
		return false;
	if (read(c->fds[0], &now, sizeof(now)) != sizeof(now))
		return true;
	c->enabled_ns = now.enabled_ns;
	c->looked_ns = clock_mono_ns();
	return before.looked_ns &&
	       now.enabled_ns - before.enabled_ns < (c->looked_ns - before.looked_ns) / 2;
}

int perf_events_refresh(struct perf_events *p)
{
	struct cpuset online;
	size_t event, kept = 0;
	int changed = 0, r = cpuset_online(&online);

	if (r < 0)
		return r;
	array_each(&p->cpus, c) {
		if (cpuset_has(&online, c->cpu) && !have_ended(p, c)) {
			p->cpus.items[kept++] = *c;
			continue;
		}
		close_cpu(c);
		changed++;
	}
	p->cpus.n = kept;
	for (unsigned cpu = 0; cpu < CPUSET_MAX; cpu++)
		if (cpuset_has(&online, cpu) && (p->all || cpuset_has(&p->wanted, cpu)) &&
		    !is_open(p, cpu)) {
			r = open_cpu(p, cpu, &event);
			if (r < 0)
				return r;
			changed++;
		}
	return changed;
}

size_t perf_events_cpus(const struct perf_events *p)
{
	return p->cpus.n;
}

void perf_events_free(struct perf_events *p)
{
	if (!p)
		return;
	array_each(&p->cpus, c)
		close_cpu(c);
	array_free(&p->cpus);
	free(p);
}
