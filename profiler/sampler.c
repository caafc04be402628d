/* SPDX-License-Identifier: Apache-2.0 */
#include "sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "array.h"
#include "bpflog.h"
#include "cleanup.h"
#include "cpuset.h"
#include "err.h"
#include "follow.h"
#include "kfeat.h"
#include "kstruct.h"
#include "log.h"
#include "pidns.h"
#include "sampler_state.h"

#include "sampler.skel.h"

/* The sampler's memory for unwinding, for the whole machine. */
#define UNWIND_PAGES  4096 /* 16 MiB of rows: about 5 million */
#define UNWIND_TABLES 4096
#define UNWIND_AREAS  65536 /* 2 MiB: 4096 processes of 16 areas */
#define UNWIND_SPACES 8192

#define BLOCKS_MAX    128 /* of the arena, a set and CPU: 4 MiB */
_Static_assert(BLOCKS_MAX <= WIRE_PLACE_BLOCKS, "each row has a place");
#define BUCKET_ROWS	  4 /* in the mean at the end of a window: a look passes two other rows */

#define RING_MIN	  (4 << 20) /* a hundred snapshots */
#define RING_MAX	  (64 << 20)
#define SNAPSHOTS_MIN	  100  /* a window and CPU: 3 MiB to unwind */
#define SNAPSHOTS_MAX	  2000 /* likewise: about a tenth of a CPU's time */

#define FAMILY_MAX	  65536	     /* processes, or threads, of all families at once */
#define THREADS_UNKNOWN	  (1u << 30) /* of a process that ran before */

#define KERNEL_STACK_SIZE 16384 /* THREAD_SIZE of x86-64 */

static size_t clamp(uint64_t v, size_t low, size_t high)
{
	return v < low ? low : v > high ? high : (size_t)v;
}

static size_t pow2_at_least(size_t v)
{
	size_t p = 1;

	while (p < v)
		p *= 2;
	return p;
}

static int size_unwind_maps(struct sampler_bpf *k)
{
	int r;

	if ((r = bpf_map__set_max_entries(k->maps.rows, UNWIND_PAGES)) ||
	    (r = bpf_map__set_max_entries(k->maps.tables, UNWIND_TABLES)) ||
	    (r = bpf_map__set_max_entries(k->maps.areas, UNWIND_AREAS)))
		return r;
	return bpf_map__set_max_entries(k->maps.spaces, UNWIND_SPACES);
}

/* Room in the ring for one window of @ticks that found no other; for half of one where each brings
 * a copy of its stack, for these are read as they come. */
static size_t ring_bytes(const struct sampler_opts *o, uint64_t ticks)
{
	if (o->by_snapshot)
		return pow2_at_least(
			clamp(ticks * sizeof(struct wire_snapshot) / 2, RING_MIN, RING_MAX));
	return pow2_at_least(clamp(ticks * 1024, RING_MIN, RING_MAX / 2));
}

/* Sizes the sets so that a window of @ticks on one CPU fits, each with a row and a stack of its own
 * and depth 64. */
static void size_sets(struct sampler *s, uint64_t ticks)
{
	s->blocks_per_cpu = clamp(ticks * wire_row_bytes(64) / WIRE_BLOCK_DATA + 1, 2, BLOCKS_MAX);
	s->buckets_per_cpu = pow2_at_least(clamp(ticks / BUCKET_ROWS, 16, 8192));
	s->skel->rodata->config.blocks_per_cpu = (uint32_t)s->blocks_per_cpu;
	s->skel->rodata->config.buckets_per_cpu = (uint32_t)s->buckets_per_cpu;
}

