/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container whose C library is not the machine's: musl, which has no unwind tables, under the very
 * name that glibc has outside, and a program that Debian links statically, without unwind tables
 * for most of it and without symbols.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "judge.h"

E2E(other_libc);

#define HZ	    999.0
#define FREQ	    "-F", "999"
#define LIBC	    "/lib/x86_64-linux-gnu/libc.so.6"
#define MUSL	    "/lib/ld-musl-x86_64.so.1"
#define BUSYBOX	    "/inside/busybox"
#define NO_PIE_BASE 0x400000
#define OWN	    "/inside/elsewhere"
/* Of short programs, when others use the machine, too. */
#define MOST_LATE   0.1
/* Of what runs elsewhere on this machine, nothing is called so. */
#define APPLETS	    "ash tac nl rev"

/* Runs @command of busybox's shell in a root of its own. */
static const char *container_script(const char *command)
{
	return text("unshare --user --map-root-user --mount --pid --fork sh -ec '"
		    "mkdir -p root; mount -t tmpfs none root; cd root; mkdir -p dev inside %s; "
		    "cp %s .%s; cp %s .%s; cp %s inside/lives; cp $(command -v busybox) .%s; "
		    "ln .%s inside/before; for i in " APPLETS
		    " sleep; do ln -s busybox inside/$i; done; "
		    "exec chroot . /inside/ash -c \"PATH=/inside; %s\"'",
		    "lib/x86_64-linux-gnu", MUSL, LIBC, workload("elsewhere-musl"), OWN,
		    workload("lives-static"), BUSYBOX, OWN, command);
}

static void needs_containers(void)
{
	struct run r;

	if (access(LIBC, F_OK) < 0 || access(MUSL, F_OK) < 0 ||
	    access(workload("elsewhere-musl"), F_OK) < 0)
		cr_skip_test("needs musl-gcc, on x86-64");
	if (!have_program("busybox") || !have_program("unshare"))
		cr_skip_test("needs busybox and unshare");
	r = run_words("sh", "-c", container_script("exit 7"));
	if (r.status != 7)
		cr_skip_test("needs namespaces of users: %s", r.err);
}

static struct profile *recorded_in_container(const char *command, struct run *r,
					     struct e2e_account *a)
{
	const char *file = in_dir("p.pb.gz");
	struct profile *p;

	*r = wick("record", "-a", FREQ, "-o", file, "--", "sh", "-c", container_script(command));
	must_end(r, 0);
	p = recorded(file, a);
	fprintf(stderr, "  %s\n", a->comment);
	return p;
}

static const char *string_of(const struct profile *p, uint32_t s)
{
	return strtab_get(&p->strings, s);
}

/* What `file` calls the build id of @path, in hexadecimal. */
static const char *build_id_of(const char *path)
{
	struct run r = run_words("readelf", "-n", path);
	char *id;

	must_end(&r, 0);
	id = strstr(r.out, "Build ID: ");
	cr_assert_not_null(id, "%s", r.out);
	id += strlen("Build ID: ");
	id[strcspn(id, "\n")] = 0;
	return id;
}

/* Samples of one program, as far as their stacks go. */
struct seen {
	double all, cut, unnamed, from_main, called_back, in_libc;
};

static const struct profile_mapping *mapping_of(const struct profile *p,
						const struct profile_sample *s, uint32_t k)
{
	const struct profile_location *l = &p->locations.items[p->stacks.items[s->loc_first + k]];

	return l->mapping == PROFILE_NONE ? NULL : &p->mappings.items[l->mapping];
}

/* Whether the frame is of that file; a build id that is not @build_id fails the test. */
static bool is_of(const struct profile *p, const struct profile_sample *s, uint32_t k,
		  const char *file, const char *build_id)
{
	const struct profile_mapping *m = mapping_of(p, s, k);

	if (!m || strcmp(string_of(p, m->file), file) != 0)
		return false;
	cr_expect_str_eq(string_of(p, m->build_id), build_id, "%s", file);
	return true;
}

