/* SPDX-License-Identifier: Apache-2.0 */
#include "speedscope_type.h"

#include <errno.h>
#include <string.h>

#include "array.h"

#define NAME_LENGTH 200

/* Whether wick calls so what is in speedscope's @unit. */
static bool fits_unit(const char *own, const char *unit)
{
	return strcmp(own, unit) == 0 || (strcmp(own, "count") == 0 && strcmp(unit, "none") == 0);
}

/* The type and unit that the name says: 1, 0 when it says none. */
static int by_name(struct strtab *strings, const struct speedscope_type *t,
		   struct profile_value_type *ret)
{
	size_t n = strtab_len(strings, t->name);
	char name[NAME_LENGTH], *slash;
	int r;

	if ((!t->is_ours && !t->is_export) || n == 0 || n >= sizeof(name))
		return 0;
	memcpy(name, strtab_get(strings, t->name), n + 1);
	slash = strrchr(name, '/');
	if (!slash || slash == name || strlen(name) != n)
		return 0;
	if (!t->is_ours && !fits_unit(slash + 1, strtab_get(strings, t->unit)))
		return 0;
	r = strtab_add(strings, name, (size_t)(slash - name), &ret->type);
	if (r == 0)
		r = strtab_adds(strings, slash + 1, &ret->unit);
	return r < 0 ? r : 1;
}

int speedscope_type(struct strtab *strings, const struct speedscope_type *t,
		    struct profile_value_type *ret, double *ret_scale)
{
	static const struct {
		const char *name, *type, *unit;
		double scale;
	} units[] = {
		{ "none", "samples", "count", 1 },
		{ "nanoseconds", "time", "nanoseconds", 1 },
		{ "microseconds", "time", "nanoseconds", 1e3 },
		{ "milliseconds", "time", "nanoseconds", 1e6 },
		{ "seconds", "time", "nanoseconds", 1e9 },
		{ "bytes", "space", "bytes", 1 },
	};
	const char *unit = strtab_get(strings, t->unit);
	int r = by_name(strings, t, ret);
	size_t i = 0;

	*ret_scale = 1;
	if (r != 0)
		return r;
	while (*unit && i < ARRAY_LEN(units) && strcmp(unit, units[i].name) != 0)
		i++;
	if (i == ARRAY_LEN(units))
		return -EBADMSG;
	*ret_scale = units[i].scale;
	r = strtab_adds(strings, units[i].type, &ret->type);
	return r < 0 ? r : strtab_adds(strings, units[i].unit, &ret->unit);
}
