/* SPDX-License-Identifier: Apache-2.0 */
/* wick record: from the command line to files. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cgroup.h"
#include "child.h"
#include "cleanup.h"
#include "clock.h"
#include "commands.h"
#include "err.h"
#include "event.h"
#include "interrupts.h"
#include "live.h"
#include "log.h"
#include "loop.h"
#include "outfile.h"
#include "output.h"
#include "pidns.h"
#include "pipeline.h"
#include "profile.h"
#include "record_options.h"
#include "report.h"
#include "tally.h"
#include "viewopts.h"

#define WINDOW_MS 1000
#define PERIOD_RATE_MAX \
	10000 /* ticks a second and CPU to make room for when only a period is given */

static const char usage[] =
	"usage: wick record [OPTIONS] [-a | -p PIDS | --comm REGEX | ... | [--] COMMAND...]\n"
	"\n"
	"Samples the stacks of the whole machine, or of what is named, until the command\n"
	"ends, the duration is over or Ctrl-C. Without -o it prints the functions that\n"
	"cost most and writes wick.pb.gz, or the --format into a file of its name.\n"
	"\n"
	"What to record:\n"
	"  -a, --all-cpus          the whole machine (the default without a command)\n"
	"  -p, --pid PIDS          processes, such as 12,34\n"
	"  -t, --tid TIDS          threads\n"
	"      --comm REGEX        processes whose name matches, also those to come\n"
	"  -u, --uid USERS         what runs as these users, such as www-data,1000\n"
	"      --container ID      a container, by the beginning of its id, also one to come\n"
	"      --cgroup PATH       a cgroup (v2) and those below it\n"
	"                          All but -a may be given again. Options of one kind add\n"
	"                          up (-p and -t are one, --container and --cgroup are two);\n"
	"                          what is recorded is meant by every kind that is given,\n"
	"                          and of a COMMAND's processes these options pick some.\n"
	"  -i, --no-inherit        not the children, born while recording, of the processes\n"
	"                          that are meant; --inherit, which is the default, does\n"
	"  -C, --cpu LIST          only these CPUs, such as 0-3,8\n"
	"  -U, --user-stacks-only  no kernel stacks\n"
	"  -K, --kernel-stacks-only  no user stacks, only samples in the kernel\n"
	"\n"
	"How:\n"
	"  -F, --freq HZ           samples a second and CPU (default 99)\n"
	"  -c, --count N           a sample every N events instead\n"
	"  -e, --event NAMES       what to sample: cycles instructions cache-misses\n"
	"                          branch-misses cpu-clock task-clock page-faults\n"
	"                          minor-faults major-faults context-switches\n"
	"                          cpu-migrations rNNN (default cycles, else cpu-clock)\n"
	"      --duration TIME     stop after 10, 1.5s, 500ms, 2m or 1h\n"
	"      --call-graph HOW    user stacks by unwind tables, by frame pointers where\n"
	"                          there are none (auto, the default); by frame pointers\n"
	"                          alone (fp); or from copies of the stack, up to 32 KiB\n"
	"                          each, that are unwound while recording (dwarf)\n"
	"      --max-stack N       at most N user frames (default 512)\n"
	"      --no-inline         leave out functions that the compiler inlined\n"
	"      --debuginfod        ask the servers in $DEBUGINFOD_URLS for debug files that\n"
	"                          are not here, and wait for them up to 5 s at the end\n"
	"\n"
	"Labels:\n"
	"      --by WHAT           count apart by thread (default), process, container,\n"
	"                          cgroup, comm, uid, time (seconds); more with commas;\n"
	"                          samples that differ in none of that become one, with\n"
	"                          the labels that all of them have\n"
	"      --label-env NAME    the value of that environment variable as a label;\n"
	"                          may be given again\n"
	"\n"
	"Output:\n" OUTPUT_USAGE ";\n"
	"                          may be given again\n"
	"      --format NAME       the format, whatever the file is called\n"
	"  -v, --verbose           say more\n";

/* Everything a recording holds, released in one place. */
struct recording {
	struct record_options o;
	ARRAY(int) cgroup_fds;
	struct child child;
	uint32_t pidns; /* as pidns_find() */
	struct pipeline *pipeline;
	struct profile *profile;
	struct live live;
	int failed; /* the first output that could not be written, and why */
	struct err why;
};

static void recording_done(struct recording *r)
{
	profile_free(r->profile);
	pipeline_free(r->pipeline);
	child_done(&r->child);
	array_each(&r->cgroup_fds, fd)
		close(*fd);
	array_free(&r->cgroup_fds);
	record_options_done(&r->o);
}

/* Finds out now, not after the recording, that an output cannot be written. */
static int check_outputs(const struct record_options *o, struct err *e)
{
	array_each(&o->outputs, path) {
		struct outfile *f;
		int r = outfile_open(*path, &f, e);

		if (r < 0)
			return r;
		outfile_abort(f);
	}
	return 0;
}

