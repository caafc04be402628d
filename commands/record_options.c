/* SPDX-License-Identifier: Apache-2.0 */
#include "record_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "err.h"
#include "fdutil.h"
#include "identity.h"
#include "labels.h"
#include "optword.h"
#include "output.h"
#include "pidns.h"
#include "wire.h"

int parse_duration(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "", 1e9 },	 { "s", 1e9 },	  { "ms", 1e6 },
		      { "m", 60 * 1e9 }, { "min", 60e9 }, { "h", 3600e9 } };
	char *end;
	double v;

	if (!isdigit((unsigned char)*text) && *text != '.')
		return -EINVAL;
	v = strtod(text, &end);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			v *= units[i].ns;
			if (!(v >= 1e6 && v < 1e18))
				return -EINVAL;
			*ret_ns = (uint64_t)v;
			return 0;
		}
	return -EINVAL;
}

static int parse_count(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (*end || errno || v < low || v > high)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_freq(const char *text, struct record_options *o, struct err *e)
{
	long long max = 100000;
	uint64_t v;

	read_int_file("/proc/sys/kernel/perf_event_max_sample_rate", &max);
	if (parse_count(text, 1, UINT_MAX, &v) < 0)
		return err_set(e, -EINVAL,
			       "'%s' is not a frequency; -F wants samples a second, such as 99",
			       text);
	if (v > (uint64_t)max)
		return err_set(e, -EINVAL,
			       "%llu Hz is more than this kernel allows (%lld); lower -F or raise "
			       "kernel.perf_event_max_sample_rate",
			       (unsigned long long)v, max);
	o->freq_hz = (unsigned)v;
	return 0;
}

/* The tgid of a process or thread, from /proc/ID/status: 0, -ESRCH. */
static int tgid_of(uint32_t id, uint32_t *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[48], *line;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%u/status", id);
	if (read_whole_file(path, 1 << 16, &text, &n) < 0)
		return -ESRCH;
	line = strstr(text, "\nTgid:");
	if (!line)
		return -ESRCH;
	*ret = (uint32_t)strtoul(line + 6, NULL, 10);
	return 0;
}

/* One number of -p (@threads false) or -t. */
static int add_target(struct record_options *o, const char *text, bool threads, struct err *e)
{
	uint32_t tgid;
	uint64_t id;

	if (parse_count(text, 1, INT_MAX, &id) < 0)
		return err_set(e, -EINVAL, "'%s' is not a %s id", text,
			       threads ? "thread" : "process");
	if (tgid_of((uint32_t)id, &tgid) < 0)
		return err_set(e, -ESRCH, "there is no %s %llu; it may have ended, see 'ps -e%s'",
			       threads ? "thread" : "process", (unsigned long long)id,
			       threads ? "L" : "");
	if (!threads && tgid != id)
		return err_set(
			e, -EINVAL,
			"%llu is a thread of process %u; use -p %u for the process or -t %llu for "
			"the thread",
			(unsigned long long)id, tgid, tgid, (unsigned long long)id);
	return threads ? array_push(&o->tids, (uint32_t)id) : array_push(&o->tgids, (uint32_t)id);
}

static int add_targets(struct record_options *o, const char *list, bool threads, struct err *e)
{
	_cleanup_free_ char *copy = strdup(list);
	char *save = NULL;
	uint32_t inum;
	int r;

	if (!copy)
		return -ENOMEM;
	if ((r = pidns_find(&inum, e)) < 0)
		return r; /* /proc knows them by other numbers */
	r = -EINVAL;
	for (char *id = strtok_r(copy, ",", &save); id; id = strtok_r(NULL, ",", &save))
		if ((r = add_target(o, id, threads, e)) < 0)
			return r;
	return r < 0 ? err_set(e, r, "-%c wants ids, such as 123 or 123,456", threads ? 't' : 'p')
		     : 0;
}

enum {
	OPT_CGROUP = 256,
	OPT_CONTAINER,
	OPT_COMM,
	OPT_INHERIT,
	OPT_DURATION,
	OPT_FORMAT,
	OPT_MAX_STACK,
	OPT_CALL_GRAPH,
	OPT_NO_INLINE,
	OPT_DEBUGINFOD,
	OPT_BY,
	OPT_LABEL_ENV
};

static const struct option long_options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "tid", required_argument, NULL, 't' },
	{ "all-cpus", no_argument, NULL, 'a' },
	{ "cpu", required_argument, NULL, 'C' },
	{ "freq", required_argument, NULL, 'F' },
	{ "count", required_argument, NULL, 'c' },
	{ "event", required_argument, NULL, 'e' },
	{ "user-stacks-only", no_argument, NULL, 'U' },
	{ "kernel-stacks-only", no_argument, NULL, 'K' },
	{ "output", required_argument, NULL, 'o' },
	{ "cgroup", required_argument, NULL, OPT_CGROUP },
	{ "container", required_argument, NULL, OPT_CONTAINER },
	{ "comm", required_argument, NULL, OPT_COMM },
	{ "uid", required_argument, NULL, 'u' },
	{ "inherit", no_argument, NULL, OPT_INHERIT },
	{ "no-inherit", no_argument, NULL, 'i' },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "max-stack", required_argument, NULL, OPT_MAX_STACK },
	{ "call-graph", required_argument, NULL, OPT_CALL_GRAPH },
	{ "no-inline", no_argument, NULL, OPT_NO_INLINE },
	{ "no-inlines", no_argument, NULL, OPT_NO_INLINE },
	{ "debuginfod", no_argument, NULL, OPT_DEBUGINFOD },
	{ "by", required_argument, NULL, OPT_BY },
	{ "label-env", required_argument, NULL, OPT_LABEL_ENV },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int parse_number_option(int opt, const char *arg, struct record_options *o, struct err *e)
{
	uint64_t v;
	int r;

	switch (opt) {
	case 'c':
		if (parse_count(arg, 1, 1ull << 62, &o->period) < 0)
			return err_set(e, -EINVAL, "'%s' is not a count of events for -c", arg);
		o->has_period = true;
		return 0;
	case OPT_DURATION:
		if (parse_duration(arg, &o->duration_ns) < 0)
			return err_set(e, -EINVAL,
				       "'%s' is not a duration; write 10, 1.5s, 500ms, 2m or 1h",
				       arg);
		return 0;
	case OPT_MAX_STACK:
		if (parse_count(arg, 1, WIRE_USER_FRAMES, &v) < 0)
			return err_set(e, -EINVAL,
				       "--max-stack wants a number from 1 to %d, not '%s'",
				       WIRE_USER_FRAMES, arg);
		o->max_stack = (unsigned)v;
		return 0;
	case OPT_FORMAT:
		r = output_by_name(arg, e);
		if (r < 0)
			return r;
		o->format = r;
		return 0;
	default:
		return -EINVAL;
	}
}