static int resize_sets(const struct sampler *s)
{
	uint32_t parts = (uint32_t)s->n_cpus * WIRE_SETS, buckets = (uint32_t)s->kernel_buckets;
	struct sampler_bpf *k = s->skel;
	int r;

	if ((r = bpf_map__set_max_entries(k->maps.arena, (uint32_t)s->blocks_per_cpu * parts)) ||
	    (r = bpf_map__set_max_entries(k->maps.buckets, (uint32_t)s->buckets_per_cpu * parts)) ||
	    (r = bpf_map__set_max_entries(k->maps.kernel_stacks_0, buckets)))
		return r;
	return bpf_map__set_max_entries(k->maps.kernel_stacks_1, buckets);
}

static int size_maps(struct sampler *s, const struct sampler_opts *o)
{
	struct sampler_bpf *k = s->skel;
	struct cpuset online;
	uint64_t ticks_per_cpu, ticks;
	size_t ring;
	int r = cpuset_online(&online);

	if (r < 0)
		return r;
	ticks_per_cpu = (uint64_t)o->rate_hz * o->events.n * o->window_ms / 1000 * 5 / 4 + 16;
	ticks = ticks_per_cpu * cpuset_count(&online);
	ring = ring_bytes(o, ticks);
	size_sets(s, ticks_per_cpu);
	s->kernel_buckets = pow2_at_least(clamp(ticks * 2, 1024, 8192));
	/* Whoever asks for many samples pays for that many snapshots, up to a point; for whoever
	 * wants all of them the ring is the only limit: a window may end late. */
	k->rodata->config.snapshots_per_cpu =
		o->by_snapshot ? UINT32_MAX
			       : (uint32_t)clamp(ticks_per_cpu, SNAPSHOTS_MIN, SNAPSHOTS_MAX);
	k->rodata->config.verify_per_cpu = o->verify_per_cpu;
	k->rodata->config.ring_wakeup_bytes = (uint32_t)(ring / 4);
	k->rodata->config.ring_copy_bytes = (uint32_t)(ring / 4 * 3);
	if ((r = resize_sets(s)) || (r = bpf_map__set_max_entries(k->maps.ring, (uint32_t)ring)) ||
	    (r = bpf_map__set_max_entries(k->maps.works, (uint32_t)s->n_cpus)) ||
	    (r = bpf_map__set_max_entries(k->maps.counters, (uint32_t)s->n_cpus)) ||
	    (r = bpf_map__set_max_entries(k->maps.snapshots, (uint32_t)s->n_cpus)))
		return r;
	return o->by_pointer ? 0 : size_unwind_maps(k);
}

/* Room for @n processes or threads that are @asked for, and for their children. */
static uint32_t targets_max(const struct sampler_opts *o, size_t n, bool asked)
{
	return (uint32_t)(asked && o->inherit ? n + FAMILY_MAX : n ? n : 1);
}

/* What the sampler does without where it cannot be found. */
static void find_layout(struct sampler_bpf *k)
{
	struct wire_layout *l = &k->rodata->layout;
	const struct kstruct_member members[] = {
		{ "task_struct", "stack", &l->task_stack },
		{ "task_struct", "mm", &l->task_mm },
		{ "vm_area_struct", "vm_mm", &l->vma_mm },
		{ "vm_fault", "vma", &l->fault_vma },
		{ "vm_fault", "pud", &l->fault_pud },
		{ "vm_fault", "pmd", &l->fault_pmd },
		{ "vm_fault", "pte", &l->fault_pte },
		{ "vm_fault", "orig_pte", &l->fault_orig_pte },
		{ "vm_fault", "address", &l->fault_address },
	};

	l->stack_size = KERNEL_STACK_SIZE;
	if (kstruct_offsets(members, ARRAY_LEN(members)) < 0)
		l->fault_address = 0; /* all of them or none */
}

