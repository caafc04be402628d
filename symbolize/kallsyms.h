/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running kernel's functions, from /proc/kallsyms: the kernel, its modules, and BPF programs
 * (module "bpf"). The file has no sizes: a function reaches to the next symbol, and the last one of
 * a module at most 64 KiB far. Of several names of one address, symtab_rank() takes the best.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "array.h"
#include "strtab.h"

struct kallsyms {
	ARRAY(struct kallsym) syms; /* by address, once loaded; each up to the next one's */
	ARRAY(char) names;
	struct strtab modules;
	uint64_t start, end;   /* text of the kernel proper; end == 0: unknown */
	uint64_t stext, etext; /* the symbols of these names, 0 = not seen */
	bool hidden;	       /* there are symbols, and all addresses are zero */
	size_t n_lines;
	ARRAY(char) line; /* a line that is not complete yet */
};

struct kallsym {
	uint64_t addr;
	uint32_t name;	 /* offset in names; KALLSYMS_HOLE = no function from here on */
	uint16_t module; /* number in modules; 0 = the kernel proper */
	uint8_t bind;	 /* enum symtab_bind */
	bool is_end;	 /* _etext and the like: a function in name only */
};

#define KALLSYMS_HOLE UINT32_MAX

/* 0, -ENOMEM, -errno of reading. @ret is zeroed or loaded before, and replaced on success. */
int kallsyms_load(struct kallsyms *ret, const char *path);

/* The parts of loading, for text that is not a file: start, feed pieces, finish. 0 or -ENOMEM. */
int kallsyms_start(struct kallsyms *k);
int kallsyms_feed(struct kallsyms *k, const char *text, size_t n);
int kallsyms_finish(struct kallsyms *k);

void kallsyms_done(struct kallsyms *k);

/* The function at a kernel address, NULL when there is none. Borrowed until the next load. */
const struct kallsym *kallsyms_find(const struct kallsyms *k, uint64_t addr);

static inline const char *kallsyms_name(const struct kallsyms *k, const struct kallsym *s)
{
	return k->names.items + s->name;
}

static inline const char *kallsyms_module(const struct kallsyms *k, const struct kallsym *s)
{
	return strtab_get(&k->modules, s->module);
}
