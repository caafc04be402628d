/* SPDX-License-Identifier: Apache-2.0 */
/* Where the running kernel says no. */
#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "err.h"
#include "fdutil.h"
#include "live_log.h"
#include "sideband.h"

#define CANNOT 77

static void expect_too_many_files(void)
{
	struct sideband *s = NULL;
	struct err e = { "" };

	cr_expect_eq(sideband_new(&s, NULL, &live_callbacks, &e), -EMFILE);
	cr_expect(strstr(e.text, "ulimit -n"), "%s", e.text);
	cr_expect_null(s);
}

Test(sideband, too_few_descriptors)
{
	sideband_free(live_start(0)); /* skips without privilege */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, 64 }), 0);
	while (dup(0) >= 0)
		;
	expect_too_many_files(); /* epoll */
	close(63);
	expect_too_many_files(); /* the list of CPUs */
	live_refused.descriptor = true;
	close(62);
	expect_too_many_files(); /* an event */
}

/*
 * Becomes a user that no other test is, as the limit of locked memory is one of users; with the one
 * capability, and nothing to lock beyond what the kernel gives to all.
 */
static int become_nobody(bool perfmon)
{
	uid_t id = 20000 + (uid_t)getpid() % 40000;
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (perfmon)
		d[CAP_TO_INDEX(CAP_PERFMON)].permitted = d[CAP_TO_INDEX(CAP_PERFMON)].effective =
			CAP_TO_MASK(CAP_PERFMON);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 ||
	    setresuid(id, id, id) < 0 || syscall(SYS_capset, &h, d) < 0 ||
	    setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 0, 0 }) < 0)
		return -errno;
	return 0;
}

/* Runs @fn in a child, which may change its credentials; 0 is success. */
static void expect_in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip("needs root, to become somebody else");
	pid = fork();
	if (pid == 0)
		_exit(fn());
	live_wait(pid, &status);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		cr_skip("cannot become somebody else here");
	cr_expect_eq(status, 0, "exit %d", WEXITSTATUS(status));
}

static long long paranoid(void)
{
	long long v = 0;

	read_int_file("/proc/sys/kernel/perf_event_paranoid", &v);
	return v;
}

static int try_without_privilege(void)
{
	struct sideband *s = NULL;
	struct err e = { "" };
	int r;

	if (become_nobody(false) < 0)
		return CANNOT;
	r = sideband_new(&s, NULL, &live_callbacks, &e);
	if (r != -EACCES && r != -EPERM)
		return 2;
	return strstr(e.text, "CAP_PERFMON") && !s ? 0 : 3;
}

Test(sideband, no_privilege)
{
	if (paranoid() <= 0)
		cr_skip("everybody may follow processes here");
	expect_in_child(try_without_privilege);
}

/* Rings shrink together as long as they can, then a sentence says which limit it is. */
static int try_without_memory(void)
{
	size_t before = 16u << 20, cpus = 0;

	if (become_nobody(true) < 0)
		return CANNOT;
	for (int i = 0; i < 10000; i++) {
		struct sideband *s = NULL;
		struct err e = { "" };
		int r = sideband_new(&s, &(struct sideband_opts){ .ring_bytes = before, .build_ids = true }, &live_callbacks, &e);

		if (r < 0)
			return i == 0 ? 2 : r == -EPERM && strstr(e.text, "ulimit -l") ? 0 : 3;
		if (sideband_ring_bytes(s) > before || (cpus && sideband_cpus(s) != cpus))
			return 4;
		if (i == 0 && sideband_ring_bytes(s) == before)
			return 5;
		before = sideband_ring_bytes(s);
		cpus = sideband_cpus(s);
	}
	return 6;
}

Test(sideband, limit_of_locked_memory)
{
	if (paranoid() < 0)
		cr_skip("there is no such limit here");
	sideband_free(live_start(0));
	expect_in_child(try_without_memory);
}