static int configure_filters(struct sampler *s, const struct sampler_opts *o,
			     const struct pidns *pidns)
{
	struct sampler_bpf *k = s->skel;
	struct wire_config *c = &k->rodata->config;
	int r;

	c->pidns = pidns->inum;
	k->rodata->pidns = pidns->layout;
	c->self_tgid = (uint32_t)getpid();
	c->n_cgroups = (uint32_t)o->n_cgroups;
	c->max_user_frames = o->max_user_frames ? o->max_user_frames : WIRE_USER_FRAMES;
	c->by_tgid = o->n_tgids || o->command;
	c->by_tid = o->n_tids != 0;
	c->only_tgid = o->n_tgids == 1 && !o->n_tids && !o->command ? o->tgids[0] : 0;
	c->judged = o->judged;
	c->n_users = (uint32_t)o->n_users;
	for (size_t i = 0; i < o->n_users; i++)
		c->users[i] = o->users[i];
	c->kernel_only = o->kernel_only;
	c->user_only = o->user_only;
	c->by_pointer = o->by_pointer;
	c->by_snapshot = o->by_snapshot;
	c->has_cgroups = access("/proc/self/cgroup", F_OK) == 0;
	if (!o->by_pointer)
		find_layout(k);
	r = bpf_map__set_max_entries(k->maps.target_tgids, targets_max(o, o->n_tgids, c->by_tgid));
	if (r == 0)
		r = bpf_map__set_max_entries(k->maps.target_tids,
					     targets_max(o, o->n_tids, c->by_tid));
	return r;
}

/* One program an event, in the order of WIRE_MAX_EVENTS. */
static struct bpf_program *event_program(const struct sampler *s, size_t i)
{
	struct bpf_program *const progs[WIRE_MAX_EVENTS] = {
		s->skel->progs.sample_0, s->skel->progs.sample_1, s->skel->progs.sample_2,
		s->skel->progs.sample_3, s->skel->progs.sample_4, s->skel->progs.sample_5,
		s->skel->progs.sample_6, s->skel->progs.sample_7,
	};

	return progs[i];
}

static int choose_programs(struct sampler *s, const struct sampler_opts *o,
			   const struct follow_layout *layout)
{
	struct sampler_bpf *k = s->skel;
	int r = 0;

	for (size_t i = o->events.n; i < WIRE_MAX_EVENTS && r == 0; i++)
		r = bpf_program__set_autoload(event_program(s, i), false);
	if (r == 0)
		r = bpf_program__set_autoload(k->progs.follow_newtask,
					      s->follows && !k->rodata->config.pidns);
	if (r == 0)
		r = bpf_program__set_autoload(k->progs.follow_newtask_inside,
					      s->follows && k->rodata->config.pidns);
	if (r == 0)
		r = bpf_program__set_autoload(k->progs.follow_exit, s->follows);
	k->rodata->newtask_pid_off = layout->newtask_pid_off;
	k->rodata->newtask_clone_flags_off = layout->newtask_clone_flags_off;
	return r;
}

/* The verifier refuses with EACCES, too, which is not a matter of privilege. */
static bool may_load(void)
{
	struct kfeat k;

	kfeat_try(&k);
	return k.program == 0;
}

static int explain_load(struct err *e, int r)
{
	if (r == -EPERM || (r == -EACCES && !may_load()))
		return err_set(
			e, r,
			"no permission to load BPF programs; run as root, or with CAP_BPF and "
			"CAP_PERFMON ('wick doctor' tells what is missing)");
	if (r == -ENOMEM)
		return err_set(
			e, r,
			"not enough memory for the sampler's maps; lower -F or raise the memory "
			"limit of this cgroup");
	return err_set(e, r,
		       "this kernel does not accept the sampler: %m; 'wick doctor' tells what the "
		       "kernel allows, and with -v this command tells what it objects to");
}

static int fill_filters(struct sampler *s, const struct sampler_opts *o)
{
	struct sampler_bpf *k = s->skel;
	uint32_t one = 1, many = THREADS_UNKNOWN;

	for (size_t i = 0; i < o->n_tgids; i++)
		if (bpf_map_update_elem(bpf_map__fd(k->maps.target_tgids), &o->tgids[i], &many, 0) <
		    0)
			return -errno;
	for (size_t i = 0; i < o->n_tids; i++)
		if (bpf_map_update_elem(bpf_map__fd(k->maps.target_tids), &o->tids[i], &one, 0) < 0)
			return -errno;
	for (uint32_t i = 0; i < o->n_cgroups; i++)
		if (bpf_map_update_elem(bpf_map__fd(k->maps.target_cgroups), &i, &o->cgroup_fds[i],
					0) < 0)
			return -errno;
	return 0;
}

