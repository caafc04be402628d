/* SPDX-License-Identifier: Apache-2.0 */
/* The probes on made-up machines: whole ones under tests/golden/doctor, and one file at a time in a
 * temporary folder. What the kernel lets this process do is made up as well. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "golden.h"
#include "host.h"

#define CAP(c)	 (1ull << HOST_CAP_##c)
#define ALL_CAPS 0x1ffffffffffull

/* --- machines -------------------------------------------------------------------------------- */

/* A machine without files that allows everything. */
static struct host open_host(const char *root)
{
	return (struct host){
		.root = root,
		.machine = "x86_64",
		.caps = ALL_CAPS,
		.cap_bounds = ALL_CAPS,
		.initial_userns = true,
		.kfeat = { .helpers_known = true, .memcg_accounts = true },
	};
}

/* What an unprivileged process can do at the usual settings. */
static void refuse(struct kfeat *k)
{
	k->sample_all = -EACCES;
	k->ringbuf = k->stack_trace = k->program = -EPERM;
	k->attach = -EACCES;
	k->helpers_known = false;
}

struct fake {
	char root[64];
	struct host h;
};

static void fake_new(struct fake *f)
{
	strcpy(f->root, "/tmp/wick-doctor-XXXXXX");
	cr_assert_not_null(mkdtemp(f->root));
	f->h = open_host(f->root);
}

static void fake_free(struct fake *f)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", f->root);
	cr_expect_eq(system(command), 0);
}

/* Makes the folders of @path under the root and writes it in full to @full. */
static void fake_path(const struct fake *f, const char *path, char *full, size_t size)
{
	snprintf(full, size, "%s%s", f->root, path);
	for (char *s = full + strlen(f->root) + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		mkdir(full, 0755);
	}
}

