/* SPDX-License-Identifier: Apache-2.0 */
/* `wick doctor`: runs the probes and judges what they found. */
#include "doctor.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "array.h"
#include "clock.h"
#include "commands.h"
#include "host.h"
#include "log.h"
#include "optword.h"
#include "record_options.h"

/* Causes before what they cause: the first remedy of the report is the one to try first. */
static const struct probe probes[] = {
	{ "kernel", probe_kernel },
	{ "architecture", probe_architecture },
	{ "cpus", probe_cpus },
	{ "user_namespace", probe_user_namespace },
	{ "capabilities", probe_capabilities },
	{ "lockdown", probe_lockdown },
	{ "perf_event_paranoid", probe_paranoid },
	{ "unprivileged_bpf_disabled", probe_unprivileged_bpf },
	{ "memlock", probe_memlock },
	{ "perf_event_max_sample_rate", probe_sample_rate },
	{ "perf_event_max_stack", probe_max_stack },
	{ "bpf_program", probe_program },
	{ "bpf_ring_buffer", probe_ringbuf },
	{ "bpf_stack_map", probe_stack_map },
	{ "bpf_jit", probe_jit },
	{ "btf", probe_btf },
	{ "sampling", probe_sampling },
	{ "events", probe_events },
	{ "kptr_restrict", probe_kptr_restrict },
	{ "kallsyms", probe_kallsyms },
	{ "pid_namespace", probe_pid_namespace },
	{ "container", probe_container },
	{ "cgroup_v2", probe_cgroup },
	{ "tracefs", probe_tracefs },
};
#define N_PROBES ARRAY_LEN(probes)

const struct probe *doctor_probes(size_t *ret_n)
{
	*ret_n = N_PROBES;
	return probes;
}

/* --- findings -------------------------------------------------------------------------------- */

/* Text from /proc and mount points is foreign: what is printed holds plain ASCII. */
static void make_plain(char *s)
{
	for (; *s; s++)
		if (*s != '\n' && (*s < ' ' || *s > '~'))
			*s = '?';
}

void finding_value(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->value, sizeof(f->value), fmt, ap);
	va_end(ap);
	make_plain(f->value);
}

void finding_mean(struct finding *f, enum finding_state state, const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	va_start(ap, fmt);
	vsnprintf(f->meaning, sizeof(f->meaning), fmt, ap);
	va_end(ap);
	make_plain(f->meaning);
}

void finding_remedy(struct finding *f, const char *commands)
{
	snprintf(f->remedy, sizeof(f->remedy), "%s", commands);
}

void finding_ok(struct finding *f, const char *meaning)
{
	finding_mean(f, FINDING_OK, "%s", meaning);
}

/* --- the verdict ----------------------------------------------------------------------------- */

static void list_names(const struct finding *findings, enum finding_state state, char *buf,
		       size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < N_PROBES && n < size; i++)
		if (findings[i].state == state)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
					      probes[i].name);
}

static const char *first_remedy(const struct finding *findings, enum finding_state state)
{
	for (size_t i = 0; i < N_PROBES; i++)
		if (findings[i].state == state && *findings[i].remedy)
			return findings[i].remedy;
	return NULL;
}

static bool found(const struct finding *findings, const char *name, enum finding_state state)
{
	for (size_t i = 0; i < N_PROBES; i++)
		if (strcmp(probes[i].name, name) == 0)
			return findings[i].state == state;
	return false;
}

/* Samples come from the whole machine; whose mappings can be read decides what they are worth. */
static const char *scope(const struct host *h, const struct finding *findings)
{
	if (found(findings, "pid_namespace", FINDING_LIMITED))
		return "the processes of this PID namespace, user code and kernel,";
	if (!host_has_cap(h, HOST_CAP_SYS_PTRACE))
		return "only the processes of this user, and the kernel,";
	return "the whole machine, user code and kernel,";
}

static void judge_working(const struct host *h, const struct finding *findings, struct verdict *v)
{
	const char *remedy = first_remedy(findings, FINDING_LIMITED);
	bool timer = h->kfeat.sampler != KFEAT_CYCLES;
	char limited[300];

	list_names(findings, FINDING_LIMITED, limited, sizeof(limited));
	snprintf(v->summary, sizeof(v->summary), "wick record can profile %s by %s%s.%s%s%s",
		 scope(h, findings), kfeat_event_name(h->kfeat.sampler),
		 timer ? " (a timer: no hardware counters here)" : "", *limited ? " Limited: " : "",
		 limited, *limited ? "." : "");
	snprintf(v->command, sizeof(v->command), "%s", remedy ? remedy : "wick record -a");
}