static void *map_memory(struct bpf_map *map, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return p == MAP_FAILED ? NULL : p;
}

static size_t arena_bytes(const struct sampler *s)
{
	return (size_t)s->n_cpus * WIRE_SETS * s->blocks_per_cpu * sizeof(*s->arena);
}

static size_t buckets_bytes(const struct sampler *s)
{
	return (size_t)s->n_cpus * WIRE_SETS * s->buckets_per_cpu * sizeof(*s->buckets);
}

static int open_sets(struct sampler *s)
{
	struct sampler_bpf *k = s->skel;

	s->arena = map_memory(k->maps.arena, arena_bytes(s));
	s->buckets = map_memory(k->maps.buckets, buckets_bytes(s));
	if (!s->arena || !s->buckets)
		return -ENOMEM;
	s->sets[0].kernel_stacks_fd = bpf_map__fd(k->maps.kernel_stacks_0);
	s->sets[1].kernel_stacks_fd = bpf_map__fd(k->maps.kernel_stacks_1);
	for (uint32_t i = 0; i < WIRE_SETS; i++) {
		struct set *set = &s->sets[i];

		set->number = i;
		set->kernel_stacks = calloc(s->kernel_buckets, sizeof(*set->kernel_stacks));
		if (!set->kernel_stacks)
			return -ENOMEM;
	}
	return 0;
}

static int map_unwind_memory(struct sampler *s)
{
	struct residency_memory *m = &s->unwind;

	*m = (struct residency_memory){
		.n_words = UNWIND_PAGES * WIRE_PAGE_WORDS,
		.n_tables = UNWIND_TABLES,
		.n_areas = UNWIND_AREAS,
	};
	m->rows = map_memory(s->skel->maps.rows, m->n_words * sizeof(*m->rows));
	m->tables = map_memory(s->skel->maps.tables, m->n_tables * sizeof(*m->tables));
	m->areas = map_memory(s->skel->maps.areas, m->n_areas * sizeof(*m->areas));
	return m->rows && m->tables && m->areas ? 0 : -ENOMEM;
}

static void unmap_unwind_memory(struct residency_memory *m)
{
	if (m->rows)
		munmap(m->rows, m->n_words * sizeof(*m->rows));
	if (m->tables)
		munmap(m->tables, m->n_tables * sizeof(*m->tables));
	if (m->areas)
		munmap(m->areas, m->n_areas * sizeof(*m->areas));
}

void sampler_unwind_memory(const struct sampler *s, struct residency_memory *ret)
{
	*ret = s->unwind;
}

/* Makes the sampler look at the space of @tgid again if it remembers it. */
static void space_changed(struct sampler *s, uint32_t tgid)
{
	__atomic_add_fetch(&s->skel->bss->spaces_version[wire_space_slot(tgid)], 1,
			   __ATOMIC_RELEASE);
}

int sampler_set_space(struct sampler *s, uint32_t tgid, const struct wire_space *space)
{
	if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.spaces), &tgid, space, 0) < 0)
		return -errno;
	space_changed(s, tgid);
	return 0;
}

void sampler_drop_space(struct sampler *s, uint32_t tgid)
{
	bpf_map_delete_elem(bpf_map__fd(s->skel->maps.spaces), &tgid);
	space_changed(s, tgid);
}

/* Where the sampler forgets a process by itself. */
static int attach_lifecycle(struct sampler *s)
{
	s->lifecycle_fds[0] = bpf_raw_tracepoint_open(
		"sched_process_exec", bpf_program__fd(s->skel->progs.forget_at_exec));
	if (s->lifecycle_fds[0] < 0)
		return s->lifecycle_fds[0];
	s->lifecycle_fds[1] = bpf_raw_tracepoint_open(
		"sched_process_exit", bpf_program__fd(s->skel->progs.forget_at_exit));
	return s->lifecycle_fds[1] < 0 ? s->lifecycle_fds[1] : 0;
}

