/* SPDX-License-Identifier: Apache-2.0 */
/*
 *  kernel's word of processes ─► sideband ─► procevents ─┐
 *                                                        ▼
 *  tick ─► sampler ─► trace ─► intake ─► proctab: addresses → places ─► aggregate: counts
 *                                                                          │ once, at the end
 *                                   profile ◄─ naming: places → names ◄────┘
 *
 * Places are found at once, because the process may be gone in the next millisecond; names are
 * found late, because each is then looked up once.
 */
#include "pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cachedir.h"
#include "cleanup.h"
#include "clock.h"
#include "err.h"
#include "intake.h"
#include "log.h"
#include "naming.h"
#include "perf_event.h"
#include "pipeline_state.h"
#include "procevents.h"
#include "profile.h"
#include "sideband.h"
#include "symbolize.h"
#include "symflaws.h"
#include "symstart.h"
#include "targets.h"
#include "unwinding.h"

#define DEFAULT_MAX_BYTES (512ul << 20)
#define TIMED_BYTES	  (64ul << 20) /* stacks beyond that are timed more coarsely */
#define RING_BYTES	  (512u << 10) /* of a CPU: half a second of a storm of short processes */
#define RINGS_BYTES	  (16u << 20)  /* of all CPUs */
#define MAX_PROCESSES	  8192
#define DEBUGINFOD_MS	  5000 /* that the profile waits for debug files */
#define RESERVED_FILES	  256  /* descriptors left for everything but objects */

/* --- the recording --------------------------------------------------------------------------- */

/* Raises the limit of open files as far as it goes; how many of them objects may hold. */
static size_t object_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return 0;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_cur < 2 * RESERVED_FILES)
		return RESERVED_FILES;
	return lim.rlim_cur - RESERVED_FILES > 16384 ? 16384
						     : (size_t)lim.rlim_cur - RESERVED_FILES;
}

/* Without the kernel's word much is still known, so a refusal is no reason to give up. */
static void open_sideband(struct pipeline *p)
{
	struct sideband_opts o = { .ring_bytes = RINGS_BYTES / perf_events_cpus(p->perf) };
	struct sideband_callbacks callbacks;
	struct err e = { 0 };

	if (o.ring_bytes > RING_BYTES)
		o.ring_bytes = RING_BYTES;
	o.cgroups = p->containers.mount || p->ids.cgroups.mount;
	procevents_callbacks(&p->procs, &p->containers, &callbacks);
	if (sideband_new(&p->sideband, &o, &callbacks, &e) < 0)
		log_warn("%s; processes that live shorter than a second may have no names", e.text);
}

/* Who was named is looked at before it ticks; the others, while they do. */
static void expect_named(struct pipeline *p, const uint32_t *tgids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct process *proc = proctab_know(&p->procs, tgids[i], clock_mono_ns());

		if (!proc)
			continue;
		proc->wanted = true;
		if (proctab_expects(&p->procs, proc))
			proctab_get(&p->procs, tgids[i], clock_mono_ns());
	}
}

static void take_options(struct pipeline *p, const struct pipeline_opts *o)
{
	p->events = o->sampler.events;
	p->freq_hz = o->freq_hz;
	p->period = o->period;
	p->no_inlines = o->no_inlines;
	p->debuginfod = o->debuginfod;
	p->all_processes = !o->sampler.n_tgids && !o->sampler.n_tids && !o->sampler.command;
	p->verify = o->verify;
	p->by_snapshot = o->sampler.by_snapshot;
	p->max_user_frames =
		o->sampler.max_user_frames ? o->sampler.max_user_frames : WIRE_USER_FRAMES;
}