static void judge_failing(const struct host *h, const struct finding *findings, struct verdict *v)
{
	const struct kfeat *k = &h->kfeat;
	bool foreign = strcmp(h->machine, "x86_64") != 0; /* which no command changes */
	const char *remedy = foreign ? NULL : first_remedy(findings, FINDING_MISSING);
	char missing[300];

	list_names(findings, FINDING_MISSING, missing, sizeof(missing));
	snprintf(v->summary, sizeof(v->summary),
		 "wick record can do nothing here, because %s.%s%s%s",
		 foreign				      ? "it knows stacks of x86_64 only"
		 : k->program || k->ringbuf || k->stack_trace ? "the kernel does not let it use BPF"
		 : k->sample_all || k->attach ? "the kernel does not let it sample a CPU"
					      : "of the PID namespace that it is in",
		 *missing ? " Missing: " : "", missing, *missing ? "." : "");
	snprintf(v->command, sizeof(v->command), "%s", remedy ? remedy : "");
}

void doctor_judge(const struct host *h, const struct finding *findings, struct verdict *ret)
{
	const struct kfeat *k = &h->kfeat;
	struct verdict v = { 0 };

	v.record_all = strcmp(h->machine, "x86_64") == 0 && !k->sample_all && !k->program &&
		       !k->attach && !k->ringbuf && !k->stack_trace &&
		       !found(findings, "pid_namespace", FINDING_MISSING);
	if (v.record_all)
		judge_working(h, findings, &v);
	else
		judge_failing(h, findings, &v);
	*ret = v;
}

/* --- the command ---------------------------------------------------------------------------- */

static void usage(FILE *out)
{
	fputs("usage: wick doctor [--json]\n"
	      "       wick doctor --verify-unwind [SECONDS]\n"
	      "\n"
	      "Tells what this kernel and these privileges let wick do, and what to do about\n"
	      "the rest. Needs no privilege itself and changes nothing.\n"
	      "\n"
	      "      --json   print the facts as JSON\n"
	      "      --verify-unwind [SECONDS]\n"
	      "               sample the machine for so long (10), unwind each user stack in\n"
	      "               the kernel and with libunwind, and tell how far they agree;\n"
	      "               needs the privileges of wick record\n"
	      "  -h, --help   print this help\n"
	      "\n"
	      "Exit status: 0 when `wick record -a` would work, or at least 99.9 % of the\n"
	      "frames agree; 1 when not; 2 for wrong usage.\n",
	      out);
}

static bool want_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static int run(bool json)
{
	struct finding findings[N_PROBES] = { 0 };
	struct host h = { .root = "" };
	struct verdict v;
	struct utsname names;

	if (uname(&names) == 0)
		memcpy(h.machine, names.machine, sizeof(h.machine));
	kfeat_try(&h.kfeat);
	host_read(&h);
	for (size_t i = 0; i < N_PROBES; i++)
		probes[i].run(&h, &findings[i]);
	doctor_judge(&h, findings, &v);
	if (json)
		doctor_write_json(stdout, findings, &v);
	else
		doctor_write_text(stdout, findings, &v, want_color());
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("cannot write the report: %s", strerror(errno));
		return 1;
	}
	return v.record_all ? 0 : 1;
}

/* The words behind the options: at most a duration, and only for --verify-unwind. */
static int run_verify(int argc, char **argv)
{
	uint64_t ns = 10 * NSEC_PER_SEC;
	const char *extra = argc > optind + 1 ? argv[optind + 1] : NULL;

	if (!extra && argc > optind && parse_duration(argv[optind], &ns) < 0)
		extra = argv[optind];
	if (extra) {
		log_error("--verify-unwind wants seconds, such as 10, not '%s'; see wick doctor "
			  "--help",
			  extra);
		return 2;
	}
	return doctor_verify(ns, stdout);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "verify-unwind", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool json = false, verify = false;
	const char *word;
	int c;

	optind = 0; /* the caller may have used getopt before */
	opterr = 0;
	while (word = option_word(argc, argv),
	       (c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'u':
			verify = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			log_error("doctor has no option '%s'; see wick doctor --help", word);
			return 2;
		}
	}
	if (json && verify) {
		log_error("--json and --verify-unwind exclude each other; the comparison has no "
			  "JSON");
		return 2;
	}
	if (verify)
		return run_verify(argc, argv);
	if (optind < argc) {
		log_error("doctor takes no argument like '%s'; see wick doctor --help",
			  argv[optind]);
		return 2;
	}
	return run(json);
}
