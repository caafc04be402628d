/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `wick doctor`: facts about this machine, one probe each, and what they mean for wick. Probes look
 * at a struct host and nothing else, so that tests can make one up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct host;

enum finding_state {
	FINDING_OK,
	FINDING_LIMITED, /* wick works, something is worse than it could be */
	FINDING_MISSING, /* wick needs it to record the whole machine */
	FINDING_UNKNOWN, /* cannot be found out without privilege */
};

/* What one probe found. ASCII without control characters; "" = nothing to say. */
struct finding {
	enum finding_state state;
	char value[160];
	char meaning[640]; /* a sentence or several */
	char remedy[400];  /* commands for a shell, one a line, each no longer than 70 columns */
};

/* Each replaces what was there, with '?' for characters that are foreign to a terminal. */
void finding_value(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_mean(struct finding *f, enum finding_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_remedy(struct finding *f, const char *commands);

/* The value of @f is as it should be; @meaning may be "". */
void finding_ok(struct finding *f, const char *meaning);

struct probe {
	const char *name; /* stable: scripts look for it in the JSON */
	void (*run)(const struct host *h, struct finding *ret);
};

/* All probes in the order of the report; *@ret_n of them. */
const struct probe *doctor_probes(size_t *ret_n);

/* What `wick record` can do on @h, given the @findings of all probes. */
struct verdict {
	bool record_all; /* `wick record -a` works */
	char summary[512];
	char command[400]; /* what helps most; as a remedy */
};

void doctor_judge(const struct host *h, const struct finding *findings, struct verdict *ret);

/* doctor_report.c: all findings and the verdict, in 80 columns or as JSON */
const char *finding_state_name(enum finding_state state);
void doctor_write_text(FILE *out, const struct finding *findings, const struct verdict *v,
		       bool color);
void doctor_write_json(FILE *out, const struct finding *findings, const struct verdict *v);

/* doctor_verify.c: samples the machine for that long, compares the kernel's user stacks with
 * libunwind's and writes what came of it: the exit status. */
int doctor_verify(uint64_t duration_ns, FILE *out);

/* probe_kernel.c: what the kernel is and does */
void probe_kernel(const struct host *h, struct finding *f);
void probe_architecture(const struct host *h, struct finding *f);
void probe_cpus(const struct host *h, struct finding *f);
void probe_btf(const struct host *h, struct finding *f);
void probe_jit(const struct host *h, struct finding *f);
void probe_program(const struct host *h, struct finding *f);
void probe_ringbuf(const struct host *h, struct finding *f);
void probe_stack_map(const struct host *h, struct finding *f);
void probe_events(const struct host *h, struct finding *f);
void probe_sampling(const struct host *h, struct finding *f);

/* probe_priv.c: what it forbids */
void probe_capabilities(const struct host *h, struct finding *f);
void probe_user_namespace(const struct host *h, struct finding *f);
void probe_lockdown(const struct host *h, struct finding *f);
void probe_paranoid(const struct host *h, struct finding *f);
void probe_unprivileged_bpf(const struct host *h, struct finding *f);
void probe_memlock(const struct host *h, struct finding *f);
void probe_sample_rate(const struct host *h, struct finding *f);
void probe_max_stack(const struct host *h, struct finding *f);
void probe_kptr_restrict(const struct host *h, struct finding *f);
void probe_kallsyms(const struct host *h, struct finding *f);

/* probe_place.c: where on the machine this process is */
void probe_pid_namespace(const struct host *h, struct finding *f);
void probe_container(const struct host *h, struct finding *f);
void probe_cgroup(const struct host *h, struct finding *f);
void probe_tracefs(const struct host *h, struct finding *f);
