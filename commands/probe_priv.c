/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel forbids this process, or everybody. */
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "cleanup.h"
#include "host.h"

#define REMEDY_SUDO "sudo wick record -a"

static const struct cap {
	enum host_cap cap;
	const char *name, *use;
} caps[] = {
	{ HOST_CAP_BPF, "CAP_BPF", "load the sampler" },
	{ HOST_CAP_PERFMON, "CAP_PERFMON", "sample other users' processes and the kernel" },
	{ HOST_CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "see what other users' processes have mapped" },
	{ HOST_CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
	  "read programs that only their owner may" },
	{ HOST_CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
	  "open programs that were deleted" },
	{ HOST_CAP_SYSLOG, "CAP_SYSLOG", "name kernel functions" },
};

/* The names of the capabilities that are held. */
static void list_held(const struct host *h, char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < ARRAY_LEN(caps) && n < size; i++)
		if (host_has_cap(h, caps[i].cap))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "",
					      caps[i].name);
}

/* The others, each with what it would be good for. */
static void list_lacking(const struct host *h, char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < ARRAY_LEN(caps) && n < size; i++)
		if (!host_has_cap(h, caps[i].cap))
			n += (size_t)snprintf(buf + n, size - n, "%s%s to %s", n ? ", " : "",
					      caps[i].name, caps[i].use);
}

/* Root of a container may lack what root of the machine has: then the container needs it first. */
static void advise_capabilities(const struct host *h, struct finding *f)
{
	const uint64_t admin = 1ull << HOST_CAP_SYS_ADMIN;
	const uint64_t both = 1ull << HOST_CAP_BPF | 1ull << HOST_CAP_PERFMON;

	if (!*h->container || h->cap_bounds & admin || (h->cap_bounds & both) == both)
		finding_remedy(f, REMEDY_SUDO);
	else
		finding_remedy(f, host_privileged_container(h));
}

void probe_capabilities(const struct host *h, struct finding *f)
{
	bool can_record = host_has_cap(h, HOST_CAP_BPF) && host_has_cap(h, HOST_CAP_PERFMON);
	char held[160], lacking[600];

	list_held(h, held, sizeof(held));
	list_lacking(h, lacking, sizeof(lacking));
	if (!*lacking) {
		finding_value(f, "all that wick uses");
		finding_ok(f, "");
		return;
	}
	finding_value(f, "%s", *held ? held : "none that wick uses");
	finding_mean(f, can_record ? FINDING_LIMITED : FINDING_MISSING, "wick lacks %s.", lacking);
	advise_capabilities(h, f);
}

void probe_user_namespace(const struct host *h, struct finding *f)
{
	finding_value(f, "%s", h->initial_userns ? "the machine's" : "its own");
	if (h->initial_userns) {
		finding_ok(f, "Its capabilities count everywhere.");
		return;
	}
	finding_mean(
		f, FINDING_MISSING,
		"Its capabilities do not count outside (a rootless container?): the kernel lets "
		"nobody in it sample or load BPF. Start wick, or its container, as the real root.");
	finding_remedy(f, REMEDY_SUDO);
}

void probe_lockdown(const struct host *h, struct finding *f)
{
	char line[128];

	if (host_line(h, "/sys/kernel/security/lockdown", line, sizeof(line)) < 0) {
		finding_value(f, "none");
		finding_ok(f, "It holds back nothing that wick does.");
		return;
	}
	if (!strstr(line, "[confidentiality]")) {
		finding_value(f, "%s", strstr(line, "[integrity]") ? "integrity" : "none");
		finding_ok(f, "It holds back nothing that wick does.");
		return;
	}
	finding_value(f, "confidentiality");
	finding_mean(
		f, FINDING_MISSING,
		"The kernel lets nobody read its memory, root included: BPF and perf events cannot "
		"see stacks. Boot with lockdown=integrity or without lockdown.");
	finding_remedy(f, "sudo sed -i 's/lockdown=[a-z]*//' /etc/default/grub\n"
			  "sudo update-grub || sudo grub2-mkconfig -o /boot/grub2/grub.cfg\n"
			  "sudo reboot");
}

