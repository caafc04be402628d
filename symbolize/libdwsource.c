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
#include "libdwfind.h"

enum {
	ABBREVS_MAX = 64 << 20,	  /* bytes: libdw takes ten times that */
	NAMES_MAX = 256 << 20,	  /* bytes of symbols' names */
	SYMBOLS_MAX = 16 << 20,	  /* of one file */
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
	Dwarf *dwarf; /* NULL = none; libdwfl's */
};

enum { OWN, SEPARATE, MINI, COMMON, IMAGES }; /* COMMON: the one that dwz made */

/* Sections with code, of a relocatable file. */
struct section_span {
	uint64_t off, n; /* n: 0 for one that has no bytes in the file */
	uint64_t size, vaddr;
};

struct libdwsource {
	struct image images[IMAGES];
	struct libdwfind *find; /* NULL = there is no debug information */
	bool is_relocatable;
	ARRAY(struct section_span) by_off;
	ARRAY(struct section_span)
	by_size; /* those that are larger than all before them in the file */
};

/* --- reading a file
 * ----------------------------------------------------------------------------------- */

static void image_done(struct image *im)
{
	elf_file_close(&im->elf);
	if (im->dwfl)
		dwfl_end(im->dwfl);
	free(im->bytes);
	*im = (struct image){ 0 };
}

static const char *section_name(const struct image *im, size_t i)
{
	const Elf64_Shdr *sh = &im->elf.sections[i];

	return sh->sh_name < im->elf.n_names ? im->elf.names + sh->sh_name : "";
}

/* Whether a section is ".NAME", compressed in the old way (".zNAME") or not. */
static bool is_named(const struct image *im, size_t i, const char *name)
{
	const char *own = section_name(im, i);

	if (im->elf.sections[i].sh_type == SHT_NOBITS || own[0] != '.')
		return false;
	return strcmp(own + 1, name) == 0 || (own[1] == 'z' && strcmp(own + 2, name) == 0);
}

static bool has_dwarf(const struct image *im)
{
	for (size_t i = 0; i < im->elf.n_sections; i++)
		if (is_named(im, i, "debug_info"))
			return true;
	return false;
}

/* What a section becomes when libelf inflates it, which takes the memory that the section asks for.
 */
static uint64_t inflated_size(const struct image *im, size_t i)
{
	const Elf64_Shdr *sh = &im->elf.sections[i];
	const char *p = im->bytes + sh->sh_offset;
	bool narrow = im->elf.wide.narrow;

	if (sh->sh_type == SHT_NOBITS || sh->sh_offset > im->n ||
	    sh->sh_size > im->n - sh->sh_offset)
		return 0;
	if ((sh->sh_flags & SHF_COMPRESSED) &&
	    sh->sh_size >= (narrow ? sizeof(Elf32_Chdr) : sizeof(Elf64_Chdr)))
		return narrow ? elfwide_u32(im->elf.wide, p + 4) : elfwide_u64(im->elf.wide, p + 8);
	if (sh->sh_size >= 12 && memcmp(p, "ZLIB", 4) == 0)
		return elfwide_u64((struct elfwide){ .swapped = true }, p + 4);
	return is_named(im, i, "debug_abbrev") ? sh->sh_size : 0;
}

static int check_sizes(const struct image *im, size_t max_inflated)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < im->elf.n_sections; i++) {
		uint64_t n = inflated_size(im, i);

		if (is_named(im, i, "debug_abbrev") && n > ABBREVS_MAX)
			return -EFBIG;
		if (n > max_inflated - sum)
			return -EFBIG;
		sum += n;
	}
	return 0;
}

/*
 * libdw would look for other files by itself, and inflate a symbol table without a bound. Sections
 * that make it do so lose their names in our copy; that takes a name 0 which is "", as the standard
 * has it.
 */