/* Ticks a second and CPU that the maps must hold. */
static unsigned rate(const struct record_options *o)
{
	const struct event *ev = &o->events.ev[0];
	uint64_t hz;

	if (o->freq_hz)
		return o->freq_hz;
	hz = strcmp(ev->unit, "nanoseconds") == 0 ? NSEC_PER_SEC / o->period + 1 : PERIOD_RATE_MAX;
	return hz < PERIOD_RATE_MAX ? (unsigned)hz : PERIOD_RATE_MAX;
}

static int open_pipeline(struct recording *r, struct err *e)
{
	struct record_options *o = &r->o;
	struct pipeline_opts po = {
		.sampler = { .events = o->events,
			     .rate_hz = rate(o),
			     .window_ms = WINDOW_MS,
			     .max_user_frames = o->max_stack,
			     .tgids = o->tgids.items,
			     .n_tgids = o->tgids.n,
			     .tids = o->tids.items,
			     .n_tids = o->tids.n,
			     .kernel_only = o->kernel_only,
			     .user_only = o->user_only,
			     .by_pointer = o->by_pointer,
			     .by_snapshot = o->by_snapshot,
			     .judged = o->targets.asked,
			     .users = o->targets.users.items,
			     .n_users = o->targets.users.n,
			     .inherit = !o->no_inherit,
			     .command = o->command && !o->all },
		.targets = &o->targets,
		.freq_hz = o->freq_hz,
		.period = o->period,
		.cpus = o->has_cpus ? &o->cpus : NULL,
		.no_inlines = o->no_inlines,
		.debuginfod = o->debuginfod,
		.split_mask = o->split_mask,
		.timed = o->timed,
		.label_env = o->label_env.items,
		.n_label_env = o->label_env.n,
	};
	int fd, n;

	array_each(&o->cgroups, path) {
		n = cgroup_open(*path, &fd, e);
		if (n < 0)
			return n;
		n = array_push(&r->cgroup_fds, fd);
		if (n < 0) {
			close(fd);
			return n;
		}
		n = targets_add_cgroup(&o->targets, fd);
		if (n < 0)
			return n;
	}
	po.sampler.cgroup_fds = r->cgroup_fds.items;
	po.sampler.n_cgroups = r->cgroup_fds.n;
	return pipeline_new(&r->pipeline, &po, e);
}

static void say_hello(const struct recording *r)
{
	const struct record_options *o = &r->o;
	char how[96];

	if (o->freq_hz)
		snprintf(how, sizeof(how), "at %u Hz", o->freq_hz);
	else
		snprintf(how, sizeof(how), "every %llu events", (unsigned long long)o->period);
	log_info("sampling %s of %s by %s on %zu CPUs%s", how,
		 o->tgids.n || o->tids.n ? "what was named"
		 : o->command && !o->all ? o->command[0]
		 : o->targets.asked	 ? "what was described"
		 : o->cgroups.n		 ? "the cgroups"
		 : r->pidns		 ? "this PID namespace"
					 : "the whole machine",
		 o->events.ev[0].name, pipeline_cpus(r->pipeline),
		 o->command || o->duration_ns ? "" : "; Ctrl-C ends");
}

/* A name that was mistyped looks like one that is still to come. */
static void say_if_absent(const struct recording *r)
{
	if (r->o.targets.containers.n && !pipeline_containers(r->pipeline))
		log_info(
			"no container of that id has a cgroup (v2) here now; one that comes is recorded");
}

static int run(struct recording *r, enum loop_end *ret_end, struct err *e)
{
	struct record_options *o = &r->o;
	struct loop_opts lo = {
		.pipeline = r->pipeline,
		.window_ms = WINDOW_MS,
		.duration_ns = o->duration_ns,
		.child = o->command ? &r->child : NULL,
		.on_window = live_window,
		.ctx = &r->live,
	};
	_cleanup_free_ uint32_t *targets = calloc(o->tgids.n + o->tids.n + 1, sizeof(*targets));
	int n = 0;

	if (!targets)
		return -ENOMEM;
	array_each(&o->tgids, id)
		targets[lo.n_targets++] = *id;
	array_each(&o->tids, id)
		targets[lo.n_targets++] = *id;
	lo.targets = targets;
	if (o->command && !o->all)
		n = pipeline_add_target(r->pipeline, (uint32_t)r->child.pid);
	if (n == 0)
		n = pipeline_start(r->pipeline, e);
	if (n == 0 && o->command)
		n = child_go(&r->child, o->command, e);
	if (n < 0)
		return n;
	say_hello(r);
	/* Who names processes means those that have a number here. */
	if (r->pidns && !o->tgids.n && !o->tids.n && (!o->command || o->all))
		live_left_out();
	say_if_absent(r);
	live_start(&r->live);
	n = loop_run(&lo, ret_end, e);
	live_end(&r->live);
	return n;
}

/* How it was recorded, for the profile's comments. */
static void describe(const struct recording *r, char *buf, size_t size)
{
	struct utsname u = { 0 };

	uname(&u);
	snprintf(buf, size, "wick %s on Linux %s %s, %zu CPUs, by %s", WICK_VERSION, u.release,
		 u.machine, pipeline_cpus(r->pipeline), r->o.events.ev[0].name);
}