/* What a level takes from those who lack CAP_PERFMON; each adds to the one before. */
static const char *paranoid_meaning(long long level)
{
	if (level < 0)
		return "It forbids nothing.";
	if (level == 0)
		return "Without CAP_PERFMON it forbids raw tracepoints, which wick does not use.";
	if (level == 1)
		return "Without CAP_PERFMON it forbids sampling a CPU as a whole: wick record -a.";
	if (level == 2)
		return "Without CAP_PERFMON it forbids sampling the kernel and a CPU as a whole: only "
		       "own processes, only their user code.";
	return "Without CAP_PERFMON it forbids perf events of any kind (levels above 2 are this "
	       "distribution's own).";
}

void probe_paranoid(const struct host *h, struct finding *f)
{
	long long level;

	if (host_number(h, "/proc/sys/kernel/perf_event_paranoid", &level) < 0) {
		finding_value(f, "absent");
		finding_mean(f, FINDING_MISSING,
			     "This kernel is built without perf events (CONFIG_PERF_EVENTS).");
		return;
	}
	finding_value(f, "%lld", level);
	if (level > 2 && host_has_cap(h, HOST_CAP_PERFMON) && h->kfeat.sample_all == -EACCES) {
		finding_mean(
			f, FINDING_MISSING,
			"At this level, this distribution's own, the kernel asks for CAP_SYS_ADMIN "
			"where others take CAP_PERFMON.");
		finding_remedy(f, "sudo sysctl kernel.perf_event_paranoid=2");
	} else if (host_has_cap(h, HOST_CAP_PERFMON)) {
		finding_ok(f, level > 0 ? "CAP_PERFMON lifts what it forbids."
					: "It forbids nothing.");
	} else {
		finding_mean(f,
			     level > 2	 ? FINDING_MISSING
			     : level > 0 ? FINDING_LIMITED
					 : FINDING_OK,
			     "%s", paranoid_meaning(level));
		if (level > 0)
			advise_capabilities(h, f);
	}
}

void probe_unprivileged_bpf(const struct host *h, struct finding *f)
{
	long long level;

	if (host_number(h, "/proc/sys/kernel/unprivileged_bpf_disabled", &level) < 0) {
		finding_value(f, "absent");
		finding_mean(f, h->kfeat.program ? FINDING_MISSING : FINDING_OK,
			     h->kfeat.program == 0
				     ? ""
				     : "This kernel is built without BPF (CONFIG_BPF_SYSCALL).");
		return;
	}
	finding_value(f, "%lld", level);
	/* Whatever it says: programs on perf events were never for the unprivileged. */
	finding_ok(f, host_has_cap(h, HOST_CAP_BPF) ? "CAP_BPF lifts what it forbids."
						    : "wick needs CAP_BPF at every level.");
}

/* Finds the soft limit in /proc/self/limits: 0 and *@ret in bytes (UINT64_MAX = none), or -EINVAL.
 */