/* The tables of user space, empty. */
static int init_tables(struct pipeline *p, const struct pipeline_opts *o)
{
	int r;

	objtab_init(&p->objects, object_files());
	proctab_init(&p->procs, &p->objects, MAX_PROCESSES);
	p->procs.all_wanted = p->all_processes;
	p->procs.no_inherit = !o->sampler.inherit;
	p->procs.targets = o->targets && o->targets->expected ? o->targets : NULL;
	jittab_init(&p->jits, &p->objects);
	p->procs.jits = &p->jits;
	p->procs.cgroups = &p->ids.cgroups;
	p->labelling = (struct labelling){
		.counts = &p->counts,
		.ids = &p->ids,
		.procs = &p->procs,
		.window_ns = o->sampler.window_ms * (NSEC_PER_SEC / 1000),
		.time_bytes = o->timed ? TIMED_BYTES : 0,
	};
	r = aggregate_init(&p->counts, o->max_bytes ? o->max_bytes : DEFAULT_MAX_BYTES,
			   (o->split_mask ? o->split_mask : labels_default_split()) |
				   (o->timed ? LABEL_BIT(LABEL_TIME) : 0));
	return r == 0 ? identities_init(&p->ids, o->label_env, o->n_label_env) : r;
}

static int open_perf_events(struct pipeline *p, const struct pipeline_opts *o, struct err *e)
{
	int progs[WIRE_MAX_EVENTS];

	for (size_t i = 0; i < p->events.n; i++)
		progs[i] = sampler_prog_fd(p->sampler, i);
	return perf_events_open(&p->perf,
				&(struct perf_events_opts){ .events = &p->events,
							    .prog_fds = progs,
							    .freq_hz = o->freq_hz,
							    .period = o->period,
							    .cpus = o->cpus },
				e);
}

int pipeline_new(struct pipeline **ret, const struct pipeline_opts *o, struct err *e)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	struct sampler_callbacks callbacks;
	char cache[PATH_MAX];
	int r;

	if (!p)
		return -ENOMEM;
	take_options(p, o);
	intake_callbacks(p, &callbacks);
	r = init_tables(p, o);
	if (r == 0)
		r = symstart_new(&p->symbolizer,
				 &(struct symbolizer_opts){
					 .store_dir = cachedir_default(cache) == 0 ? cache : NULL,
					 .debuginfod = o->debuginfod },
				 e);
	if (r == 0)
		r = sampler_new(&p->sampler, &o->sampler, &callbacks, e);
	if (r == 0 && o->sampler.judged & WIRE_IN_CONTAINER)
		r = containers_init(&p->containers, o->targets, p->sampler);
	if (r == 0 && !o->sampler.by_pointer)
		r = unwinding_new(&p->unwinding, p->sampler, &p->objects, &p->procs);
	if (r == 0)
		r = open_perf_events(p, o, e);
	if (r < 0) {
		pipeline_free(p);
		return r;
	}
	open_sideband(p);
	expect_named(p, o->sampler.tgids, o->sampler.n_tgids);
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	perf_events_free(p->perf);
	unwinding_free(p->unwinding);
	sideband_free(p->sideband);
	containers_done(&p->containers);
	sampler_free(p->sampler);
	symbolizer_free(p->symbolizer);
	proctab_done(&p->procs);
	jittab_done(&p->jits);
	objtab_done(&p->objects);
	identities_done(&p->ids);
	aggregate_done(&p->counts);
	held_done(&p->held);
	array_free(&p->by_program);
	free(p);
}

int pipeline_add_target(struct pipeline *p, uint32_t pid)
{
	struct process *proc = proctab_add(&p->procs, pid, 0);

	if (proc)
		proc->wanted = true;
	return sampler_add_target(p->sampler, pid);
}

void pipeline_drop_target(struct pipeline *p, uint32_t pid)
{
	sampler_drop_target(p->sampler, pid);
}

int pipeline_start(struct pipeline *p, struct err *e)
{
	int r;

	p->start_wall_ns = clock_wall_ns();
	p->start_ns = p->labelling.start_ns = clock_mono_ns();
	r = perf_events_enable(p->perf, e);
	if (r == 0)
		cgrouptab_scan(&p->ids.cgroups);
	/* Who ticks now and exits at once is looked at in time; who is born is told of. */
	if (r == 0 && p->all_processes)
		proctab_scan_all(&p->procs);
	return r;
}

void pipeline_stop(struct pipeline *p)
{
	perf_events_disable(p->perf);
	p->stop_ns = clock_mono_ns();
}

int pipeline_poll_fd(const struct pipeline *p)
{
	return sampler_poll_fd(p->sampler);
}

int pipeline_tables_fd(const struct pipeline *p)
{
	return p->unwinding ? unwinding_poll_fd(p->unwinding) : -1;
}

