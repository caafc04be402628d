/* SPDX-License-Identifier: Apache-2.0 */
#include "kfeat.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "array.h"
#include "cleanup.h"

#define RING_BYTES   (256 * 1024) /* a multiple of every page size that Linux has */
#define STACK_FRAMES 127

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[KFEAT_EVENT_MAX] = {
	[KFEAT_CYCLES] = { "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES },
	[KFEAT_INSTRUCTIONS] = { "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS },
	[KFEAT_CACHE_MISSES] = { "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES },
	[KFEAT_BRANCH_MISSES] = { "branch-misses", PERF_TYPE_HARDWARE,
				  PERF_COUNT_HW_BRANCH_MISSES },
	[KFEAT_CPU_CLOCK] = { "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK },
	[KFEAT_TASK_CLOCK] = { "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK },
	[KFEAT_PAGE_FAULTS] = { "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS },
	[KFEAT_CONTEXT_SWITCHES] = { "context-switches", PERF_TYPE_SOFTWARE,
				     PERF_COUNT_SW_CONTEXT_SWITCHES },
	[KFEAT_CPU_MIGRATIONS] = { "cpu-migrations", PERF_TYPE_SOFTWARE,
				   PERF_COUNT_SW_CPU_MIGRATIONS },
};

const char *kfeat_event_name(enum kfeat_event event)
{
	return events[event].name;
}

bool kfeat_is_absent(int error)
{
	return error == -ENOENT || error == -ENODEV || error == -EOPNOTSUPP || error == -ENXIO;
}

/* Opens a disabled sampling event: its descriptor or -errno. At 1 Hz, so that a low
 * perf_event_max_sample_rate does not look like a lack of the event. */
static int open_event(enum kfeat_event event, pid_t pid, int cpu, bool kernel)
{
	struct perf_event_attr attr = {
		.type = events[event].type,
		.size = sizeof(attr),
		.config = events[event].config,
		.sample_freq = 1,
		.freq = 1,
		.disabled = 1,
		.exclude_kernel = !kernel,
		.exclude_hv = 1,
	};
	long fd = syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int try_event(enum kfeat_event event)
{
	_cleanup_close_ int fd = open_event(event, 0, -1, false);

	return fd < 0 ? fd : 0;
}

/* Opens what `wick record -a` opens on each CPU, on this one. */
static int open_sampler(enum kfeat_event *ret)
{
	int cpu = sched_getcpu(), fd;

	*ret = KFEAT_CYCLES;
	fd = open_event(KFEAT_CYCLES, -1, cpu, true);
	if (fd < 0) {
		*ret = KFEAT_CPU_CLOCK;
		fd = open_event(KFEAT_CPU_CLOCK, -1, cpu, true);
	}
	return fd;
}

static int try_map(enum bpf_map_type type, uint32_t key_bytes, uint32_t value_bytes,
		   uint32_t entries)
{
	_cleanup_close_ int fd =
		bpf_map_create(type, "wick_doctor", key_bytes, value_bytes, entries, NULL);

	return fd < 0 ? -errno : 0;
}

/* Loads a program that does nothing: its descriptor or -errno. */
static int load_program(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "wick_doctor", "GPL", insns,
			       ARRAY_LEN(insns), NULL);

	return fd < 0 ? -errno : fd;
}

static bool has_helper(enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, helper, NULL) == 1;
}

static void try_program(struct kfeat *k)
{
	_cleanup_close_ int event = open_sampler(&k->sampler);
	_cleanup_close_ int program = load_program();

	k->sample_all = event < 0 ? event : 0;
	k->program = program < 0 ? program : 0;
	k->attach = k->sample_all ? k->sample_all : k->program;
	if (!k->attach && ioctl(event, PERF_EVENT_IOC_SET_BPF, program) < 0)
		k->attach = -errno;
	k->helpers_known = program >= 0;
	if (!k->helpers_known)
		return;
	/* This helper and the accounting came with the same kernel; libbpf goes by it as well. */
	k->memcg_accounts = has_helper(BPF_FUNC_ktime_get_coarse_ns);
}

void kfeat_try(struct kfeat *ret)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	struct kfeat k = { 0 };

	for (int i = 0; i < KFEAT_EVENT_MAX; i++)
		k.events[i] = try_event(i);
	k.ringbuf = try_map(BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES);
	k.stack_trace = try_map(BPF_MAP_TYPE_STACK_TRACE, sizeof(uint32_t),
				STACK_FRAMES * sizeof(uint64_t), 16);
	try_program(&k);
	libbpf_set_print(print);
	*ret = k;
}