static int parse_memlock(const char *text, uint64_t *ret)
{
	static const char title[] = "Max locked memory";
	const char *s = strstr(text, title);
	char *end;

	if (!s)
		return -EINVAL;
	s += strlen(title);
	s += strspn(s, " ");
	if (strncmp(s, "unlimited", 9) == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	*ret = strtoull(s, &end, 10);
	return end == s ? -EINVAL : 0;
}

void probe_memlock(const struct host *h, struct finding *f)
{
	_cleanup_free_ char *text = NULL;
	uint64_t bytes;

	if (host_text(h, "/proc/self/limits", &text) < 0 || parse_memlock(text, &bytes) < 0) {
		finding_mean(f, FINDING_UNKNOWN, "/proc/self/limits does not tell it.");
		return;
	}
	if (bytes == UINT64_MAX)
		finding_value(f, "unlimited");
	else
		finding_value(f, "%llu KiB", (unsigned long long)(bytes >> 10));
	if (bytes == UINT64_MAX || (h->kfeat.helpers_known && h->kfeat.memcg_accounts))
		finding_ok(f, bytes == UINT64_MAX ? "" : "BPF maps do not count against it here.");
	else if (host_has_cap(h, HOST_CAP_SYS_RESOURCE))
		finding_ok(f, "wick may raise it (CAP_SYS_RESOURCE).");
	else if (!h->kfeat.helpers_known)
		finding_mean(
			f, FINDING_UNKNOWN,
			"Kernels before 5.11 count BPF maps against it; finding out takes CAP_BPF.");
	else {
		finding_mean(
			f, FINDING_LIMITED,
			"This kernel counts BPF maps against it, and wick needs tens of MiB of them.");
		finding_remedy(f, "sudo prlimit --memlock=unlimited --pid $$");
	}
}

void probe_sample_rate(const struct host *h, struct finding *f)
{
	long long hz;

	if (host_number(h, "/proc/sys/kernel/perf_event_max_sample_rate", &hz) < 0) {
		finding_mean(f, FINDING_UNKNOWN, "/proc does not tell it.");
		return;
	}
	finding_value(f, "%lld Hz", hz);
	if (hz >= 99) {
		finding_ok(f, "-F may go that far.");
		return;
	}
	finding_mean(f, FINDING_LIMITED,
		     "wick's usual -F 99 is refused. The kernel lowers this limit by itself when "
		     "samples take long (perf_cpu_time_max_percent). Ask for less, or raise it.");
	finding_remedy(f, "sudo sysctl kernel.perf_event_max_sample_rate=10000");
}

void probe_max_stack(const struct host *h, struct finding *f)
{
	long long depth;

	if (host_number(h, "/proc/sys/kernel/perf_event_max_stack", &depth) < 0) {
		finding_mean(f, FINDING_UNKNOWN, "/proc does not tell it.");
		return;
	}
	finding_value(f, "%lld", depth);
	if (depth >= 127) {
		finding_ok(f, "Kernel stacks fit.");
		return;
	}
	finding_mean(f, FINDING_MISSING,
		     "Kernel stacks may not have the 127 frames that wick makes room for. "
		     "User stacks do not depend on it.");
	finding_remedy(f, "sudo sysctl kernel.perf_event_max_stack=127");
}

void probe_kptr_restrict(const struct host *h, struct finding *f)
{
	bool syslog = host_has_cap(h, HOST_CAP_SYSLOG);
	long long level, paranoid = 2;

	if (host_number(h, "/proc/sys/kernel/kptr_restrict", &level) < 0) {
		finding_mean(f, FINDING_UNKNOWN, "/proc does not tell it.");
		return;
	}
	host_number(h, "/proc/sys/kernel/perf_event_paranoid", &paranoid);
	finding_value(f, "%lld", level);
	if (level >= 2) {
		finding_mean(
			f, FINDING_LIMITED,
			"Kernel addresses are hidden from everybody: kernel functions have no names.");
		finding_remedy(f, "sudo sysctl kernel.kptr_restrict=1");
	} else if (syslog || (level == 0 && paranoid <= 1)) {
		finding_ok(f, "Kernel functions have names.");
	} else {
		finding_mean(
			f, FINDING_LIMITED,
			"Kernel addresses are hidden from those who lack CAP_SYSLOG: kernel functions "
			"have no names.");
		advise_capabilities(h, f);
	}
}

/* Whether the list of kernel symbols shows an address: hidden ones are zeros, as are the first of
 * some kernels. */
static bool shows_addresses(const char *text)
{
	for (; *text; text += *text == '\n') {
		size_t zeros = strspn(text, "0");

		if (zeros < strcspn(text, " \n"))
			return true;
		text += strcspn(text, "\n");
	}
	return false;
}

void probe_kallsyms(const struct host *h, struct finding *f)
{
	_cleanup_free_ char *text = NULL;
	int r = host_text(h, "/proc/kallsyms", &text);

	if (r == 0 && shows_addresses(text)) {
		finding_value(f, "addresses shown");
		finding_ok(f, "");
		return;
	}
	if (r == 0) {
		finding_value(f, "addresses hidden");
		finding_mean(f, FINDING_LIMITED,
			     "Kernel functions have no names: see kptr_restrict.");
		return;
	}
	finding_value(f, "%s", r == -ENOENT ? "absent" : "not readable");
	finding_mean(f, FINDING_LIMITED, "Kernel functions have no names%s.",
		     r == -ENOENT ? ": the kernel is built without CONFIG_KALLSYMS" : "");
}
