/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <stdio.h>
#include <string.h>

#include "array.h"

struct step {
	double size; /* in the smallest unit of its kind */
	const char *name;
};

static const struct step time_steps[] = {
	{ 1, "ns" },
	{ 1e3, "us" },
	{ 1e6, "ms" },
	{ 1e9, "s" },
};

static const struct step byte_steps[] = {
	{ 1, "B" },
	{ 1024.0, "KiB" },
	{ 1024.0 * 1024, "MiB" },
	{ 1024.0 * 1024 * 1024, "GiB" },
	{ 1024.0 * 1024 * 1024 * 1024, "TiB" },
};

struct unit {
	const char *name;
	uint64_t factor;
};

static uint64_t factor_of(const struct unit *units, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(units[i].name, name) == 0)
			return units[i].factor;
	return 0;
}

uint64_t units_ns(const char *unit)
{
	static const struct unit units[] = {
		{ "nanoseconds", 1 },	     { "nanosecond", 1 },	 { "ns", 1 },
		{ "microseconds", 1000 },    { "microsecond", 1000 },	 { "us", 1000 },
		{ "milliseconds", 1000000 }, { "millisecond", 1000000 }, { "ms", 1000000 },
		{ "seconds", 1000000000 },   { "second", 1000000000 },	 { "s", 1000000000 },
	};

	return factor_of(units, ARRAY_LEN(units), unit);
}

static uint64_t unit_bytes(const char *unit)
{
	static const struct unit units[] = {
		{ "bytes", 1 },
		{ "byte", 1 },
		{ "B", 1 },
		{ "kilobytes", 1 << 10 },
		{ "megabytes", 1 << 20 },
		{ "gigabytes", 1 << 30 },
	};

	return factor_of(units, ARRAY_LEN(units), unit);
}

const char *units_count(char buf[UNITS_TEXT_MAX], uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v);
	char *to = buf;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

/* Three digits that count, in the largest unit that has something before the point. */
static void scaled(char buf[UNITS_TEXT_MAX], double v, const struct step *steps, size_t n)
{
	size_t i = 0;

	/* What rounds to 1000 is shown as 1.00 of the next unit. */
	while (i + 1 < n && (v >= steps[i + 1].size || v / steps[i].size >= 999.5))
		i++;
	v /= steps[i].size;
	if (i == 0)
		snprintf(buf, UNITS_TEXT_MAX, "%.0f %s", v, steps[i].name);
	else if (v < 999.5)
		snprintf(buf, UNITS_TEXT_MAX, "%.*f %s",
			 v < 9.995   ? 2
			 : v < 99.95 ? 1
				     : 0,
			 v, steps[i].name);
	else {
		char count[UNITS_TEXT_MAX];

		units_count(count, (uint64_t)(v + 0.5));
		snprintf(buf, UNITS_TEXT_MAX, "%.30s %s", count, steps[i].name);
	}
}

const char *units_value(char buf[UNITS_TEXT_MAX], int64_t v, const char *unit)
{
	uint64_t ns = units_ns(unit), bytes = unit_bytes(unit);
	uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char *to = buf;
	char text[UNITS_TEXT_MAX];

	if (v < 0)
		*to++ = '-';
	if (v == 0)
		units_count(text, 0);
	else if (ns)
		scaled(text, (double)size * (double)ns, time_steps, ARRAY_LEN(time_steps));
	else if (bytes)
		scaled(text, (double)size * (double)bytes, byte_steps, ARRAY_LEN(byte_steps));
	else
		units_count(text, size);
	snprintf(to, UNITS_TEXT_MAX - 1, "%.46s", text);
	return buf;
}
