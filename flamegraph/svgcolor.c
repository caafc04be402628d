/* SPDX-License-Identifier: Apache-2.0 */
#include "svgcolor.h"

#include <stdio.h>
#include <string.h>

#include "array.h"

/* A range of hues (degrees) and of lightness, in which names choose. */
struct range {
	double hue, hue_to;
	double saturation;
	double light, light_to;
};

static const struct range gray = { 0, 0, 0, 0.78, 0.88 };
static const struct range hot = { 4, 50, 0.88, 0.62, 0.70 };
static const struct range mem = { 118, 166, 0.50, 0.60, 0.74 };
static const struct range io = { 228, 246, 0.62, 0.74, 0.82 };
static const struct range red = { 2, 8, 0.85, 0.68, 0.80 };
static const struct range green = { 112, 128, 0.48, 0.62, 0.76 };
static const struct range blue = { 210, 222, 0.70, 0.70, 0.82 };
static const struct range aqua = { 178, 188, 0.52, 0.62, 0.76 };
static const struct range yellow = { 52, 60, 0.72, 0.58, 0.72 };
static const struct range purple = { 286, 298, 0.55, 0.74, 0.84 };
static const struct range orange = { 28, 36, 0.92, 0.62, 0.74 };

/* What kind of code it is. */
static const struct range by_kind[FRAME_KINDS] = {
	[FRAME_NATIVE] = { 28, 28, 0.88, 0.75, 0.86 },
	[FRAME_INLINED] = { 48, 48, 0.90, 0.75, 0.86 },
	[FRAME_KERNEL] = { 207, 207, 0.78, 0.75, 0.86 },
	[FRAME_JIT] = { 135, 135, 0.50, 0.75, 0.86 },
	[FRAME_NOTE] = { 0, 0, 0, 0.75, 0.86 },
};

struct palette {
	const char *name, *background;
	/* One of these: by kind, of one range, or as the function says. */
	const struct range *kinds, *range;
	const struct range *(*choose)(enum frame_kind kind, const char *name);
};

static bool has(const char *name, const char *part)
{
	return strstr(name, part) != NULL;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);

	return n >= k && strcmp(name + n - k, end) == 0;
}

/* Names of Java's packages begin so, in the form of descriptors ("Ljava/…") or without the L. */
static bool is_java(const char *name)
{
	static const char *const packages[] = { "java", "javax", "jdk", "net",
						"org",	"com",	 "io",	"sun" };

	name += *name == 'L';
	for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
		size_t n = strlen(packages[i]);

		if (strncmp(name, packages[i], n) == 0 && (name[n] == '/' || name[n] == '.'))
			return true;
	}
	return false;
}

static const struct range *system_code(enum frame_kind kind, const char *name)
{
	return kind == FRAME_KERNEL ? &orange
	       : kind == FRAME_NOTE ? &gray
	       : has(name, "::")    ? &yellow
				    : &red;
}

static const struct range *choose_java(enum frame_kind kind, const char *name)
{
	return kind == FRAME_JIT || (kind != FRAME_KERNEL && is_java(name)) ? &green
	       : kind == FRAME_INLINED					    ? &aqua
				       : system_code(kind, name);
}

/* Scripts have a path or a name that ends in .js; what has a space is built in ("Builtin: …"). */
static const struct range *choose_js(enum frame_kind kind, const char *name)
{
	if (kind == FRAME_JIT)
		return has(name, "/") ? &green : &aqua;
	return has(name, ".js:") || ends_in(name, ".js") ? &green : system_code(kind, name);
}

static const struct range *choose_perl(enum frame_kind kind, const char *name)
{
	return has(name, "Perl") || has(name, ".pl") ? &green : system_code(kind, name);
}

/* What wakes others up is written with _[w] by those who fold such stacks. */
static const struct range *choose_chain(enum frame_kind kind, const char *name)
{
	(void)kind;
	return ends_in(name, "_[w]") ? &aqua : &blue;
}

static const struct palette palettes[] = {
	{ .name = "kind", .background = "white", .kinds = by_kind },
	{ .name = "hot", .background = "yellow", .range = &hot },
	{ .name = "mem", .background = "green", .range = &mem },
	{ .name = "io", .background = "blue", .range = &io },
	{ .name = "wakeup", .background = "blue", .range = &aqua },
	{ .name = "chain", .background = "blue", .choose = choose_chain },
	{ .name = "java", .background = "yellow", .choose = choose_java },
	{ .name = "js", .background = "yellow", .choose = choose_js },
	{ .name = "perl", .background = "yellow", .choose = choose_perl },
	{ .name = "red", .background = "yellow", .range = &red },
	{ .name = "green", .background = "green", .range = &green },
	{ .name = "blue", .background = "blue", .range = &blue },
	{ .name = "aqua", .background = "blue", .range = &aqua },
	{ .name = "yellow", .background = "yellow", .range = &yellow },
	{ .name = "purple", .background = "grey", .range = &purple },
	{ .name = "orange", .background = "yellow", .range = &orange },
};

