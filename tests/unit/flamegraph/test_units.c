/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>

#include "units.h"

static void expect(int64_t v, const char *unit, const char *want)
{
	char buf[UNITS_TEXT_MAX];

	cr_expect_str_eq(units_value(buf, v, unit), want);
}

Test(units, scales_times)
{
	expect(0, "nanoseconds", "0");
	expect(999, "nanoseconds", "999 ns");
	expect(1000, "nanoseconds", "1.00 us");
	expect(9994999, "nanoseconds", "9.99 ms");
	expect(9996000, "nanoseconds", "10.0 ms");
	expect(999600000, "nanoseconds", "1.00 s");
	expect(12, "milliseconds", "12.0 ms");
	expect(1234567, "seconds", "1,234,567 s");
	expect(-2500000, "nanoseconds", "-2.50 ms");
}

Test(units, scales_bytes)
{
	expect(1023, "bytes", "1.00 KiB"); /* as 1000 B would need four digits */
	expect(512, "bytes", "512 B");
	expect(1536, "bytes", "1.50 KiB");
	expect(3, "megabytes", "3.00 MiB");
}

Test(units, groups_counts)
{
	expect(0, "count", "0");
	expect(999, "", "999");
	expect(1000, "count", "1,000");
	expect(INT64_MAX, "cycles", "9,223,372,036,854,775,807");
	expect(INT64_MIN, "cycles", "-9,223,372,036,854,775,808");
	expect(INT64_MIN, "seconds", "-9,223,372,036,854,775,808 s");
}
