/* SPDX-License-Identifier: Apache-2.0 */
#include "libdwsource.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include <elfutils/libdwfl.h>

#include "array.h"
#include "cleanup.h"
#include "clock.h"
#include "debugfile.h"
#include "elffile.h"
#include "elfnamed.h"
#include "libdwbytes.h"
#include "libdwfind.h"
#include "libdwplace.h"

enum {
	MINIDEBUG_MAX = 64 << 20, /* bytes, uncompressed */
};
#define FILE_MAX       ((uint64_t)1 << 30)
#define DEFAULT_MAX_NS (60 * NSEC_PER_SEC)

/* A file in memory, and libdwfl's view of it. */
struct image {
	struct elf_file elf; /* sh_addr: where the section was placed */
	char *bytes;
	size_t n;
	Dwfl *dwfl;
	Dwfl_Module *module;
	Dwarf *dwarf;	 /* NULL = none */
	bool owns_dwarf; /* or it is libdwfl's */
};

enum { OWN, SEPARATE, MINI, COMMON, IMAGES }; /* COMMON: the one that dwz made */

struct libdwsource {
	struct image images[IMAGES];
	struct libdwfind *find; /* NULL = there is no debug information */
	bool is_relocatable;
	bool lacks_common, is_asked;
	struct libdwplace places; /* of a relocatable file */
};

/* --- reading a file --------------------------------------------------------------------------- */

static void image_done(struct image *im)
{
	elf_file_close(&im->elf);
	if (im->owns_dwarf)
		dwarf_end(im->dwarf);
	if (im->dwfl)
		dwfl_end(im->dwfl);
	free(im->bytes);
	*im = (struct image){ 0 };
}

static bool has_dwarf(const struct image *im)
{
	for (size_t i = 0; i < im->elf.n_sections; i++)
		if (libdwbytes_is_named(&im->elf, i, "debug_info"))
			return true;
	return false;
}

static bool has_relocations(const struct image *im)
{
	for (size_t i = 0; i < im->elf.n_sections; i++)
		if (im->elf.sections[i].sh_type == SHT_REL ||
		    im->elf.sections[i].sh_type == SHT_RELA)
			return im->elf.header.e_type == ET_REL;
	return false;
}

static int no_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, char **path,
		  Elf **elf)
{
	(void)module, (void)data, (void)name, (void)base, (void)path, (void)elf;
	return -1;
}

static int no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *path, const char *link, GElf_Word crc, char **ret)
{
	(void)module, (void)data, (void)name, (void)base, (void)path, (void)link, (void)crc,
		(void)ret;
	return -1;
}

