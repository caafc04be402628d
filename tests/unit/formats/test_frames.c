/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"
#include "made_text.h"

#define text(id) strtab_get(&f.text, (id))

Test(frames, locations_are_frames_from_the_outside_in)
{
	struct profile *p = read_folded("main;outer;mid_[i];inner_[i] 1\nmain;outer 2\n");
	struct frames f;
	uint32_t l = p->stacks.items[0];

	cr_assert_eq(frames_init(&f, p), 0);
	cr_assert_eq(f.first.items[l + 1] - f.first.items[l], 3);
	cr_expect_str_eq(text(f.functions.items[f.list.items[f.first.items[l]].function].name),
			 "outer");
	cr_expect_not(f.list.items[f.first.items[l]].inlined);
	cr_expect(f.list.items[f.first.items[l] + 2].inlined);
	cr_expect_eq(f.functions.n, 4, "outer is one function at both of its locations");
	frames_done(&f);
	profile_free(p);
}

Test(frames, places_without_a_name_are_called_by_their_object)
{
	struct profile *p = demo_profile();
	struct frames f;
	bool found = false;

	cr_assert_eq(frames_init(&f, p), 0);
	array_each(&f.functions, fn)
		found |= strcmp(text(fn->name), "[libstripped.so.1+0x1020]") == 0;
	cr_expect(found);
	frames_done(&f);
	profile_free(p);
}

Test(frames, lines_that_differ_are_nobodys)
{
	struct profile *p = read_folded("a;b 1\n");
	struct frames f;

	p->lines.items[0].line = 7;
	p->lines.items[1].line = 8;
	cr_assert_eq(frames_init(&f, p), 0);
	cr_expect_eq(f.functions.items[0].only_line + f.functions.items[1].only_line, 15);
	frames_done(&f);
	p->lines.items[1].function = p->lines.items[0].function;
	cr_assert_eq(frames_init(&f, p), 0);
	cr_assert_eq(f.functions.n, 1);
	cr_expect_eq(f.functions.items[0].only_line, 0);
	frames_done(&f);
	profile_free(p);
}