static unsigned terminal_columns(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col
		       ? w.ws_col
		       : 80;
}

static void say_error(int n, const struct err *e)
{
	log_error("%s", e->text[0] ? e->text : strerror(-n));
}

/* One output that fails does not cost the others: the first error is said at the end. */
static bool went_well(struct recording *r, int n, const struct err *e)
{
	if (n < 0 && r->failed) {
		say_error(n, e);
	} else if (n < 0) {
		r->failed = n;
		r->why = *e;
	}
	return n >= 0;
}

/* Of the files that were asked for the pictures, or the others. Whether all are written. */
static bool write_named(struct recording *r, bool pictures)
{
	const struct record_options *o = &r->o;
	const struct output_opts oo = { .sample_type = -1 };
	bool all = true;

	array_each(&o->outputs, path) {
		struct err e = { 0 };
		int output = o->format == FORMAT_AUTO ? output_by_path(*path, &e) : o->format;

		if (output >= 0 && pictures != (output == OUTPUT_HTML || output == OUTPUT_SVG))
			continue;
		if (output >= 0)
			output = output_write(r->profile, NULL, *path, output, &oo, &e);
		if (!went_well(r, output, &e))
			all = false;
		else if (strcmp(*path, "-") != 0 && !o->is_default_output)
			log_info("wrote %s", *path);
	}
	return all;
}

static int write_top(const struct profile *p, struct err *e)
{
	const struct report_opts ro = { .sample_type = -1,
					.columns = terminal_columns(),
					.color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") };
	int r = top_write(p, &ro, stdout, e);

	if (r == 0 && fflush(stdout) != 0)
		r = err_set(e, -errno, "cannot write to standard output: %m");
	return r;
}

static void write_outputs(struct recording *r)
{
	const struct record_options *o = &r->o;
	bool all = write_named(r, false);
	struct err e = { 0 };

	if (o->is_default_output)
		went_well(r, write_top(r->profile, &e), &e);
	all = went_well(r, viewopts_part_programs(&(struct viewopts){ 0 }, r->profile, &e), &e) &&
	      write_named(r, true) && all;
	if (all && o->is_default_output)
		log_info("wrote %s%s", o->outputs.items[0],
			 o->format == FORMAT_AUTO || o->format == FORMAT_PPROF
				 ? "; look at it with 'wick report' or 'wick flame'"
				 : "");
}

static int finish(struct recording *r, enum loop_end why, struct err *e)
{
	struct tally tally;
	char info[256];
	int n;

	interrupts_begin(&r->child, why == LOOP_SIGNAL);
	describe(r, info, sizeof(info));
	n = pipeline_profile(r->pipeline, info, &r->profile);
	if (n < 0 || (n = pipeline_tally(r->pipeline, &tally)) < 0)
		return err_set(e, n, "cannot name what was recorded: %m");
	write_outputs(r);
	live_summary(&tally, r->profile->duration_ns, r->o.events.ev[0].name,
		     (unsigned)pipeline_cpus(r->pipeline));
	if (pipeline_walked(r->pipeline))
		log_warn("%" PRIu64 " stacks were unwound in the kernel: there was no room for so "
			 "many copies",
			 pipeline_walked(r->pipeline));
	if (!tally.recorded)
		log_warn("nothing was recorded: what was asked for did not run in that time");
	pipeline_keep_names(r->pipeline);
	if (r->failed)
		say_error(r->failed, &r->why);
	interrupts_only_pass_on();
	if (why != LOOP_COMMAND && r->o.command && !child_has_ended(&r->child))
		log_info("waiting for %s to end", r->o.command[0]);
	child_wait(&r->child);
	return 0;
}

static int record(struct recording *r, int argc, char **argv, struct err *e)
{
	enum loop_end why;
	int n = record_options_parse(argc, argv, &r->o, e);

	if (n < 0 || r->o.help)
		return n;
	if (r->o.verbose)
		log_set_level(LOG_DEBUG);
	if (!r->o.events.n)
		event_list_default(r->o.freq_hz, &r->o.events);
	loop_block_signals();
	if ((n = pidns_find(&r->pidns, e)) < 0 || (n = check_outputs(&r->o, e)) < 0 ||
	    (r->o.command && (n = child_spawn(&r->child, r->o.command, e)) < 0) ||
	    (n = open_pipeline(r, e)) < 0)
		return n;
	n = run(r, &why, e);
	if (n == 0)
		n = finish(r, why, e);
	loop_block_signals(); /* the command that they are passed on to is let go of */
	return n;
}

int cmd_record(int argc, char **argv)
{
	struct recording r = { .child = CHILD_NONE };
	struct err e = { 0 };
	int n = record(&r, argc, argv, &e), status;

	if (r.o.help)
		status = fputs(usage, stdout) < 0;
	else if (n < 0) {
		say_error(n, &e);
		status = r.child.status ? r.child.status : n == -EINVAL && !r.pipeline ? 2 : 1;
	} else {
		status = r.child.status ? r.child.status : r.failed < 0;
	}
	recording_done(&r);
	return status;
}