static struct seen see(const struct profile *p, const char *build_id)
{
	struct seen seen = { 0 };

	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];
		double n = (double)profile_value(p, i, 0);
		bool in_libc = false;

		if (strcmp(label_text(p, s, "comm"), "elsewhere") != 0)
			continue;
		for (uint32_t k = 0; k < s->loc_n; k++)
			in_libc |= is_of(p, s, k, LIBC, build_id);
		seen.all += n;
		seen.in_libc += in_libc ? n : 0;
		seen.cut += has_frame(p, s, "[truncated") ? n : 0;
		seen.unnamed += has_frame(p, s, "[unknown") ? n : 0;
		seen.from_main += has_frame(p, s, "main") || has_frame(p, s, "thread_work") ? n : 0;
		seen.called_back += has_frame(p, s, "compare") && has_frame(p, s, "qsort") &&
						    has_frame(p, s, "sort_turn")
					    ? n
					    : 0;
	}
	return seen;
}

Test(other_libc, a_program_of_musl)
{
	const struct kind kind = { "elsewhere", OWN };
	struct e2e_account a;
	struct profile *p;
	struct seen seen;
	struct run r;

	needs_containers();
	/* When it runs a second time, tables are there; the next test is of what runs at once. */
	p = recorded_in_container("/inside/before 0.2 quiet; sleep 1; " OWN " 2", &r, &a);
	seen = see(p, build_id_of(MUSL));
	fprintf(stderr,
		"  %.0f samples, %.0f cut, %.0f unnamed, %.0f from main, %.0f called back\n",
		seen.all, seen.cut, seen.unnamed, seen.from_main, seen.called_back);
	expect_programs(p, &kind, 1, MOST_CUT);
	expect_samples("all", seen.all, &r, HZ);
	/* All but what the dynamic linker does. */
	cr_expect_gt(seen.from_main, 0.98 * seen.all);
	cr_expect_gt(seen.in_libc, 0.98 * seen.all, "whose main() does not return there?");
	cr_expect_gt(seen.called_back, 0.05 * seen.all);
	cr_expect_leq(seen.cut, 2, "%.0f of %.0f", seen.cut, seen.all);
}

/* Samples whose outermost frame is where a program begins that has no symbols. */
static double from_entry(const struct profile *p, const char *comm, uint64_t entry)
{
	static const char head[] = "[busybox+0x";
	double n = 0;

	for (size_t i = 0; i < p->samples.n; i++) {
		const struct profile_sample *s = &p->samples.items[i];
		const char *name = s->loc_n > 0 ? frame_name(p, s, s->loc_n - 1) : "";

		if (strcmp(label_text(p, s, "comm"), comm) == 0 &&
		    strncmp(name, head, strlen(head)) == 0 &&
		    strtoull(name + strlen(head), NULL, 16) - entry < 64)
			n += (double)profile_value(p, i, 0);
	}
	return n;
}

Test(other_libc, a_pipeline_of_a_program_without_symbols)
{
	const struct kind kinds[] = { { "tac", BUSYBOX }, { "nl", BUSYBOX }, { "rev", BUSYBOX } };
	struct e2e_account a;
	struct profile *p;
	struct run r, e;
	uint64_t entry;

	needs_containers();
	p = recorded_in_container("busybox seq 300000 | tac | nl | rev >/dev/null", &r, &a);
	e = run_words("sh", "-c", "readelf -h $(command -v busybox) | grep Entry");
	must_end(&e, 0);
	entry = strtoull(strstr(e.out, "0x"), NULL, 16);
	entry -= entry >= NO_PIE_BASE ? NO_PIE_BASE : 0;
	expect_programs(p, kinds, sizeof(kinds) / sizeof(*kinds), MOST_LATE);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		double n = total(p, (struct pick){ .comm = kinds[i].comm }),
		       whole = from_entry(p, kinds[i].comm, entry);

		fprintf(stderr, "  %s: %.0f of %.0f from _start\n", kinds[i].comm, whole, n);
		/* Some are of what the kernel does between two programs. */
		cr_expect_geq(whole, 0.8 * n - 2, "%s", kinds[i].comm);
	}
}

Test(other_libc, two_hundred_programs_a_second)
{
	const struct kind kinds[] = {
		{ "elsewhere", OWN }, { "tac", BUSYBOX }, { "nl", BUSYBOX }, { "rev", BUSYBOX }
	};
	struct e2e_account a;
	struct profile *p;
	struct run r;

	needs_containers();
	p = recorded_in_container("exec /inside/lives rate 200 10 " OWN
				  " 0.005 quiet , /inside/ash "
				  "-c \\\"echo x|tac|nl|rev >/dev/null\\\"",
				  &r, &a);
	expect_storm(p, &r, kinds, sizeof(kinds) / sizeof(*kinds), MOST_LATE);
}