/* Files are found by us, and each is a module of its own. */
static const Dwfl_Callbacks callbacks = {
	.find_elf = no_elf,
	.find_debuginfo = no_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* Places the sections of a relocatable file, and notes where. */
static int place_sections(struct image *im)
{
	GElf_Addr bias;
	Elf *elf;

	if (im->elf.header.e_type != ET_REL)
		return 0;
	if (dwfl_module_relocations(im->module) < 0)
		return -ENOTSUP;
	elf = dwfl_module_getelf(im->module, &bias);
	if (!elf)
		return -EBADMSG;
	for (size_t i = 1; i < im->elf.n_sections; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		GElf_Shdr sh;

		if (!scn || !gelf_getshdr(scn, &sh))
			return -EBADMSG;
		im->elf.sections[i].sh_addr = sh.sh_addr + bias;
	}
	return 0;
}

/* Hands the bytes to libdwfl. */
static int open_dwfl(struct image *im)
{
	GElf_Addr bias;

	im->dwfl = dwfl_begin(&callbacks);
	if (!im->dwfl)
		return -ENOMEM;
	im->module = dwfl_report_offline_memory(im->dwfl, "", "", im->bytes, im->n);
	if (!im->module || dwfl_report_end(im->dwfl, NULL, NULL) != 0)
		return -EBADMSG;
	im->dwarf = dwfl_module_getdwarf(im->module, &bias);
	/* libdwfl wants symbols to relocate by, which the file that dwz made has no need of. */
	if (!im->dwarf && !has_relocations(im)) {
		im->dwarf =
			dwarf_begin_elf(dwfl_module_getelf(im->module, &bias), DWARF_C_READ, NULL);
		im->owns_dwarf = im->dwarf != NULL;
	}
	return place_sections(im);
}

/* What follows when im->elf is open: reads the rest. The header may have changed since: it is read
 * again. */
static int open_bytes(struct image *im, size_t max_inflated)
{
	int r;

	elf_file_close(&im->elf);
	r = elf_file_open_any_mem(&im->elf, im->bytes, im->n);
	if (r == 0)
		r = elf_file_read_sections(&im->elf);
	if (r == 0)
		r = libdwbytes_prepare(&im->elf, max_inflated, &im->bytes, &im->n);
	return r < 0 ? r : open_dwfl(im);
}

static int open_image(struct image *im, int fd, const struct libdwsource_opts *opts)
{
	uint64_t max = opts->max_file_bytes < FILE_MAX ? opts->max_file_bytes : FILE_MAX;
	void *bytes;
	int r = elf_file_open_any(&im->elf, fd, max);

	if (r == 0)
		r = elf_file_read_new(&im->elf, 0, im->elf.size, max, &bytes);
	if (r == 0) {
		im->bytes = bytes;
		im->n = im->elf.size;
		r = open_bytes(im, opts->max_inflated);
	}
	if (r < 0)
		image_done(im);
	return r;
}

/* --- files beside the file -------------------------------------------------------------------- */

/* The next section from number @i on that is placed anywhere; n_sections when there is none. */
static size_t next_placed(const struct image *im, size_t i)
{
	while (i < im->elf.n_sections && !(im->elf.sections[i].sh_flags & SHF_ALLOC))
		i++;
	return i;
}

/*
 * A debug file of a relocatable file is placed on its own, and what it says is of use only if its
 * sections came to lie where those of the file itself are.
 */
static bool is_placed_alike(const struct image *a, const struct image *b)
{
	size_t i = next_placed(a, 0), k = next_placed(b, 0);

	if (a->elf.header.e_type != b->elf.header.e_type)
		return false;
	while (i < a->elf.n_sections && k < b->elf.n_sections) {
		const Elf64_Shdr *x = &a->elf.sections[i], *y = &b->elf.sections[k];

		if (x->sh_addr != y->sh_addr || x->sh_size != y->sh_size)
			return false;
		i = next_placed(a, i + 1);
		k = next_placed(b, k + 1);
	}
	return i == a->elf.n_sections && k == b->elf.n_sections;
}

/* One that cannot be read is as good as none: 0, or -ENOMEM. */
static int open_beside(struct libdwsource *s, int which, int fd,
		       const struct libdwsource_opts *opts)
{
	struct image *im = &s->images[which];
	int r = open_image(im, fd, opts);

	if (r == 0 && which == SEPARATE && s->images[OWN].elf.header.e_type == ET_REL &&
	    !is_placed_alike(&s->images[OWN], im))
		image_done(im);
	return r == -ENOMEM ? r : 0;
}

/* The file as it is on disk, whose sections have their names. -ENOENT: there is none; -ENOLINK: one is named, and is
 * not there. */
static int find_beside(int fd, int which, const struct libdwsource_opts *opts, int *ret_fd)
{
	const struct debugfile_search search = { .root_fd = opts->root_fd,
						 .path = opts->path,
						 .dirs = opts->debug_dirs,
						 .max_bytes = opts->max_file_bytes };
	_cleanup_(elf_file_closep) struct elf_file f;
	char id[BUILD_ID_HEX_MAX];
	int r = elf_file_open_any(&f, fd, opts->max_file_bytes);

	if (r == 0)
		r = elf_file_read_sections(&f);
	if (r < 0)
		return r;
	if (which != COMMON)
		return debugfile_find(&f, &search, ret_fd);
	r = debugfile_find_alt(&f, "", &search, ret_fd);
	return r == -ENOENT && debugfile_alt_id(&f, id) == 0 ? -ENOLINK : r;
}

static int open_mini(struct libdwsource *s, int fd, const struct libdwsource_opts *opts)
{
	struct image *im = &s->images[MINI];
	_cleanup_(elf_file_closep) struct elf_file f;
	void *bytes;
	int r = elf_file_open_any(&f, fd, opts->max_file_bytes);

	if (r == 0)
		r = debugfile_minidebug(&f, MINIDEBUG_MAX, &bytes, &im->n);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	im->bytes = bytes;
	r = open_bytes(im, opts->max_inflated);
	if (r < 0)
		image_done(im);
	return r == -ENOMEM ? r : 0;
}

static bool has_symtab(const struct image *im)
{
	return elf_file_section_of_type(&im->elf, SHT_SYMTAB);
}

static int open_all(struct libdwsource *s, int fd, const struct libdwsource_opts *opts)
{
	_cleanup_close_ int separate = -1, common = -1;
	struct image *own = &s->images[OWN], *im = own;
	int r = open_image(own, fd, opts);

	if (r == 0 && !has_dwarf(own)) {
		r = find_beside(fd, SEPARATE, opts, &separate);
		r = r == 0 ? open_beside(s, SEPARATE, separate, opts) : r == -ENOMEM ? r : 0;
	}
	if (r == 0 && !s->images[SEPARATE].module && !has_symtab(own))
		r = open_mini(s, fd, opts);
	if (s->images[SEPARATE].dwarf)
		im = &s->images[SEPARATE];
	if (r < 0 || !im->dwarf)
		return r;
	r = find_beside(im == own ? fd : separate, COMMON, opts, &common);
	s->lacks_common = r == -ENOLINK;
	r = r == 0 ? open_beside(s, COMMON, common, opts) : r == -ENOMEM ? r : 0;
	if (s->images[COMMON].dwarf)
		dwarf_setalt(im->dwarf, s->images[COMMON].dwarf);
	return r;
}

/* --- symbols ---------------------------------------------------------------------------------- */

/*
 * By our own reading of the tables: the names that libdwfl gives of a broken file need not end in a
 * NUL (0.188, .dynsym found by program headers).
 */
static int load_symbols(struct libdwsource *s, struct elf_object *ret)
{
	static const int best_first[] = { SEPARATE, OWN, MINI };
	struct elf_nameds named = { 0 };
	int r = 0;

	/* Of a table that is broken somewhere the rest is better than nothing. */
	for (unsigned i = 0; r != -ENOMEM && i < ARRAY_LEN(best_first); i++)
		if (s->images[best_first[i]].module)
			r = elf_nameds_read(&s->images[best_first[i]].elf, i, &named);
	if (r != -ENOMEM)
		r = elf_object_load_named(&s->images[OWN].elf, named.syms.items, named.syms.n, ret);
	array_free(&named.syms);
	return r;
}

/* --- debug information ------------------------------------------------------------------------ */

static int by_span(const void *pa, const void *pb)
{
	const struct dwline_span *a = pa, *b = pb;

	return (a->lo > b->lo) - (a->lo < b->lo);
}

/* The bytes of .debug_line: inflated, if it was compressed. */
static struct bytes line_tables(struct image *im)
{
	Elf *elf = dwarf_getelf(im->dwarf);
	Elf_Data *data;

	for (size_t i = 1; i < im->elf.n_sections; i++) {
		if (!libdwbytes_is_named(&im->elf, i, "debug_line"))
			continue;
		data = elf_getdata(elf_getscn(elf, i), NULL);
		return data && data->d_buf ? bytes_of(data->d_buf, data->d_size)
					   : (struct bytes){ 0 };
	}
	return (struct bytes){ 0 };
}

static int open_units(struct libdwsource *s, const struct elf_object *o,
		      const struct libdwsource_opts *opts)
{
	struct image *im = s->images[SEPARATE].dwarf ? &s->images[SEPARATE] : &s->images[OWN];
	_cleanup_free_ struct dwline_span *code = calloc(o->n_code + 1, sizeof(*code));
	struct libdwfind_opts fo = { .code = code,
				     .n_code = o->n_code,
				     .wide = im->elf.wide,
				     .max_images = opts->max_images,
				     .max_ns = opts->max_ns ? opts->max_ns : DEFAULT_MAX_NS,
				     .max_unit_dwo = opts->max_file_bytes };
	int r;

	if (!code)
		return -ENOMEM;
	if (!im->dwarf)
		return 0;
	for (size_t i = 0; i < o->n_code; i++)
		code[i] = (struct dwline_span){ o->code[i].vaddr,
						o->code[i].vaddr + o->code[i].size };
	if (o->n_code > 0)
		qsort(code, o->n_code, sizeof(*code), by_span);
	fo.lines = line_tables(im);
	r = libdwfind_new(im->dwarf, &fo, &s->find);
	return r == -ENOENT ? 0 : r;
}

int libdwsource_open(int fd, const struct libdwsource_opts *opts, struct elf_object *ret_elf,
		     struct libdwsource **ret)
{
	struct libdwsource *s = calloc(1, sizeof(*s));
	struct elf_object o = { 0 };
	int r;

	if (!s)
		return -ENOMEM;
	r = open_all(s, fd, opts);
	s->is_relocatable = r == 0 && s->images[OWN].elf.header.e_type == ET_REL;
	if (s->is_relocatable)
		r = libdwplace_read(&s->places, &s->images[OWN].elf);
	if (r == 0)
		r = load_symbols(s, &o);
	if (r == 0)
		r = open_units(s, &o, opts);
	if (r < 0) {
		elf_object_done(&o);
		libdwsource_free(s);
		return r;
	}
	*ret_elf = o;
	*ret = s;
	return 0;
}

void libdwsource_free(struct libdwsource *s)
{
	if (!s)
		return;
	libdwfind_free(s->find);
	for (size_t i = 0; i < IMAGES; i++)
		image_done(&s->images[i]);
	libdwplace_done(&s->places);
	free(s);
}

bool libdwsource_is_relocatable(const struct libdwsource *s)
{
	return s->is_relocatable;
}

uint64_t libdwsource_address(const struct libdwsource *s, enum sym_kind kind, uint64_t off)
{
	return libdwplace_address(&s->places, kind, off);
}

int libdwsource_find(struct libdwsource *s, struct dwquery *queries, size_t n, struct dwframes *ret)
{
	s->is_asked = true;
	if (s->find)
		return libdwfind_run(s->find, queries, n, ret);
	for (size_t i = 0; i < n; i++)
		queries[i] = (struct dwquery){ .addr = queries[i].addr,
					       .first = (uint32_t)ret->frames.n };
	return 0;
}

const char *libdwsource_string(const struct libdwsource *s, strref_t ref)
{
	const struct strtab *t = s->find ? libdwfind_strings(s->find) : NULL;

	return t && strref_place(ref) == STRREF_OWN && strref_off(ref) < t->n_bytes
		       ? t->bytes + strref_off(ref)
		       : "";
}

bool libdwsource_no_alt(const struct libdwsource *s)
{
	return s->is_asked && s->lacks_common;
}

size_t libdwsource_bytes(const struct libdwsource *s)
{
	size_t n = sizeof(*s) + libdwplace_bytes(&s->places);

	for (size_t i = 0; i < IMAGES; i++)
		n += s->images[i].n + s->images[i].elf.n_sections * sizeof(Elf64_Shdr);
	return n + (s->find ? libdwfind_bytes(s->find) : 0);
}
