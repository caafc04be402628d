/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what units that libdw reads say of addresses: dwobject.h, on one thread and with a time
 * limit in place of the speed. Units are listed when this is opened, and read when an address in
 * them is asked for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <elfutils/libdw.h>

#include "dwobject.h"
#include "libdwwalk.h"
#include "strtab.h"
#include "symunit.h"

struct libdwfind_opts {
	const struct dwline_span *code; /* as in libdwwalk; copied */
	size_t n_code;
	struct bytes lines; /* borrowed */
	struct elfwide wide;
	size_t max_images;     /* bytes of images that are kept */
	uint64_t max_ns;       /* of opening, and of one call to libdwfind_run() */
	uint64_t max_unit_dwo; /* bytes of a .dwo */
};

struct libdwfind;

/*
 * Lists the units of @dw, which has to live as long: 0 and *@ret (free with libdwfind_free()),
 * -ENOENT when there are none, -EFBIG when there is no time or memory for them, -ENOMEM.
 */
int libdwfind_new(Dwarf *dw, const struct libdwfind_opts *opts, struct libdwfind **ret);
void libdwfind_free(struct libdwfind *f);

/* Answers @n queries, sorted by address, as dwobject_find(): 0 or -ENOMEM. */
int libdwfind_run(struct libdwfind *f, struct dwquery *queries, size_t n, struct dwframes *ret);

/* The strings that STRREF_OWN counts in. */
const struct strtab *libdwfind_strings(const struct libdwfind *f);

/* Memory held, libdw's included. */
size_t libdwfind_bytes(const struct libdwfind *f);
