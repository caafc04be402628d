/* SPDX-License-Identifier: Apache-2.0 */
#include "go_frames.h"

#include <inttypes.h>
#include <stdio.h>

static const char *text(const struct strtab *own, strref_t s)
{
	return strref_place(s) == STRREF_OWN ? own->bytes + strref_off(s) : "?";
}

/* The last range that begins at or before @addr and covers it: they are in the order of functions.
 */
static uint32_t scope_at(const struct symunit_builder *b, uint64_t addr)
{
	uint32_t best = SYMUNIT_NONE;

	array_each(&b->ranges, r)
		if (addr >= r->lo && addr < r->hi)
			best = r->scope;
	return best;
}

static struct symunit_row row_at(const struct symunit_builder *b, uint64_t addr)
{
	size_t lo = 0, hi = b->rows.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->rows.items[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? b->rows.items[lo - 1] : (struct symunit_row){ 0, SYMUNIT_NONE, 0 };
}

const char *go_frames(const struct symunit_builder *b, const struct strtab *own, uint64_t addr)
{
	static char buf[65536];
	struct symunit_row row = row_at(b, addr);
	uint32_t file = row.file, line = row.line;
	size_t n = 0;

	buf[0] = '\0';
	for (uint32_t s = scope_at(b, addr); s != SYMUNIT_NONE && n < sizeof(buf) - 8192;) {
		const struct symunit_scope *scope = &b->scopes.items[s];

		n += (size_t)snprintf(
			buf + n, 8192, "%s%.4000s@%.4000s:%" PRIu32, n ? "\n" : "",
			text(own, b->names.items[scope->name].name),
			file == SYMUNIT_NONE ? "?" : text(own, b->files.items[file].name), line);
		file = scope->call_file;
		line = scope->call_line;
		s = scope->parent;
	}
	return buf;
}

void go_builder_done(struct symunit_builder *b)
{
	array_free(&b->scopes);
	array_free(&b->ranges);
	array_free(&b->rows);
	array_free(&b->files);
	array_free(&b->names);
}