static int hide_sections(struct image *im)
{
	size_t one = elfwide_shdr_size(im->elf.wide);

	/* libelf is not to find names where we found none. */
	if (!im->elf.names && im->elf.header.e_shstrndx != SHN_UNDEF)
		return -EBADMSG;
	for (size_t i = 0; i < im->elf.n_sections; i++) {
		if (!is_named(im, i, "gnu_debugaltlink") && !is_named(im, i, "gnu_debugdata") &&
		    !is_named(im, i, "gnu_debuglink"))
			continue;
		if (im->elf.names[0] != '\0')
			return -EBADMSG;
		/* The headers were read from there. */
		memset(im->bytes + im->elf.header.e_shoff + i * one, 0, sizeof(uint32_t));
	}
	return 0;
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
	if (has_dwarf(im))
		im->dwarf = dwfl_module_getdwarf(im->module, &bias);
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
		r = check_sizes(im, max_inflated);
	if (r == 0)
		r = hide_sections(im);
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

/* --- files beside the file
 * ---------------------------------------------------------------------------- */

/* A debug file of a relocatable file says the same of sections only if they lie at the same places.
 */
static bool is_placed_alike(const struct image *a, const struct image *b)
{
	if (a->elf.header.e_type != b->elf.header.e_type || a->elf.n_sections != b->elf.n_sections)
		return false;
	for (size_t i = 0; a->elf.header.e_type == ET_REL && i < a->elf.n_sections; i++) {
		const Elf64_Shdr *x = &a->elf.sections[i], *y = &b->elf.sections[i];

		if ((x->sh_flags & SHF_ALLOC) &&
		    (x->sh_addr != y->sh_addr || x->sh_size != y->sh_size))
			return false;
	}
	return true;
}

/* One that cannot be read is as good as none: 0, or -ENOMEM. */
static int open_beside(struct libdwsource *s, int which, int fd,
		       const struct libdwsource_opts *opts)
{
	struct image *im = &s->images[which];
	int r = open_image(im, fd, opts);

	if (r == 0 && which == SEPARATE && im->elf.header.e_type == ET_REL &&
	    !is_placed_alike(&s->images[OWN], im))
		image_done(im);
	return r == -ENOMEM ? r : 0;
}

/* The file as it is on disk, whose sections have their names. */
static int find_beside(int fd, int which, const struct libdwsource_opts *opts, int *ret_fd)
{
	const struct debugfile_search search = { .root_fd = opts->root_fd,
						 .path = opts->path,
						 .dirs = opts->debug_dirs,
						 .max_bytes = opts->max_file_bytes };
	_cleanup_(elf_file_closep) struct elf_file f;
	int r = elf_file_open_any(&f, fd, opts->max_file_bytes);

	if (r == 0)
		r = elf_file_read_sections(&f);
	if (r < 0)
		return r;
	return which == COMMON ? debugfile_find_alt(&f, "", &search, ret_fd)
			       : debugfile_find(&f, &search, ret_fd);
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
	r = r == 0 ? open_beside(s, COMMON, common, opts) : r == -ENOMEM ? r : 0;
	if (s->images[COMMON].dwarf)
		dwarf_setalt(im->dwarf, s->images[COMMON].dwarf);
	return r;
}

/* --- symbols
 * ------------------------------------------------------------------------------------------ */

struct named {
	ARRAY(struct elf_named) syms;
	size_t names; /* bytes */
};

/* In the symbols of some machines the lowest bit says in which of two instruction sets a function
 * is. */
static uint64_t code_address(const struct elf_file *f, const GElf_Sym *sym, uint64_t addr)
{
	bool has_bit = f->header.e_machine == EM_ARM || f->header.e_machine == EM_MIPS;

	return has_bit && GELF_ST_TYPE(sym->st_info) == STT_FUNC ? addr & ~(uint64_t)1 : addr;
}

static int add_symbols(struct image *im, unsigned source, struct named *ret)
{
	int n = im->module ? dwfl_module_getsymtab(im->module) : 0;
	GElf_Addr bias;

	if (n <= 0 || !dwfl_module_getelf(im->module, &bias))
		return 0;
	if (n > SYMBOLS_MAX)
		return -EFBIG;
	for (int i = 1; i < n; i++) {
		struct elf_named s = { .source = source };
		GElf_Word section;
		GElf_Addr addr;

		s.name =
			dwfl_module_getsym_info(im->module, i, &s.sym, &addr, &section, NULL, NULL);
		if (!s.name || !s.name[0] || section == SHN_UNDEF || section == SHN_ABS)
			continue;
		/* Names may share their bytes; in the table that is made of them they do not. */
		ret->names += strlen(s.name) + 1;
		if (ret->names > NAMES_MAX)
			return -EFBIG;
		s.sym.st_value = code_address(&im->elf, &s.sym, addr - bias);
		if (array_push(&ret->syms, s) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int load_symbols(struct libdwsource *s, struct elf_object *ret)
{
	struct named named = { 0 };
	int r = add_symbols(&s->images[SEPARATE], 0, &named);

	if (r == 0)
		r = add_symbols(&s->images[OWN], 1, &named);
	if (r == 0)
		r = add_symbols(&s->images[MINI], 2, &named);
	/* Some names are better than none. */
	if (r != -ENOMEM)
		r = elf_object_load_named(&s->images[OWN].elf, named.syms.items, named.syms.n, ret);
	array_free(&named.syms);
	return r;
}

/* --- places in a relocatable file
 * ---------------------------------------------------------------------- */

static int by_offset(const void *pa, const void *pb)
{
	const struct section_span *a = pa, *b = pb;

	return (a->off > b->off) - (a->off < b->off);
}

static int list_sections(struct libdwsource *s)
{
	const struct elf_file *f = &s->images[OWN].elf;
	uint64_t largest = 0;

	s->is_relocatable = f->header.e_type == ET_REL;
	for (size_t i = 0; s->is_relocatable && i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];
		struct section_span span = { sh->sh_offset, sh->sh_size, sh->sh_size, sh->sh_addr };

		if (!(sh->sh_flags & SHF_EXECINSTR) || !(sh->sh_flags & SHF_ALLOC) ||
		    sh->sh_size == 0)
			continue;
		if (sh->sh_type == SHT_NOBITS)
			span.n = 0;
		if (array_push(&s->by_off, span) < 0)
			return -ENOMEM;
		if (span.size > largest && array_push(&s->by_size, span) < 0)
			return -ENOMEM;
		largest = span.size > largest ? span.size : largest;
	}
	if (s->by_off.n > 0)
		qsort(s->by_off.items, s->by_off.n, sizeof(*s->by_off.items), by_offset);
	return 0;
}

static uint64_t address_in_section(const struct libdwsource *s, uint64_t addr)
{
	size_t lo = 0, hi = s->by_size.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->by_size.items[mid].size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->by_size.n ? s->by_size.items[lo].vaddr + addr : UINT64_MAX;
}

static uint64_t address_of_offset(const struct libdwsource *s, uint64_t off)
{
	size_t lo = 0, hi = s->by_off.n;
	const struct section_span *span;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->by_off.items[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	span = lo > 0 ? &s->by_off.items[lo - 1] : NULL;
	return span && off - span->off < span->n ? span->vaddr + (off - span->off) : UINT64_MAX;
}

bool libdwsource_is_relocatable(const struct libdwsource *s)
{
	return s->is_relocatable;
}

uint64_t libdwsource_address(const struct libdwsource *s, enum sym_kind kind, uint64_t off)
{
	return kind == SYM_VADDR ? address_in_section(s, off) : address_of_offset(s, off);
}

/* --- debug information
 * --------------------------------------------------------------------------------- */

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
		if (!is_named(im, i, "debug_line"))
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
	int r = s ? open_all(s, fd, opts) : -ENOMEM;

	if (r == 0)
		r = list_sections(s);
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
	array_free(&s->by_off);
	array_free(&s->by_size);
	free(s);
}

int libdwsource_find(struct libdwsource *s, struct dwquery *queries, size_t n, struct dwframes *ret)
{
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

size_t libdwsource_bytes(const struct libdwsource *s)
{
	size_t n = sizeof(*s) + (s->by_off.cap + s->by_size.cap) * sizeof(*s->by_off.items);

	for (size_t i = 0; i < IMAGES; i++)
		n += s->images[i].n + s->images[i].elf.n_sections * sizeof(Elf64_Shdr);
	return n + (s->find ? libdwfind_bytes(s->find) : 0);
}