static int start_following(struct sampler *s, const struct follow_layout *layout)
{
	const struct sampler_bpf *k = s->skel;

	if (!s->follows)
		return 0;
	s->follow_fds[0] =
		k->rodata->config.pidns
			? bpf_raw_tracepoint_open("task_newtask",
						  bpf_program__fd(k->progs.follow_newtask_inside))
			: follow_attach(layout->newtask_id,
					bpf_program__fd(k->progs.follow_newtask));
	if (s->follow_fds[0] < 0)
		return s->follow_fds[0];
	s->follow_fds[1] = follow_attach(layout->exit_id, bpf_program__fd(k->progs.follow_exit));
	return s->follow_fds[1] < 0 ? s->follow_fds[1] : 0;
}

/* A page that begins with how far the ring was read, and one with how far it was written. */
static int map_ring_positions(struct sampler *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, bpf_map__fd(s->skel->maps.ring), 0);

	if (p == MAP_FAILED)
		return -errno;
	s->ring_read = (const uint64_t *)p;
	s->ring_written = (const uint64_t *)(p + page);
	return 0;
}

/* Everything between the loaded object and a sampler that can be ticked. */
static int connect_maps(struct sampler *s, const struct sampler_opts *o)
{
	struct sampler_bpf *k = s->skel;
	int r;

	if ((r = fill_filters(s, o)) < 0 || (r = grace_init(&s->grace)) < 0 ||
	    (r = open_sets(s)) < 0)
		return r;
	if (!o->by_pointer && (r = map_unwind_memory(s)) < 0)
		return r;
	s->ring = ring_buffer__new(bpf_map__fd(k->maps.ring), sampler_on_record, s, NULL);
	return s->ring ? map_ring_positions(s) : -ENOMEM;
}

/*
 * Whether children are to be followed, and how. Those of a command must be, for a command is often
 * a script; of processes that run, to do without is the lesser evil.
 */
static int choose_following(struct sampler *s, const struct sampler_opts *o,
			    struct follow_layout *layout, struct err *e)
{
	int r;

	s->follows = o->inherit && (o->command || o->n_tgids || o->n_tids);
	r = s->follows ? follow_layout_read(layout, e) : 0;
	if (r < 0 && !o->command) {
		log_warn("%s; until then, children of the processes are not recorded", e->text);
		e->text[0] = '\0';
		s->follows = false;
		r = 0;
	}
	return r;
}

int sampler_new(struct sampler **ret, const struct sampler_opts *o,
		const struct sampler_callbacks *cb, struct err *e)
{
	struct follow_layout layout = { 0 };
	struct pidns pidns;
	struct sampler *s;
	int r = 0;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	libbpf_set_print(bpflog_print);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	if ((r = pidns_layout(&pidns, e)) < 0 || (r = choose_following(s, o, &layout, e)) < 0) {
		free(s);
		return r;
	}
	s->cb = *cb;
	s->grace = (struct grace){ .outer_fd = -1, .inner_fd = -1 };
	s->follow_fds[0] = s->follow_fds[1] = -1;
	s->lifecycle_fds[0] = s->lifecycle_fds[1] = -1;
	s->n_cpus = libbpf_num_possible_cpus();
	s->skel = sampler_bpf__open();
	if (!s->skel || s->n_cpus < 1)
		r = -ENOMEM;
	if (r == 0 && (r = size_maps(s, o)) == 0 && (r = configure_filters(s, o, &pidns)) == 0 &&
	    (r = choose_programs(s, o, &layout)) == 0 && (r = sampler_bpf__load(s->skel)) == 0 &&
	    (r = connect_maps(s, o)) == 0 && (r = attach_lifecycle(s)) == 0)
		r = start_following(s, &layout);
	if (r < 0) {
		sampler_free(s);
		return explain_load(e, r);
	}
	*ret = s;
	return 0;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < 2; i++) {
		if (s->follow_fds[i] >= 0)
			close(s->follow_fds[i]);
		if (s->lifecycle_fds[i] >= 0)
			close(s->lifecycle_fds[i]);
	}
	for (size_t i = 0; i < WIRE_SETS; i++) {
		if (s->sets[i].kernel_stacks)
			sampler_forget_kernel_stacks(s, &s->sets[i]);
		free(s->sets[i].kernel_stacks);
	}
	if (s->arena)
		munmap(s->arena, arena_bytes(s));
	if (s->buckets)
		munmap(s->buckets, buckets_bytes(s));
	unmap_unwind_memory(&s->unwind);
	if (s->ring_read)
		munmap((void *)(uintptr_t)s->ring_read, 2 * (size_t)sysconf(_SC_PAGESIZE));
	ring_buffer__free(s->ring);
	grace_done(&s->grace);
	sampler_bpf__destroy(s->skel);
	free(s);
}