static void fake_file(const struct fake *f, const char *path, const char *text)
{
	char full[256];
	FILE *file;

	fake_path(f, path, full, sizeof(full));
	file = fopen(full, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void fake_link(const struct fake *f, const char *path, const char *target)
{
	char full[256];

	fake_path(f, path, full, sizeof(full));
	unlink(full);
	cr_assert_eq(symlink(target, full), 0);
}

/* Runs a probe and expects its state, and its value and remedy to hold these words. */
static void expect(const struct fake *f, void (*probe)(const struct host *, struct finding *),
		   enum finding_state state, const char *value, const char *remedy)
{
	struct finding found = { 0 };

	probe(&f->h, &found);
	cr_expect_eq(found.state, state, "%s, not %s: %s: %s", finding_state_name(found.state),
		     finding_state_name(state), found.value, found.meaning);
	cr_expect_not_null(strstr(found.value, value), "no \"%s\" in \"%s\"", value, found.value);
	if (*remedy)
		cr_expect_not_null(strstr(found.remedy, remedy), "no \"%s\" in \"%s\"", remedy,
				   found.remedy);
	else
		cr_expect_str_empty(found.remedy);
	if (state != FINDING_OK)
		cr_expect_str_not_empty(found.meaning);
}

/* --- whole reports --------------------------------------------------------------------------- */

static void expect_report(struct host *h, const char *tree, bool json)
{
	struct finding findings[64] = { 0 };
	char root[128], golden[128], *text = NULL;
	const struct probe *probes;
	struct verdict v;
	size_t n, size;
	FILE *out = open_memstream(&text, &size);

	snprintf(root, sizeof(root), "tests/golden/doctor/%s", tree);
	snprintf(golden, sizeof(golden), "doctor/%s.%s", tree, json ? "json" : "txt");
	h->root = root;
	host_read(h);
	probes = doctor_probes(&n);
	cr_assert_leq(n, 64);
	for (size_t i = 0; i < n; i++)
		probes[i].run(h, &findings[i]);
	doctor_judge(h, findings, &v);
	if (json)
		doctor_write_json(out, findings, &v);
	else
		doctor_write_text(out, findings, &v, false);
	fclose(out);
	golden_check(golden, text);
	for (char *line = text; !json && *line; line += strcspn(line, "\n") + 1)
		cr_expect_leq(strcspn(line, "\n"), 80, "%.*s", (int)strcspn(line, "\n"), line);
	free(text);
}

Test(doctor, finds_a_server_fit_for_everything)
{
	struct host h = { .machine = "x86_64" };

	h.kfeat.helpers_known = h.kfeat.memcg_accounts = true;
	expect_report(&h, "server", false);
	expect_report(&h, "server", true);
}

Test(doctor, tells_a_user_what_is_missing)
{
	struct host h = { .machine = "x86_64" };

	refuse(&h.kfeat);
	expect_report(&h, "user", false);
}

Test(doctor, tells_a_container_what_is_missing)
{
	struct host h = { .machine = "x86_64" };

	refuse(&h.kfeat);
	for (int i = 0; i < KFEAT_EVENT_MAX; i++)
		h.kfeat.events[i] = -EPERM;
	expect_report(&h, "container", false);
}

/* --- verdicts -------------------------------------------------------------------------------- */

static struct verdict judge(const struct host *h)
{
	struct finding findings[64] = { 0 };
	struct verdict v;

	doctor_judge(h, findings, &v);
	return v;
}

/* What the probe @name found. */
static struct finding *find(const char *name, struct finding *findings)
{
	const struct probe *probes;
	size_t n, i = 0;

	probes = doctor_probes(&n);
	while (i + 1 < n && strcmp(probes[i].name, name) != 0)
		i++;
	return &findings[i];
}

Test(doctor, judges_by_what_works)
{
	struct finding findings[64] = { 0 };
	struct host h = open_host("");
	struct verdict v = judge(&h);

	cr_expect(v.record_all);
	cr_expect_str_eq(v.command, "wick record -a");

	h.caps &= ~CAP(SYS_PTRACE);
	v = judge(&h);
	cr_expect(v.record_all);
	cr_expect_not_null(strstr(v.summary, "only the processes of this user"));

	find("pid_namespace", findings)->state = FINDING_LIMITED;
	doctor_judge(&h, findings, &v);
	cr_expect(v.record_all);
	cr_expect_not_null(strstr(v.summary, "the processes of this PID namespace"));
	find("pid_namespace", findings)->state = FINDING_MISSING;
	doctor_judge(&h, findings, &v);
	cr_expect_not(v.record_all);
	cr_expect_not_null(strstr(v.summary, "of the PID namespace that it is in"));

	h.kfeat.attach = h.kfeat.sample_all = -EACCES;
	v = judge(&h);
	cr_expect_not(v.record_all);
	cr_expect_not_null(strstr(v.summary, "let it sample"));

	h.kfeat.program = -EPERM;
	v = judge(&h);
	cr_expect_not(v.record_all);
	cr_expect_not_null(strstr(v.summary, "let it use BPF"));

	h = open_host("");
	strcpy(h.machine, "riscv64");
	v = judge(&h);
	cr_expect_not(v.record_all);
	cr_expect_not_null(strstr(v.summary, "x86_64 only"));
}

/* --- privileges ------------------------------------------------------------------------------ */

Test(doctor, reads_capabilities_and_namespaces)
{
	struct fake f;

	fake_new(&f);
	fake_file(&f, "/proc/self/status",
		  "Name:\tx\nCapEff:\t000000c000000000\n"
		  "CapBnd:\t000001ffffffffff\nSeccomp:\t2\n");
	fake_file(&f, "/proc/self/uid_map", "         0       1000          1\n");
	host_read(&f.h);
	cr_expect_eq(f.h.caps, CAP(BPF) | CAP(PERFMON));
	cr_expect_eq(f.h.cap_bounds, ALL_CAPS);
	cr_expect(f.h.seccomp);
	cr_expect_not(f.h.initial_userns);
	cr_expect_not(host_has_cap(&f.h, HOST_CAP_BPF), "it does not count outside the namespace");
	fake_file(&f, "/proc/self/uid_map", "         0          0 4294967295\n");
	host_read(&f.h);
	cr_expect(host_has_cap(&f.h, HOST_CAP_BPF));
	cr_expect_not(host_has_cap(&f.h, HOST_CAP_SYSLOG));
	fake_free(&f);
}

Test(doctor, knows_which_capabilities_stand_for_others)
{
	struct host h = open_host("");

	h.caps = CAP(SYS_ADMIN) | CAP(DAC_OVERRIDE);
	cr_expect(host_has_cap(&h, HOST_CAP_BPF));
	cr_expect(host_has_cap(&h, HOST_CAP_PERFMON));
	cr_expect(host_has_cap(&h, HOST_CAP_DAC_READ_SEARCH));
	cr_expect_not(host_has_cap(&h, HOST_CAP_SYS_PTRACE));
	cr_expect_not(host_has_cap(&h, HOST_CAP_SYSLOG), "kallsyms asks for this very one");
}

Test(doctor, judges_capabilities)
{
	struct fake f;

	fake_new(&f);
	expect(&f, probe_capabilities, FINDING_OK, "all", "");
	f.h.caps = CAP(BPF) | CAP(PERFMON);
	expect(&f, probe_capabilities, FINDING_LIMITED, "CAP_BPF CAP_PERFMON", "sudo wick");
	f.h.caps = CAP(BPF);
	expect(&f, probe_capabilities, FINDING_MISSING, "CAP_BPF", "sudo wick");
	f.h.caps = 0;
	expect(&f, probe_capabilities, FINDING_MISSING, "none", "sudo wick");
	/* Root of this container would be no better off. */
	f.h.cap_bounds = 0xa80425fb;
	strcpy(f.h.container, "docker");
	expect(&f, probe_capabilities, FINDING_MISSING, "none", "docker run --privileged");
	strcpy(f.h.container, "kubernetes");
	expect(&f, probe_capabilities, FINDING_MISSING, "none", "kubectl debug");
	f.h.initial_userns = false;
	expect(&f, probe_user_namespace, FINDING_MISSING, "its own", "sudo wick");
	fake_free(&f);
}

Test(doctor, explains_each_level_of_perf_event_paranoid)
{
	static const char path[] = "/proc/sys/kernel/perf_event_paranoid";
	struct fake f;

	fake_new(&f);
	expect(&f, probe_paranoid, FINDING_MISSING, "absent", "");
	fake_file(&f, path, "4\n");
	expect(&f, probe_paranoid, FINDING_OK, "4", "");
	f.h.caps = CAP(PERFMON);
	f.h.kfeat.sample_all = -EACCES;
	expect(&f, probe_paranoid, FINDING_MISSING, "4", "sysctl kernel.perf_event_paranoid=2");
	f.h.caps = 0;
	expect(&f, probe_paranoid, FINDING_MISSING, "4", "sudo wick");
	fake_file(&f, path, "2\n");
	expect(&f, probe_paranoid, FINDING_LIMITED, "2", "sudo wick");
	fake_file(&f, path, "1\n");
	expect(&f, probe_paranoid, FINDING_LIMITED, "1", "sudo wick");
	fake_file(&f, path, "0\n");
	expect(&f, probe_paranoid, FINDING_OK, "0", "");
	fake_file(&f, path, "-1\n");
	expect(&f, probe_paranoid, FINDING_OK, "-1", "");
	fake_free(&f);
}

Test(doctor, explains_each_level_of_kptr_restrict)
{
	static const char path[] = "/proc/sys/kernel/kptr_restrict";
	struct fake f;

	fake_new(&f);
	expect(&f, probe_kptr_restrict, FINDING_UNKNOWN, "", "");
	fake_file(&f, "/proc/sys/kernel/perf_event_paranoid", "2\n");
	fake_file(&f, path, "2\n");
	expect(&f, probe_kptr_restrict, FINDING_LIMITED, "2", "sysctl kernel.kptr_restrict=1");
	fake_file(&f, path, "1\n");
	expect(&f, probe_kptr_restrict, FINDING_OK, "1", "");
	f.h.caps = 0;
	expect(&f, probe_kptr_restrict, FINDING_LIMITED, "1", "sudo wick");
	fake_file(&f, path, "0\n");
	expect(&f, probe_kptr_restrict, FINDING_LIMITED, "0", "sudo wick");
	fake_file(&f, "/proc/sys/kernel/perf_event_paranoid", "1\n");
	expect(&f, probe_kptr_restrict, FINDING_OK, "0", "");
	fake_free(&f);
}

Test(doctor, sees_whether_kallsyms_shows_addresses)
{
	struct fake f;

	fake_new(&f);
	expect(&f, probe_kallsyms, FINDING_LIMITED, "absent", "");
	fake_file(&f, "/proc/kallsyms", "0000000000000000 T _text\n0000000000000000 T _stext\n");
	expect(&f, probe_kallsyms, FINDING_LIMITED, "hidden", "");
	fake_file(&f, "/proc/kallsyms", "0000000000000000 A percpu\nffffffff81000000 T _text\n");
	expect(&f, probe_kallsyms, FINDING_OK, "shown", "");
	fake_file(&f, "/proc/kallsyms", "");
	expect(&f, probe_kallsyms, FINDING_LIMITED, "hidden", "");
	fake_free(&f);
}

Test(doctor, explains_lockdown)
{
	static const char path[] = "/sys/kernel/security/lockdown";
	struct fake f;

	fake_new(&f);
	expect(&f, probe_lockdown, FINDING_OK, "none", "");
	fake_file(&f, path, "[none] integrity confidentiality\n");
	expect(&f, probe_lockdown, FINDING_OK, "none", "");
	fake_file(&f, path, "none [integrity] confidentiality\n");
	expect(&f, probe_lockdown, FINDING_OK, "integrity", "");
	fake_file(&f, path, "none integrity [confidentiality]\n");
	expect(&f, probe_lockdown, FINDING_MISSING, "confidentiality", "sudo");
	fake_free(&f);
}

Test(doctor, explains_limits)
{
	static const char row[] = "Max locked memory         %-20s %-20s bytes     \n";
	char text[128];
	struct fake f;

	fake_new(&f);
	expect(&f, probe_memlock, FINDING_UNKNOWN, "", "");
	snprintf(text, sizeof(text), row, "unlimited", "unlimited");
	fake_file(&f, "/proc/self/limits", text);
	expect(&f, probe_memlock, FINDING_OK, "unlimited", "");
	snprintf(text, sizeof(text), row, "65536", "65536");
	fake_file(&f, "/proc/self/limits", text);
	expect(&f, probe_memlock, FINDING_OK, "64 KiB", "");
	f.h.kfeat.memcg_accounts = false;
	expect(&f, probe_memlock, FINDING_OK, "64 KiB", "");
	f.h.caps = CAP(BPF);
	expect(&f, probe_memlock, FINDING_LIMITED, "64 KiB", "memlock");
	f.h.kfeat.helpers_known = false;
	expect(&f, probe_memlock, FINDING_UNKNOWN, "64 KiB", "");

	fake_file(&f, "/proc/sys/kernel/perf_event_max_sample_rate", "99\n");
	expect(&f, probe_sample_rate, FINDING_OK, "99 Hz", "");
	fake_file(&f, "/proc/sys/kernel/perf_event_max_sample_rate", "50\n");
	expect(&f, probe_sample_rate, FINDING_LIMITED, "50 Hz", "perf_event_max_sample_rate=");
	fake_file(&f, "/proc/sys/kernel/perf_event_max_stack", "127\n");
	expect(&f, probe_max_stack, FINDING_OK, "127", "");
	fake_file(&f, "/proc/sys/kernel/perf_event_max_stack", "64\n");
	expect(&f, probe_max_stack, FINDING_MISSING, "64", "perf_event_max_stack=127");
	f.h.kfeat.stack_trace = -EINVAL;
	expect(&f, probe_stack_map, FINDING_MISSING, "", "perf_event_max_stack=127");
	fake_free(&f);
}

Test(doctor, takes_no_offence_at_unprivileged_bpf_disabled)
{
	static const char path[] = "/proc/sys/kernel/unprivileged_bpf_disabled";
	struct fake f;

	fake_new(&f);
	expect(&f, probe_unprivileged_bpf, FINDING_OK, "absent", "");
	f.h.kfeat.program = -ENOSYS;
	expect(&f, probe_unprivileged_bpf, FINDING_MISSING, "absent", "");
	for (const char *level = "012"; *level; level++) {
		fake_file(&f, path, (char[]){ *level, '\n', '\0' });
		expect(&f, probe_unprivileged_bpf, FINDING_OK, (char[]){ *level, '\0' }, "");
	}
	fake_free(&f);
}

/* --- the kernel ------------------------------------------------------------------------------ */

Test(doctor, describes_the_kernel)
{
	struct fake f;

	fake_new(&f);
	expect(&f, probe_kernel, FINDING_UNKNOWN, "", "mount -t proc");
	fake_file(&f, "/proc/sys/kernel/osrelease", "5.4.0-200-generic\n");
	expect(&f, probe_kernel, FINDING_LIMITED, "5.4.0", "");
	fake_file(&f, "/proc/sys/kernel/osrelease", "5.10.0\n");
	expect(&f, probe_kernel, FINDING_OK, "5.10.0", "");
	fake_file(&f, "/proc/sys/kernel/osrelease", "6.1\033[2J\n");
	expect(&f, probe_kernel, FINDING_OK, "6.1?[2J", "");

	expect(&f, probe_cpus, FINDING_MISSING, "", "mount -t sysfs");
	fake_file(&f, "/sys/devices/system/cpu/online", "0-3,8,10-11\n");
	expect(&f, probe_cpus, FINDING_OK, "7 online (0-3,8,10-11)", "");
	fake_file(&f, "/sys/devices/system/cpu/online", "3-1\n");
	expect(&f, probe_cpus, FINDING_MISSING, "", "mount -t sysfs");

	expect(&f, probe_architecture, FINDING_OK, "x86_64", "");
	strcpy(f.h.machine, "aarch64");
	expect(&f, probe_architecture, FINDING_MISSING, "aarch64", "");
	fake_free(&f);
}

Test(doctor, describes_bpf)
{
	static const char jit[] = "/proc/sys/net/core/bpf_jit_enable";
	struct fake f;

	fake_new(&f);
	expect(&f, probe_btf, FINDING_OK, "absent", "");
	fake_file(&f, "/sys/kernel/btf/vmlinux", "");
	expect(&f, probe_btf, FINDING_OK, "present", "");
	expect(&f, probe_jit, FINDING_UNKNOWN, "", "");
	fake_file(&f, jit, "0\n");
	expect(&f, probe_jit, FINDING_LIMITED, "off", "bpf_jit_enable=1");
	fake_file(&f, jit, "1\n");
	expect(&f, probe_jit, FINDING_OK, "on", "");
	fake_file(&f, jit, "2\n");
	expect(&f, probe_jit, FINDING_LIMITED, "debug", "bpf_jit_enable=1");

	expect(&f, probe_program, FINDING_OK, "works", "");
	expect(&f, probe_ringbuf, FINDING_OK, "works", "");
	expect(&f, probe_stack_map, FINDING_OK, "works", "");
	expect(&f, probe_sampling, FINDING_OK, "cycles", "");
	f.h.kfeat.ringbuf = -EINVAL;
	expect(&f, probe_ringbuf, FINDING_MISSING, "does not know", "");
	refuse(&f.h.kfeat);
	expect(&f, probe_program, FINDING_MISSING, "not permitted", "");
	expect(&f, probe_sampling, FINDING_MISSING, "not permitted", "");
	fake_free(&f);
}

Test(doctor, lists_events)
{
	struct fake f;

	fake_new(&f);
	expect(&f, probe_events, FINDING_OK, "cycles, instructions, cache-misses", "");
	f.h.kfeat.events[KFEAT_CACHE_MISSES] = -ENOENT;
	expect(&f, probe_events, FINDING_OK, "cycles, instructions, branch-misses", "");
	f.h.kfeat.events[KFEAT_CYCLES] = -ENOENT;
	expect(&f, probe_events, FINDING_LIMITED, "instructions, branch-misses, cpu-clock", "");
	for (int i = 0; i < KFEAT_EVENT_MAX; i++)
		f.h.kfeat.events[i] = -EACCES;
	expect(&f, probe_events, FINDING_UNKNOWN, "none", "");
	fake_free(&f);
}

/* --- the place ------------------------------------------------------------------------------- */

Test(doctor, recognizes_containers)
{
	struct fake f;

	fake_new(&f);
	host_read(&f.h);
	cr_expect_str_empty(f.h.container);
	expect(&f, probe_container, FINDING_OK, "none seen", "");
	fake_file(&f, "/proc/self/cgroup", "0::/kubepods.slice/pod1/cri-containerd-1.scope\n");
	host_read(&f.h);
	cr_expect_str_eq(f.h.container, "kubernetes");
	fake_file(&f, "/run/.containerenv", "");
	host_read(&f.h);
	cr_expect_str_eq(f.h.container, "podman");
	fake_file(&f, "/.dockerenv", "");
	host_read(&f.h);
	cr_expect_str_eq(f.h.container, "docker");
	expect(&f, probe_container, FINDING_OK, "docker", "");
	refuse(&f.h.kfeat);
	f.h.seccomp = true;
	expect(&f, probe_container, FINDING_LIMITED, "docker, system calls are filtered", "");
	fake_file(&f, "/run/systemd/container", "systemd-nspawn\n");
	host_read(&f.h);
	cr_expect_str_eq(f.h.container, "systemd-nspawn");
	fake_free(&f);
}

Test(doctor, recognizes_the_first_pid_namespace)
{
	struct fake f;

	fake_new(&f);
	fake_file(&f, "/proc/self/status", "");
	expect(&f, probe_pid_namespace, FINDING_UNKNOWN, "not told", "");
	fake_link(&f, "/proc/self/ns/pid", "pid:[4026531836]");
	expect(&f, probe_pid_namespace, FINDING_MISSING, "children", "unshare --pid --fork");
	fake_link(&f, "/proc/self/ns/pid_for_children", "pid:[4026531836]");
	expect(&f, probe_pid_namespace, FINDING_OK, "machine", "");
	fake_link(&f, "/proc/self/ns/pid", "pid:[4026532178]");
	expect(&f, probe_pid_namespace, FINDING_MISSING, "children", "unshare --pid --fork");
	fake_link(&f, "/proc/self/ns/pid_for_children", "pid:[4026532178]");
	strcpy(f.h.container, "docker");
	expect(&f, probe_pid_namespace, FINDING_MISSING, "4026532178", "--pid=host");
	fake_file(&f, "/sys/kernel/btf/vmlinux", "");
	expect(&f, probe_pid_namespace, FINDING_LIMITED, "4026532178", "--pid=host");
	fake_free(&f);
}

Test(doctor, recognizes_a_proc_of_another_pid_namespace)
{
	struct fake f;

	fake_new(&f);
	expect(&f, probe_pid_namespace, FINDING_MISSING, "/proc", "mount -t proc proc /proc");
	fake_file(&f, "/proc/version", "");
	fake_link(&f, "/proc/self", "1");
	expect(&f, probe_pid_namespace, FINDING_MISSING, "/proc", "mount -t proc proc /proc");
	fake_free(&f);
}

Test(doctor, finds_mounts)
{
	struct fake f;

	fake_new(&f);
	expect(&f, probe_cgroup, FINDING_LIMITED, "not mounted", "mount -t cgroup2");
	expect(&f, probe_tracefs, FINDING_OK, "not mounted", "");
	fake_file(
		&f, "/proc/self/mounts",
		"cgroup2\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n"
		"none /sys/fs/cgroup/unified cgroup2 rw 0 0\nt /sys/kernel/tracing tracefs rw 0 0\n");
	expect(&f, probe_cgroup, FINDING_OK, "/sys/fs/cgroup/unified", "");
	expect(&f, probe_tracefs, FINDING_LIMITED, "/sys/kernel/tracing", "sudo wick");
	fake_file(&f, "/sys/kernel/tracing/README", "");
	expect(&f, probe_tracefs, FINDING_OK, "/sys/kernel/tracing", "");
	fake_file(&f, "/proc/self/mounts", "");
	f.h.caps = 0;
	expect(&f, probe_tracefs, FINDING_LIMITED, "not mounted", "mount -t tracefs");
	fake_free(&f);
}