static int add_label_env(struct record_options *o, const char *name, struct err *e)
{
	if (!*name || strchr(name, '=') || strncmp(name, "pprof::", 7) == 0)
		return err_set(e, -EINVAL,
			       "'%s' is not the name of an environment variable; --label-env wants "
			       "one, such as DEPLOYMENT",
			       name);
	if (label_by_key(name) != LABEL_MAX)
		return err_set(
			e, -EINVAL,
			"samples have a label '%s' already; --label-env cannot take a variable "
			"of that name",
			name);
	if (o->label_env.n >= IDENTITY_MAX_ENV)
		return err_set(e, -EINVAL, "--label-env can be given %d times at most",
			       IDENTITY_MAX_ENV);
	return array_push(&o->label_env, name);
}

/* A target that is described. Users come in lists, as processes do. */
static int parse_described(int opt, const char *arg, struct record_options *o, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	char *save = NULL;
	int r = 0;

	if (opt == OPT_CONTAINER)
		return targets_add_container(&o->targets, arg, e);
	if (opt == OPT_COMM)
		return targets_add_comm(&o->targets, arg, e);
	copy = strdup(arg);
	if (!copy)
		return -ENOMEM;
	if (!arg[strspn(arg, ",")])
		return err_set(e, -EINVAL, "--uid wants users, such as www-data or 1000,1001");
	for (char *user = strtok_r(copy, ",", &save); user && r == 0;
	     user = strtok_r(NULL, ",", &save))
		r = targets_add_user(&o->targets, user, e);
	return r;
}

static int parse_call_graph(const char *arg, struct record_options *o, struct err *e)
{
	o->by_pointer = strcmp(arg, "fp") == 0;
	o->by_snapshot = strcmp(arg, "dwarf") == 0;
	if (!o->by_pointer && !o->by_snapshot && strcmp(arg, "auto") != 0)
		return err_set(e, -EINVAL, "--call-graph is auto, fp or dwarf, not '%s'", arg);
	return 0;
}