int sampler_prog_fd(const struct sampler *s, size_t i)
{
	return bpf_program__fd(event_program(s, i));
}

int sampler_poll_fd(const struct sampler *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int sampler_add_target(struct sampler *s, uint32_t pid)
{
	uint32_t threads = 1;

	return bpf_map_update_elem(bpf_map__fd(s->skel->maps.target_tgids), &pid, &threads, 0) < 0
		       ? -errno
		       : 0;
}

void sampler_drop_target(struct sampler *s, uint32_t pid)
{
	bpf_map_delete_elem(bpf_map__fd(s->skel->maps.target_tgids), &pid);
}

int sampler_set_container(struct sampler *s, size_t i, int fd)
{
	uint32_t place = WIRE_MAX_CGROUPS + (uint32_t)i;

	if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.target_cgroups), &place, &fd, 0) < 0)
		return -errno;
	if (s->skel->bss->n_containers <= i)
		s->skel->bss->n_containers = (uint32_t)i + 1;
	return 0;
}

void sampler_drop_container(struct sampler *s, size_t i)
{
	uint32_t place = WIRE_MAX_CGROUPS + (uint32_t)i;

	bpf_map_delete_elem(bpf_map__fd(s->skel->maps.target_cgroups), &place);
}

void sampler_set_lacking(struct sampler *s, uint32_t tgid, uint8_t lacks)
{
	int fd = bpf_map__fd(s->skel->maps.known_tgids);
	uint32_t value = lacks;

	/* What fails costs time, not samples: the sampler sends what user space turns away. */
	if (lacks)
		bpf_map_update_elem(fd, &tgid, &value, 0);
	else
		bpf_map_delete_elem(fd, &tgid);
}

int sampler_counters(const struct sampler *s, uint64_t ret[CTR_BPF_MAX])
{
	int fd = bpf_map__fd(s->skel->maps.counters);
	uint64_t sum[CTR_BPF_MAX] = { 0 };

	for (uint32_t cpu = 0; cpu < (uint32_t)s->n_cpus; cpu++) {
		struct wire_counters of_cpu;

		if (bpf_map_lookup_elem(fd, &cpu, &of_cpu) < 0)
			return -errno;
		for (size_t c = 0; c < CTR_BPF_MAX; c++)
			sum[c] += of_cpu.n[c];
	}
	memcpy(ret, sum, sizeof(sum));
	return 0;
}

/* The `memlock:` line of /proc/self/fdinfo/FD. */
static uint64_t map_bytes(int fd)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	return bytes;
}

uint64_t sampler_map_bytes(const struct sampler *s)
{
	uint64_t total = 0;
	struct bpf_map *map;

	bpf_object__for_each_map(map, s->skel->obj) total += map_bytes(bpf_map__fd(map));
	return total;
}
