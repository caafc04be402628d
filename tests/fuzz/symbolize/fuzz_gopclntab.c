/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Go program: what comes out stays inside itself and inside its limit. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elffile.h"
#include "gopclntab.h"
#include "strtab.h"

enum { MAX_BYTES = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_string(const struct strtab *own, strref_t s)
{
	check(s == 0 || (strref_place(s) == STRREF_OWN && strref_off(s) < own->n_bytes));
}

static void check_rows(const struct symunit_builder *b)
{
	for (size_t i = 0; i < b->rows.n; i++) {
		const struct symunit_row *row = &b->rows.items[i];

		check(row->file == SYMUNIT_NONE || row->file == SYMUNIT_END ||
		      row->file < b->files.n);
		check(i == 0 || row[-1].addr <= row->addr);
	}
	check(b->rows.n == 0 || b->rows.items[b->rows.n - 1].file == SYMUNIT_END);
}

static void check_all(const struct symunit_builder *b, const struct strtab *own)
{
	array_each(&b->scopes, s) {
		uint32_t at = (uint32_t)(s - b->scopes.items);
		size_t steps = 0;

		check(s->name < b->names.n);
		check(s->call_file == SYMUNIT_NONE || s->call_file < b->files.n);
		while (at != SYMUNIT_NONE) {
			check(at < b->scopes.n && steps++ <= b->scopes.n);
			at = b->scopes.items[at].parent;
		}
	}
	array_each(&b->ranges, r)
		check(r->lo < r->hi && r->scope < b->scopes.n);
	array_each(&b->names, name)
		check_string(own, name->name);
	array_each(&b->files, file)
		check_string(own, file->name);
	check_rows(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symunit_builder b = { 0 };
	struct strtab own;
	struct elf_file f;

	if (elf_file_open_mem(&f, data, size) < 0 || strtab_init(&own) < 0)
		return 0;
	if (gopclntab_read(&f, MAX_BYTES, &own, &b) == 0)
		check_all(&b, &own);
	else
		check(b.scopes.n + b.ranges.n + b.rows.n + b.files.n + b.names.n == 0);
	elf_file_close(&f);
	strtab_done(&own);
	array_free(&b.scopes);
	array_free(&b.ranges);
	array_free(&b.rows);
	array_free(&b.files);
	array_free(&b.names);
	return 0;
}
