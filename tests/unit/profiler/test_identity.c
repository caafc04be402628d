/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"
#include "otelctx.h"

static const char *const names[] = { "WICK_UNIT", "WICK_NOT_THERE" };
static struct identities t;
static pid_t child;

static void setup(void)
{
	cr_assert_eq(identities_init(&t, names, 2), 0);
}

static void teardown(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	identities_done(&t);
}

TestSuite(identity, .init = setup, .fini = teardown);

static const char *attr(uint32_t set, const char *key)
{
	const struct attr_set *s = &t.attrs.sets.items[set];

	for (uint32_t i = 0; i < s->n; i++) {
		const struct attr *p = &t.attrs.pool.items[s->first + i];

		if (strcmp(strtab_get(&t.attrs.strings, p->key), key) == 0)
			return strtab_get(&t.attrs.strings, p->value);
	}
	return "";
}

/* Until /proc/CHILD/@file begins with @text, for as long as some seconds. */
static void wait_for(const char *file, const char *text)
{
	char path[48], line[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/%s", child, file);
	for (int i = 0; i < 500000 && strncmp(line, text, strlen(text)) != 0; i++) {
		FILE *f = fopen(path, "re");

		if (f && !fgets(line, sizeof(line), f))
			line[0] = '\0';
		if (f)
			fclose(f);
	}
}

/* A program that waits, with @env alone: it has its name, and the environment comes next. */
static void start(const char *env)
{
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execle("/bin/sleep", "sleep", "60", NULL,
		       (char *const[]){ (char *)(uintptr_t)env, NULL });
		_exit(1);
	}
	wait_for("comm", "sleep");
}

Test(identity, of_a_process_that_is_there)
{
	struct identity id = { 0 };

	start("WICK_UNIT=blue");
	wait_for("environ", "WICK_UNIT");
	cr_expect(identity_is_due(&t, &id));
	identity_look(&t, &id, (uint32_t)child, true);
	cr_expect_not(identity_is_due(&t, &id));
	cr_expect(id.looked);
	cr_expect_eq(id.ppid, (uint32_t)getpid());
	cr_expect_str_not_empty(id.parent_comm);
	cr_expect_str_eq(attr(id.attrs, "WICK_UNIT"), "blue");
	cr_expect_eq(t.attrs.sets.items[id.attrs].n, 1);
	cr_expect(id.has_cgroup);
}

/* execve(2) gives a process its name before its environment: who looks in between looks again. */
Test(identity, has_the_environment_that_comes_after_the_name)
{
	for (int i = 0; i < 200; i++) {
		struct identity id = { 0 };

		start("WICK_UNIT=blue");
		identity_look(&t, &id, (uint32_t)child, true);
		cr_assert_neq(identity_is_due(&t, &id),
			      strcmp(attr(id.attrs, "WICK_UNIT"), "blue") == 0);
		wait_for("environ", "WICK_UNIT");
		identity_look(&t, &id, (uint32_t)child, true);
		cr_assert_str_eq(attr(id.attrs, "WICK_UNIT"), "blue", "at %d", i);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		child = 0;
	}
}

Test(identity, of_one_that_is_gone_stays_as_it_was)
{
	struct identity id = { .ppid = 7 };

	identity_look(&t, &id, (uint32_t)getpid(), false);
	cr_expect_not(id.looked);
	cr_expect_eq(id.ppid, 7);
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	identity_look(&t, &id, (uint32_t)child, true);
	cr_expect_eq(id.ppid, 7);
	cr_expect_eq(id.attrs, 0);
	child = 0;
}

Test(identity, of_children_is_their_parent_s_but_for_the_service)
{
	struct identity parent = { .looked = true,
				   .has_cgroup = true,
				   .cgroup = 3,
				   .env = 1,
				   .otel = 2,
				   .attrs = 4,
				   .otel_addr = 5,
				   .otel_published = 6,
				   .ppid = 1 };
	struct identity kid = identity_of_child(&parent, 77, "parent"), after;

	cr_expect_eq(kid.ppid, 77);
	cr_expect_str_eq(kid.parent_comm, "parent");
	cr_expect_eq(kid.cgroup, 3);
	cr_expect_eq(kid.env, 1);
	cr_expect_eq(kid.attrs, 1);
	cr_expect_eq(kid.otel, 0);
	cr_expect_eq(kid.otel_addr, 0);
	cr_expect(kid.looked);
	after = identity_after_exec(&kid);
	cr_expect_eq(after.ppid, 77);
	cr_expect_str_eq(after.parent_comm, "parent");
	cr_expect_eq(after.env, 1, "until somebody has looked");
	cr_expect_not(after.looked);
}

/* The context of this process: KeyValue { "service.name", AnyValue { "unit" } } in a Resource. */
static const uint8_t resource[] = "\x0a\x16\x0a\x0cservice.name\x12\x06\x0a\x04unit";

static struct otelctx_header *publish(void)
{
	int fd = memfd_create("OTEL_CTX", MFD_CLOEXEC);
	struct otelctx_header *h;

	cr_assert(fd >= 0 && ftruncate(fd, 4096) == 0);
	h = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(h, MAP_FAILED);
	close(fd);
	memcpy(h + 1, resource, sizeof(resource) - 1);
	*h = (struct otelctx_header){ .version = 2,
				      .payload_bytes = sizeof(resource) - 1,
				      .published_ns = 1,
				      .payload = (uintptr_t)(h + 1) };
	memcpy(h->signature, "OTEL_CTX", 8);
	return h;
}

Test(identity, a_service_is_found_when_it_has_said_what_it_is)
{
	struct identity id = { 0 };
	struct otelctx_header *h;

	identity_look(&t, &id, (uint32_t)getpid(), true);
	cr_expect_str_eq(attr(id.attrs, "service.name"), "");
	h = publish();
	for (int i = 0; i < 3; i++) {
		identities_next_window(&t);
		identity_look(&t, &id, (uint32_t)getpid(), true);
	}
	cr_expect_str_eq(attr(id.attrs, "service.name"), "unit");
	memcpy((uint8_t *)(h + 1) + sizeof(resource) - 5, "next", 4);
	h->published_ns = 2;
	for (int i = 0; i < 10; i++) {
		identities_next_window(&t);
		identity_look(&t, &id, (uint32_t)getpid(), true);
	}
	cr_expect_str_eq(attr(id.attrs, "service.name"), "next");
	munmap(h, 4096);
	for (int i = 0; i < 10; i++) {
		identities_next_window(&t);
		identity_look(&t, &id, (uint32_t)getpid(), true);
	}
	cr_expect_str_eq(attr(id.attrs, "service.name"), "");
}

Test(identity, what_points_into_a_file_is_not_read)
{
	struct identity id = { 0 };
	struct otelctx_header *h = publish();

	h->payload = (uintptr_t)resource; /* in the test's own read-only data, a file */
	identity_look(&t, &id, (uint32_t)getpid(), true);
	cr_expect_eq(id.otel, 0);
	munmap(h, 4096);
}
