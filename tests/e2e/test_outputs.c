/* SPDX-License-Identifier: Apache-2.0 */
/* Files that cannot be replaced, and several of which some cannot be written. */
#include <string.h>
#include <sys/stat.h>

#include "readback.h"

E2E(outputs);

/* Runs a script where its mounts are its own; $wick is the program, $split a workload, $PWD the test's
 * directory. */
static struct run with_mounts(const char *script)
{
	struct run r = run_words("unshare", "-m", "true"); /* refused in a chroot, too */

	if (r.status != 0)
		cr_skip_test("needs a mount namespace of its own");
	r = run_words("unshare", "-m", "sh", "-c",
		      text("wick=%s; split=%s; %s", wick_program(), workload("split"), script));
	if (r.status == 77)
		cr_skip_test("needs to mount");
	cr_expect_eq(files_left("out.folded."), 0, "a temporary file stays");
	return r;
}

/* docker run -v "$PWD/out.folded:/out.folded" */
Test(outputs, file_that_is_mounted_is_written_over)
{
	struct run r = with_mounts("yes 'old 1' | head -c 100000 > kept; : > out.folded\n"
				   "mount --bind kept out.folded || exit 77\n"
				   "$wick record -F 999 -o out.folded -- $split 0.2");

	must_end(&r, 0);
	r = run_words("cat", in_dir("kept"));
	cr_expect(strstr(r.out, "split;") && !strstr(r.out, "old"), "it is:\n%s", r.out);
}

Test(outputs, mounted_file_without_room_is_cut_short)
{
	struct run r = with_mounts("mkdir disk; : > out.folded\n"
				   "mount -t tmpfs -o size=64k none disk || exit 77\n"
				   ": > disk/kept; dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null\n"
				   "mount --bind disk/kept out.folded || exit 77\n"
				   "$wick record -F 999 -o out.folded -- $split 0.2");

	must_end(&r, 1);
	cr_expect_not_null(strstr(r.err, "'out.folded' is cut short: No space left"), "%s", r.err);
}

Test(outputs, mounted_file_that_is_read_only_is_refused_at_once)
{
	struct run r = with_mounts(": > kept; : > out.folded\n"
				   "mount --bind kept out.folded || exit 77\n"
				   "mount -o remount,bind,ro out.folded || exit 77\n"
				   "$wick record -o out.folded --duration 5");

	must_end(&r, 1);
	cr_expect_not_null(strstr(r.err, "'out.folded': Read-only file system"), "%s", r.err);
	cr_expect_lt(r.seconds, 3, "it recorded before it looked: %.1f s", r.seconds);
}

/* Each that can be written is, each error is told, and the status is 1 though the command's is 0. */
Test(outputs, one_that_fails_does_not_cost_the_others)
{
	struct run r = with_mounts("mkdir disk; mount -t tmpfs -o size=64k none disk || exit 77\n"
				   "dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null\n"
				   "$wick record -F 999 -o disk/a.folded -o b.folded -o disk/c.svg "
				   "-o d.svg -- $split 0.2");

	must_end(&r, 1);
	cr_expect_not_null(strstr(r.err, "'disk/a.folded': No space left"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "'disk/c.svg': No space left"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "wrote b.folded\n"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, "wrote d.svg\n"), "%s", r.err);
	cr_expect_not_null(strstr(r.err, " ticks = "), "no account:\n%s", r.err);
	cr_expect_eq(files_left("b.folded"), 1);
	cr_expect_eq(files_left("d.svg"), 1);
}