const struct palette *palette_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(palettes); i++)
		if (strcmp(palettes[i].name, name) == 0)
			return &palettes[i];
	return NULL;
}

const struct palette *palette_at(size_t i)
{
	return i < ARRAY_LEN(palettes) ? &palettes[i] : NULL;
}

const char *palette_name(const struct palette *p)
{
	return p->name;
}

const char *palette_names(void)
{
	return "kind, hot, mem, io, wakeup, chain, java, js, perl, red, green, blue, aqua, yellow, "
	       "purple, orange";
}

const char *palette_background(const struct palette *p)
{
	return p->background;
}

bool palette_has_legend(const struct palette *p)
{
	return p->kinds != NULL;
}

/* --- light ------------------------------------------------------------------------------------ */

/* x to the power 2.4 without the mathematical library: x^2 times the fifth root of x^2, by Newton.
 */
static double power_2_4(double x)
{
	double square = x * x, root = 0.5 + 0.5 * square;

	for (int i = 0; i < 40; i++)
		root = (4 * root + square / (root * root * root * root)) / 5;
	return square * root;
}

static double linear(uint8_t c)
{
	double x = c / 255.0;

	return x <= 0.04045 ? x / 12.92 : power_2_4((x + 0.055) / 1.055);
}

static double luminance(struct rgb c)
{
	return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

double contrast(struct rgb a, struct rgb b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}

static uint8_t channel(double hue, double saturation, double light, double shift)
{
	double k = shift + hue / 30, amplitude = saturation * (light < 0.5 ? light : 1 - light), t;

	while (k >= 12)
		k -= 12;
	t = k - 3 < 9 - k ? k - 3 : 9 - k;
	t = t < -1 ? -1 : t > 1 ? 1 : t;
	return (uint8_t)(255 * (light - amplitude * t) + 0.5);
}

static struct rgb from_hsl(double hue, double saturation, double light)
{
	return (struct rgb){ channel(hue, saturation, light, 0), channel(hue, saturation, light, 8),
			     channel(hue, saturation, light, 4) };
}

/* A number from 0 to 1 for each use, from a hash that stays the same for ever: FNV-1a, mixed. */
static void numbers_of(const char *name, size_t n, double ret[2])
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
	ret[0] = (double)(h >> 32 & 0xffff) / 0xffff;
	ret[1] = (double)(h >> 48) / 0xffff;
}

struct rgb palette_fill(const struct palette *p, enum frame_kind kind, const char *name, size_t n)
{
	const struct range *r = p->kinds    ? &p->kinds[kind]
				: p->choose ? p->choose(kind, name)
					    : p->range;
	double at[2];

	/* Frames that part others, as folded stacks of several threads have them. */
	if (strcmp(name, "-") == 0)
		return (struct rgb){ 176, 176, 176 };
	if (strcmp(name, "--") == 0)
		return (struct rgb){ 144, 144, 144 };
	numbers_of(name, n, at);
	return from_hsl(r->hue + at[0] * (r->hue_to - r->hue), r->saturation,
			r->light + at[1] * (r->light_to - r->light));
}

struct rgb change_fill(double change)
{
	double much = change < 0 ? -change : change;

	much = much > 1 ? 1 : much;
	if (much < 0.001)
		return (struct rgb){ 238, 238, 238 };
	return from_hsl(change < 0 ? 214 : 6, 0.88, 0.95 - 0.29 * much);
}

struct rgb found_fill(void)
{
	return (struct rgb){ 236, 96, 236 };
}

struct rgb ink(void)
{
	return (struct rgb){ 0x1a, 0x17, 0x14 };
}

bool background_by_name(const char *name, struct rgb *ret_top, struct rgb *ret_bottom)
{
	static const struct {
		const char *name;
		struct rgb top, bottom;
	} grounds[] = {
		{ "white", { 255, 255, 255 }, { 255, 255, 255 } },
		{ "yellow", { 246, 246, 240 }, { 244, 240, 190 } },
		{ "blue", { 242, 244, 248 }, { 218, 226, 250 } },
		{ "green", { 242, 247, 242 }, { 218, 244, 218 } },
		{ "grey", { 250, 250, 250 }, { 228, 228, 228 } },
		{ "gray", { 250, 250, 250 }, { 228, 228, 228 } },
	};
	unsigned r, g, b;
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(grounds); i++)
		if (strcmp(grounds[i].name, name) == 0) {
			*ret_top = grounds[i].top;
			*ret_bottom = grounds[i].bottom;
			return true;
		}
	if (strlen(name) != 7 || strspn(name, "#0123456789abcdefABCDEF") != 7 ||
	    sscanf(name, "#%2x%2x%2x%n", &r, &g, &b, &n) != 3 || n != 7)
		return false;
	*ret_top = *ret_bottom = (struct rgb){ (uint8_t)r, (uint8_t)g, (uint8_t)b };
	return true;
}