static int parse_option(int opt, const char *arg, struct record_options *o, struct err *e)
{
	switch (opt) {
	case 'p':
	case 't':
		return add_targets(o, arg, opt == 't', e);
	case 'a':
		o->all = true;
		return 0;
	case 'C':
		o->has_cpus = true;
		if (cpuset_parse(arg, &o->cpus) < 0)
			return err_set(e, -EINVAL, "'%s' is not a list of CPUs, such as 0-3,8",
				       arg);
		return 0;
	case 'F':
		return parse_freq(arg, o, e);
	case 'e':
		return event_list_parse(arg, &o->events, e);
	case 'U':
		o->user_only = true;
		return 0;
	case 'K':
		o->kernel_only = true;
		return 0;
	case 'o':
		return array_push(&o->outputs, arg);
	case OPT_CALL_GRAPH:
		return parse_call_graph(arg, o, e);
	case OPT_NO_INLINE:
		o->no_inlines = true;
		return 0;
	case OPT_DEBUGINFOD:
		o->debuginfod = true;
		return 0;
	case OPT_CGROUP:
		return array_push(&o->cgroups, arg);
	case OPT_BY:
		return labels_parse_split(arg, &o->split_mask, e);
	case OPT_LABEL_ENV:
		return add_label_env(o, arg, e);
	case OPT_CONTAINER:
	case OPT_COMM:
	case 'u':
		return parse_described(opt, arg, o, e);
	case OPT_INHERIT:
	case 'i':
		o->no_inherit = opt == 'i';
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		return parse_number_option(opt, arg, o, e);
	}
}

/* What does not go together. */
static int check(const struct record_options *o, bool has_freq, struct err *e)
{
	bool some = o->tgids.n || o->tids.n;

	if (has_freq && o->has_period)
		return err_set(e, -EINVAL, "-F and -c exclude each other; give a rate or a count");
	if (o->user_only && o->kernel_only)
		return err_set(e, -EINVAL,
			       "-U and -K exclude each other; give neither for both stacks");
	if (o->all && some)
		return err_set(e, -EINVAL,
			       "-a records everything and -p or -t some; give one of them");
	if (o->command && some)
		return err_set(
			e, -EINVAL,
			"-p or -t and a command exclude each other; start the command first, or "
			"record it alone");
	if (o->cgroups.n > WIRE_MAX_CGROUPS)
		return err_set(e, -EINVAL, "at most %d cgroups can be given", WIRE_MAX_CGROUPS);
	array_each(&o->outputs, path) {
		int r = o->format == FORMAT_AUTO ? output_by_path(*path, e) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether nothing but pages is written, which say when samples were taken: other formats would hold
 * more samples than they need. */
static bool writes_pages_only(const struct record_options *o)
{
	struct err unused;

	array_each(&o->outputs, path) {
		int output = o->format == FORMAT_AUTO ? output_by_path(*path, &unused) : o->format;

		if (output != OUTPUT_HTML)
			return false;
	}
	return true;
}

int record_options_parse(int argc, char **argv, struct record_options *ret, struct err *e)
{
	struct record_options *o = ret;
	bool has_freq = false;
	int r;

	*o = (struct record_options){ .freq_hz = RECORD_DEFAULT_HZ };
	optind = 0;
	opterr = 0;
	for (;;) {
		const char *word = option_word(argc, argv);
		/* '+': the first word that is no option begins the command, with its own options.
		 */
		int opt = getopt_long(argc, argv, "+:p:t:aC:F:c:e:UKo:u:ivh", long_options, NULL);

		if (opt == -1)
			break;
		if (opt == '?' || opt == ':')
			return option_wrong(e, opt, word, "record");
		has_freq |= opt == 'F';
		r = parse_option(opt, optarg, o, e);
		if (r < 0)
			return r;
	}
	if (o->has_period)
		o->freq_hz = 0;
	o->targets.inherit = !o->no_inherit;
	if (optind < argc)
		o->command = argv + optind;
	if (!o->outputs.n) {
		o->is_default_output = true;
		if (array_push(&o->outputs, output_default_path(o->format)) < 0)
			return -ENOMEM;
	}
	o->timed = !o->split_mask && writes_pages_only(o);
	return o->help ? 0 : check(o, has_freq, e);
}

void record_options_done(struct record_options *o)
{
	array_free(&o->tgids);
	array_free(&o->tids);
	array_free(&o->cgroups);
	array_free(&o->label_env);
	array_free(&o->outputs);
	targets_done(&o->targets);
}