void pipeline_install_tables(struct pipeline *p)
{
	if (p->unwinding)
		unwinding_install(p->unwinding);
}

int pipeline_read(struct pipeline *p)
{
	int r = sampler_consume(p->sampler);

	if (r == 0 && p->drain_wanted) {
		p->drain_wanted = false;
		r = sampler_drain(p->sampler);
	}
	return r;
}

int pipeline_processes_fd(const struct pipeline *p)
{
	return p->sideband ? sideband_poll_fd(p->sideband) : -1;
}

void pipeline_read_processes(struct pipeline *p)
{
	intake_catch_up(p, UINT64_MAX);
}

int pipeline_end_window(struct pipeline *p)
{
	uint64_t now = clock_mono_ns();
	int r;

	if (p->unwinding)
		unwinding_mark(p->unwinding);
	intake_catch_up(p, UINT64_MAX);
	if (p->sideband && sideband_refresh(p->sideband) > 0)
		proctab_doubt(&p->procs, 0);
	jittab_next_window(&p->jits);
	identities_next_window(&p->ids);
	r = sampler_drain(p->sampler); /* waits for a grace period before it hands out samples */
	labelling_next_window(&p->labelling);
	proctab_tick(&p->procs, now);
	if (r == 0 && p->unwinding)
		unwinding_collect(p->unwinding);
	p->drain_wanted = false;
	if (r == 0 && !p->stop_ns)
		perf_events_refresh(p->perf); /* what fails now is tried again in the next window */
	return r;
}

int pipeline_tally(const struct pipeline *p, struct tally *ret)
{
	uint64_t in_kernel[CTR_BPF_MAX];
	int r = sampler_counters(p->sampler, in_kernel);

	if (r < 0)
		return r;
	*ret = p->tally;
	for (size_t c = 0; c < CTR_BPF_MAX; c++)
		ret->n[c] += in_kernel[c];
	return 0;
}

uint64_t pipeline_walked(const struct pipeline *p)
{
	return p->walked;
}

size_t pipeline_containers(const struct pipeline *p)
{
	return containers_count(&p->containers);
}

size_t pipeline_cpus(const struct pipeline *p)
{
	return perf_events_cpus(p->perf);
}

uint64_t pipeline_bytes(const struct pipeline *p)
{
	return sampler_map_bytes(p->sampler) + aggregate_bytes(&p->counts) +
	       jittab_bytes(&p->jits) + identities_bytes(&p->ids);
}

/* --- the profile ----------------------------------------------------------------------------- */

/* The program with the most samples: what pprof calls the main binary. */
static uint32_t main_mapping(const struct pipeline *p)
{
	size_t best = 0;

	for (size_t i = 0; i < p->by_program.n; i++)
		if (p->by_program.items[i] > p->by_program.items[best])
			best = i;
	return p->by_program.n ? (uint32_t)best : PROCTAB_NO_MAPPING;
}

/* The distance of two samples in the unit of the first event: given, or measured. */
static int64_t sample_period(const struct pipeline *p)
{
	const struct event *ev = &p->events.ev[0];
	uint64_t samples = 0, value = 0;

	if (p->period)
		return (int64_t)p->period;
	if (strcmp(ev->unit, "nanoseconds") == 0)
		return (int64_t)(NSEC_PER_SEC / p->freq_hz);
	array_each(&p->counts.rows, row)
		if (row->event == 0) {
			samples += row->samples;
			value += row->value;
		}
	return samples && value >= samples ? (int64_t)(value / samples) : 1;
}

static int add_comment(struct profile *prof, const char *text)
{
	uint32_t s;

	if (strtab_adds(&prof->strings, text, &s) < 0 || array_push(&prof->comments, s) < 0)
		return -ENOMEM;
	return 0;
}

