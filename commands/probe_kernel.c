/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel is and does. */
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

/* Why a trial failed: for errors that mean something else here than strerror(3) says. */
static const char *why(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "not permitted";
	case -ENOSYS:
		return "the kernel is built without it";
	case -EINVAL:
		return "the kernel does not know it";
	default:
		return strerror(-error);
	}
}

static bool is_refused(int error)
{
	return error == -EPERM || error == -EACCES;
}

void probe_kernel(const struct host *h, struct finding *f)
{
	int major = 0, minor = 0;
	char release[128];

	if (host_line(h, "/proc/sys/kernel/osrelease", release, sizeof(release)) < 0) {
		finding_mean(f, FINDING_UNKNOWN, "/proc is not mounted, and wick needs it.");
		finding_remedy(f, "sudo mount -t proc proc /proc");
		return;
	}
	finding_value(f, "%s", release);
	sscanf(release, "%d.%d", &major, &minor);
	/* Features are tried below; this is only what wick is tested on. */
	if (major > 5 || (major == 5 && minor >= 10))
		finding_ok(f, "");
	else
		finding_mean(f, FINDING_LIMITED, "wick is made for Linux 5.10 and newer.");
}

void probe_architecture(const struct host *h, struct finding *f)
{
	finding_value(f, "%s", h->machine);
	if (strcmp(h->machine, "x86_64") == 0)
		finding_ok(f, "");
	else
		finding_mean(
			f, FINDING_MISSING,
			"wick unwinds stacks of x86_64 only. Profiles made there can be read here.");
}

/* How many CPUs a list like "0-3,8" names; 0 when it is none. */
static unsigned count_cpus(const char *list)
{
	unsigned n = 0, first, last;
	int used;

	while (sscanf(list, "%u%n", &first, &used) == 1) {
		list += used;
		last = first;
		if (sscanf(list, "-%u%n", &last, &used) == 1)
			list += used;
		if (last < first)
			return 0;
		n += last - first + 1;
		if (*list++ != ',')
			break;
	}
	return n;
}

void probe_cpus(const struct host *h, struct finding *f)
{
	char list[512];

	if (host_line(h, "/sys/devices/system/cpu/online", list, sizeof(list)) < 0 ||
	    !count_cpus(list)) {
		finding_mean(
			f, FINDING_MISSING,
			"/sys does not tell which CPUs are online, so wick cannot sample them.");
		finding_remedy(f, "sudo mount -t sysfs sysfs /sys");
		return;
	}
	finding_value(f, "%u online (%.100s)", count_cpus(list), list);
	finding_ok(f, "Each is sampled.");
}

void probe_btf(const struct host *h, struct finding *f)
{
	if (host_access(h, "/sys/kernel/btf/vmlinux", F_OK) == 0) {
		finding_value(f, "present");
		finding_ok(f, "");
		return;
	}
	finding_value(f, "absent");
	finding_ok(f, "Sampling does without it.");
}

void probe_jit(const struct host *h, struct finding *f)
{
	long long level;
	int r = host_number(h, "/proc/sys/net/core/bpf_jit_enable", &level);

	if (r < 0) {
		finding_value(f, "%s", is_refused(r) ? "hidden" : "not told");
		finding_mean(f, FINDING_UNKNOWN,
			     is_refused(r)
				     ? "Only root may read net.core.bpf_jit_enable."
				     : "This network namespace does not show bpf_jit_enable.");
		return;
	}
	finding_value(f, "%s", level == 0 ? "off" : level == 1 ? "on" : "on, with debug output");
	if (level == 1) {
		finding_ok(f, "BPF programs run compiled.");
		return;
	}
	finding_mean(
		f, FINDING_LIMITED,
		level == 0 ? "BPF programs are interpreted: every sample costs several times more."
			   : "The kernel writes every compiled program to its log.");
	finding_remedy(f, "sudo sysctl net.core.bpf_jit_enable=1");
}

/* A BPF feature that recording needs. */
static void judge_needed(struct finding *f, int error, const char *what)
{
	if (error == 0) {
		finding_value(f, "works");
		finding_ok(f, "");
		return;
	}
	finding_value(f, "%s", why(error));
	if (is_refused(error))
		finding_mean(f, FINDING_MISSING, "wick needs %s: see the privileges above.", what);
	else
		finding_mean(f, FINDING_MISSING, "wick needs %s and cannot record without.", what);
}

void probe_program(const struct host *h, struct finding *f)
{
	judge_needed(f, h->kfeat.program, "a BPF program on a perf event to take samples");
}

void probe_ringbuf(const struct host *h, struct finding *f)
{
	judge_needed(f, h->kfeat.ringbuf, "a BPF ring buffer to pass samples on");
}

void probe_stack_map(const struct host *h, struct finding *f)
{
	long long depth;

	judge_needed(f, h->kfeat.stack_trace, "a BPF stack-trace map for kernel stacks");
	if (h->kfeat.stack_trace == -EINVAL &&
	    host_number(h, "/proc/sys/kernel/perf_event_max_stack", &depth) == 0 && depth < 127) {
		finding_mean(
			f, FINDING_MISSING,
			"perf_event_max_stack is %lld, and wick's kernel stacks have 127 frames.",
			depth);
		finding_remedy(f, "sudo sysctl kernel.perf_event_max_stack=127");
	}
}

void probe_events(const struct host *h, struct finding *f)
{
	char have[160] = "", lack[160] = "";
	bool refused = false;

	for (int i = 0; i < KFEAT_EVENT_MAX; i++) {
		int r = h->kfeat.events[i];
		char *to = r == 0 ? have : lack; /* of one size */
		size_t n = strlen(to);

		refused |= r && !kfeat_is_absent(r);
		snprintf(to + n, sizeof(have) - n, "%s%s", n ? ", " : "", kfeat_event_name(i));
	}
	finding_value(f, "%s", *have ? have : "none");
	if (refused)
		finding_mean(f, FINDING_UNKNOWN, "Not permitted: %s. See the privileges above.",
			     lack);
	else if (h->kfeat.events[KFEAT_CYCLES] != 0)
		finding_mean(
			f, FINDING_LIMITED,
			"This machine lacks %s. CPU time is sampled by a timer, cpu-clock: code that "
			"runs with interrupts off is seen when they come on again. Virtual machines "
			"have hardware counters when their host passes a vPMU on.",
			lack);
	else if (*lack)
		finding_mean(f, FINDING_OK, "This machine lacks %s.", lack);
	else
		finding_ok(f, "");
}

void probe_sampling(const struct host *h, struct finding *f)
{
	int r = h->kfeat.sample_all ? h->kfeat.sample_all : h->kfeat.attach;

	if (r == 0) {
		finding_value(f, "by %s", kfeat_event_name(h->kfeat.sampler));
		finding_ok(f, "Every process on a CPU, kernel included.");
		return;
	}
	finding_value(f, "%s", why(r));
	finding_mean(f, FINDING_MISSING,
		     "A perf event of every process on a CPU, kernel included, %s.",
		     h->kfeat.sample_all ? "cannot be opened" : "takes no BPF program");
}
