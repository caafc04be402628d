/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU that goes offline and comes back in the middle of a recording. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "readback.h"

#define ONLINE "/sys/devices/system/cpu/cpu1/online"
#define HZ     499.0

static void bring_back(void)
{
	put_file(ONLINE, "1");
}

static void bring_back_and_tear_down(void)
{
	bring_back();
	e2e_teardown();
}

TestSuite(hotplug, .init = e2e_setup, .fini = bring_back_and_tear_down, .timeout = 60);

/* Works on CPU 1 for a second of CPU time. */
static struct run on_cpu1(const char *name)
{
	struct run r = run_words("taskset", "-c", "1", workload(name), "1");

	must_end(&r, 0);
	return r;
}

/* Whatever becomes of this process, the CPU comes back: a shell outside of the test waits for that.
 */
static void insure(void)
{
	struct run r =
		run_words("setsid", "sh", "-c",
			  text("(while kill -0 %d 2>/dev/null; do sleep 1; done; echo 1 >" ONLINE
			       ") >/dev/null 2>&1 &",
			       getpid()));

	must_end(&r, 0);
}

Test(hotplug, off_and_on_again)
{
	const char *file = in_dir("p.pb.gz");
	struct run w, before, after;
	struct profile *p;

	if (access(ONLINE, W_OK) != 0)
		cr_skip_test("needs a second CPU that can be taken offline");
	insure();
	w = start_wick("record", "-F", "499", "-a", "-o", file);
	wait_for_line(&w, "wick: sampling");
	before = on_cpu1("split");
	if (put_file(ONLINE, "0") < 0) {
		send(&w, SIGINT);
		finish(&w);
		cr_skip_test("needs a second CPU that can be taken offline");
	}
	sleep_ms(1500); /* wick looks once a second */
	cr_assert_eq(put_file(ONLINE, "1"), 0);
	sleep_ms(1500);
	after = on_cpu1("syscalls");
	send(&w, SIGINT);
	finish(&w);
	must_end(&w, 0);
	p = recorded(file, NULL);
	expect_samples("before", total(p, (struct pick){ .pid = before.pid }), &before, HZ);
	expect_samples("after", total(p, (struct pick){ .pid = after.pid }), &after, HZ);
}