/* What may have been missed of processes and their files. */
static void warn_of_processes(const struct pipeline *p)
{
	const struct proctab_counts *c = &p->procs.counts;

	if (c->events_lost)
		log_warn(
			"%" PRIu64
			" events of processes came faster than they were read: the maps of %" PRIu64
			" processes were read again",
			c->events_lost, c->rescans);
	if (c->scans_late)
		log_info("%" PRIu64
			 " times the maps of a process were so long that nobody waited for "
			 "them",
			 c->scans_late);
	if (c->files_late)
		log_info("%" PRIu64
			 " times a process mapped so many new files that some of them were looked "
			 "at later",
			 c->files_late);
	if (p->objects.refused)
		log_warn(
			"too many files were mapped to keep all of them open: %zu times one was left out; "
			"raise the limit with 'ulimit -n'",
			p->objects.refused);
	if (p->objects.overwritten)
		log_warn(
			"%zu files were written over while their code was recorded: functions of what they "
			"held before have no names",
			p->objects.overwritten);
}

/* The same for whoever reads the profile later; "" = nothing. */
static void describe_processes(const struct pipeline *p, char *buf, size_t size)
{
	const struct proctab_counts *c = &p->procs.counts;

	buf[0] = '\0';
	if (c->events_lost || c->rescans || c->scans_late || c->files_late || p->objects.refused ||
	    p->objects.overwritten)
		snprintf(buf, size,
			 "processes: events_lost=%" PRIu64 " rescans=%" PRIu64
			 " scans_late=%" PRIu64 " files_late=%" PRIu64
			 " files_refused=%zu files_overwritten=%zu",
			 c->events_lost, c->rescans, c->scans_late, c->files_late,
			 p->objects.refused, p->objects.overwritten);
}

/* What was turned away at a limit and is no sample. */
static void warn_of_refusals(const struct pipeline *p)
{
	if (p->jits.refused)
		log_warn(
			"too many open files: names of the code that %zu processes made are missing; raise "
			"the limit with ulimit -n",
			p->jits.refused);
	if (p->ids.refused || p->ids.cgroups.refused)
		log_warn(
			"%zu processes or cgroups had labels that there was no room for; those are "
			"missing",
			p->ids.refused + p->ids.cgroups.refused);
	if (p->containers.refused)
		log_warn(
			"%zu containers were not recorded from their beginning: no more than %d are told "
			"apart in the kernel; give more of their ids",
			p->containers.refused, WIRE_MAX_CONTAINERS);
	if (p->objects.roots.refused)
		log_warn("more containers than are kept open (%d): for files of the others debug "
			 "information is looked for outside of them only",
			 ROOTTAB_MAX);
}

int pipeline_profile(struct pipeline *p, const char *info, struct profile **ret)
{
	_cleanup_(profile_freep) struct profile *prof = NULL;
	char text[TALLY_TEXT_MAX], flaws[SYMFLAWS_TEXT_MAX];
	struct symbolizer_stats stats;
	struct tally tally;
	int r = 0;

	jittab_settle(&p->jits);
	objtab_settle(&p->objects);
	warn_of_processes(p);
	if (p->debuginfod)
		r = symstart_wait(p->symbolizer, &p->counts, &p->objects, DEBUGINFOD_MS);
	if (r < 0)
		return r;
	warn_of_refusals(p);
	r = naming_run(&(struct naming){ .counts = &p->counts,
					 .objects = &p->objects,
					 .jits = &p->jits,
					 .events = &p->events,
					 .symbolizer = p->symbolizer,
					 .no_inlines = p->no_inlines,
					 .time_ns = p->start_wall_ns,
					 .window_ns = p->labelling.window_ns,
					 .time_shift = p->labelling.time_shift,
					 .main_mapping = main_mapping(p) },
		       &prof);
	if (r < 0 || (r = pipeline_tally(p, &tally)) < 0)
		return r;
	stats = symbolizer_stats(p->symbolizer);
	symflaws_warn(&stats);
	tally_format(&tally, text);
	if ((r = add_comment(prof, text)) < 0 || (r = add_comment(prof, info)) < 0)
		return r;
	if (symflaws_format(&stats, flaws) && (r = add_comment(prof, flaws)) < 0)
		return r;
	describe_processes(p, text, sizeof(text));
	if (text[0] && (r = add_comment(prof, text)) < 0)
		return r;
	prof->time_ns = p->start_wall_ns;
	prof->duration_ns = p->stop_ns - p->start_ns;
	prof->period_type = prof->sample_types.items[1];
	prof->period = sample_period(p);
	*ret = take_ptr(prof);
	return 0;
}

void pipeline_keep_names(struct pipeline *p)
{
	(void)symbolizer_save(p->symbolizer);
}
