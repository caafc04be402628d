/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "svgcolor.h"

static void expect_readable(struct rgb fill, const char *what)
{
	double c = contrast(fill, ink());

	cr_expect_geq(c, CONTRAST_LEAST, "%s: #%02x%02x%02x has a contrast of %.2f", what, fill.r,
		      fill.g, fill.b, c);
}

Test(svgcolor, contrast_is_that_of_the_guidelines)
{
	struct rgb white = { 255, 255, 255 }, black = { 0, 0, 0 }, grey = { 0x76, 0x76, 0x76 };

	cr_expect_float_eq(contrast(white, black), 21, 0.001);
	cr_expect_float_eq(contrast(grey, white), 4.54, 0.01);
	cr_expect_float_eq(contrast((struct rgb){ 255, 0, 0 }, white), 4.0, 0.01);
	cr_expect_float_eq(contrast(white, white), 1, 0.001);
}

Test(svgcolor, text_is_readable_on_every_fill)
{
	const struct palette *p;
	size_t palettes = 0;

	for (; (p = palette_at(palettes)); palettes++)
		for (int kind = 0; kind < FRAME_KINDS; kind++)
			for (int i = 0; i < 3000; i++) {
				static const char *const ends[] = { "", "::f", ".js", "_[w]",
								    "/x.pl" };
				char name[64];

				snprintf(name, sizeof(name), "%s%d%s", i % 2 ? "java/" : "f", i,
					 ends[i % 5]);
				expect_readable(
					palette_fill(p, (enum frame_kind)kind, name, strlen(name)),
					palette_name(p));
			}
	cr_expect_eq(palettes, 16);
	for (int i = -100; i <= 100; i++)
		expect_readable(change_fill(i / 100.0), "change");
	expect_readable(change_fill(7), "change");
	expect_readable(found_fill(), "found");
	for (const char *const *s = (const char *const[]){ "-", "--", NULL }; *s; s++)
		expect_readable(palette_fill(palette_by_name("chain"), FRAME_NOTE, *s, strlen(*s)),
				*s);
}

Test(svgcolor, a_name_has_the_same_colour_for_ever)
{
	const struct palette *p = palette_by_name("hot");
	struct rgb a = palette_fill(p, FRAME_NATIVE, "main", 4);
	struct rgb b = palette_fill(p, FRAME_NATIVE, "free", 4);

	cr_expect(a.r == 245 && a.g == 104 && a.b == 92, "%d %d %d", a.r, a.g, a.b);
	cr_expect(a.r != b.r || a.g != b.g || a.b != b.b);
}

Test(svgcolor, every_palette_has_a_background_and_a_place_in_the_list)
{
	const struct palette *p;
	struct rgb top, bottom;

	for (size_t i = 0; (p = palette_at(i)); i++) {
		cr_expect(background_by_name(palette_background(p), &top, &bottom));
		cr_expect(strstr(palette_names(), palette_name(p)), "%s", palette_name(p));
		cr_expect_eq(palette_by_name(palette_name(p)), p);
	}
	cr_expect_null(palette_by_name("rainbow"));
	cr_expect_null(palette_by_name(""));
}

Test(svgcolor, backgrounds_are_names_or_numbers)
{
	static const char *const bad[] = { "",	      "#",	 "#12345",    "#1234567", "##12345",
					   "#12345g", "#-12345", "\" onload", "blue " };
	struct rgb top, bottom;

	cr_expect(background_by_name("#0aF1c8", &top, &bottom));
	cr_expect(top.r == 0x0a && top.g == 0xf1 && top.b == 0xc8);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		cr_expect_not(background_by_name(bad[i], &top, &bottom), "%s", bad[i]);
}

Test(svgcolor, palettes_of_languages_know_their_frames)
{
	const struct palette *java = palette_by_name("java"), *js = palette_by_name("js");
	struct rgb jit = palette_fill(java, FRAME_JIT, "x", 1), kernel, cxx;

	cr_expect(jit.g > jit.r && jit.g > jit.b, "green");
	jit = palette_fill(java, FRAME_NATIVE, "Ljava/lang/String;::hash", 24);
	cr_expect(jit.g > jit.r && jit.g > jit.b, "green");
	kernel = palette_fill(js, FRAME_KERNEL, "vfs_read", 8);
	cr_expect(kernel.r > kernel.g && kernel.g > kernel.b, "orange");
	cxx = palette_fill(js, FRAME_NATIVE, "v8::f", 5);
	cr_expect(cxx.r > cxx.b && cxx.g > cxx.b, "yellow");
}
