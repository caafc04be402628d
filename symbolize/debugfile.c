/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for debug files. The names come out of files that anybody may have made, and what lies
 * under them may be anything: a candidate is opened only below its root and only as a regular file,
 * and it counts when its build id or checksum says that it belongs to the object.
 */
#include "debugfile.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>

#include "array.h"
#include "buildid.h"
#include "bytes.h"
#include "cleanup.h"
#include "fdpath.h"
#include "rootopen.h"

enum {
	LINK_MAX_BYTES = PATH_MAX + 64 + BUILD_ID_BYTES_MAX, /* of a section that names a file */
	CRC_CHUNK = 256 << 10,
};
#define DEFAULT_FILE_MAX (16ull << 30)

/* What is looked for, by the file that asks for it. */
struct hunt {
	const struct elf_file *asks;
	const char *const *dirs;
	uint64_t max_bytes;
	uint64_t crc_left;		 /* bytes that may still be summed up */
	bool alt;			 /* a common file of dwz */
	char build_id[BUILD_ID_HEX_MAX]; /* "" = unknown */
	char *link; /* owned: the section that names the file, name first; NULL = none */
	bool has_crc;
	uint32_t crc;
	char places[2]
		   [PATH_MAX]; /* folders of the asking file, with a / at the end; "" = unknown */
	int found;	       /* owned; -1 = not yet */
	int error;	       /* what ended the hunt */
};

static void hunt_done(struct hunt *h)
{
	free(h->link);
	if (h->found >= 0)
		close(h->found);
}

/* --- is it the one? ---------------------------------------------------------------------- */

static bool is_named(const struct elf_file *f, const Elf64_Shdr *sh, const char *name)
{
	const char *own = sh->sh_name < f->n_names ? f->names + sh->sh_name : "";

	return strcmp(own, name) == 0;
}

/* Debug files keep the headers of all sections, so what counts is a section with bytes. Compressed
 * ones count, too: whoever reads them inflates them. */
static bool has_debug(const struct elf_file *f, bool alt)
{
	static const char *const names[] = { ".debug_info", ".zdebug_info", ".debug_str",
					     ".zdebug_str" };
	size_t n = alt ? ARRAY_LEN(names) : 2;

	for (size_t i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *sh = &f->sections[i];

		if (sh->sh_type == SHT_NOBITS || sh->sh_type == SHT_NULL || sh->sh_size == 0)
			continue;
		if (!alt && sh->sh_type == SHT_SYMTAB && sh->sh_size > sizeof(Elf64_Sym))
			return true;
		for (size_t k = 0; k < n; k++)
			if (is_named(f, sh, names[k]))
				return true;
	}
	return false;
}

/* A link can lead back to the object, which would then be read twice. */
static bool is_asking_file(const struct hunt *h, int fd)
{
	struct stat a, b;

	return h->asks && h->asks->fd >= 0 && fstat(h->asks->fd, &a) == 0 && fstat(fd, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* The checksum of .gnu_debuglink is that of xz and zlib, over the whole file. */
static int check_crc(struct hunt *h, const struct elf_file *f)
{
	_cleanup_free_ uint8_t *buf = NULL;
	uint32_t crc = 0;

	if (!h->has_crc)
		return -ENOENT;
	if (f->size > h->crc_left)
		return -EFBIG;
	h->crc_left -= f->size;
	buf = malloc(CRC_CHUNK);
	if (!buf)
		return -ENOMEM;
	for (uint64_t at = 0; at < f->size;) {
		size_t n = f->size - at < CRC_CHUNK ? (size_t)(f->size - at) : CRC_CHUNK;
		int r = elf_file_read(f, at, buf, n);

		if (r < 0)
			return r;
		crc = lzma_crc32(buf, n, crc);
		at += n;
	}
	return crc == h->crc ? 0 : -ENOENT;
}

/* 0, or any error: it is not the one; only -ENOMEM ends the hunt. */
static int check(struct hunt *h, int fd)
{
	_cleanup_(elf_file_closep) struct elf_file f;
	char id[BUILD_ID_HEX_MAX];
	int r = elf_file_open_any(&f, fd, h->max_bytes);

	if (r == 0)
		r = elf_file_read_sections(&f);
	if (r < 0)
		return r;
	if (!(has_debug(&f, h->alt) || (!h->asks && has_debug(&f, true))) || is_asking_file(h, fd))
		return -ENOENT;
	r = buildid_of_file(&f, id);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && h->build_id[0])
		return strcmp(id, h->build_id) == 0 ? 0 : -ENOENT;
	return check_crc(h, &f);
}

/* --- where it may be --------------------------------------------------------------------- */

/* Looks at one path; true ends the hunt. */
__attribute__((format(printf, 3, 4))) static bool try_path(struct hunt *h, int root_fd,
							   const char *fmt, ...)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	va_list args;
	int n, r;

	va_start(args, fmt);
	n = vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	r = root_open_regular(root_fd, path, &fd);
	if (r == 0)
		r = check(h, fd);
	if (r == 0)
		h->found = take_fd(&fd);
	else if (r == -ENOMEM)
		h->error = r;
	return r == 0 || r == -ENOMEM;
}

static bool try_build_id(struct hunt *h, int root_fd, const char *dir)
{
	return strlen(h->build_id) > 2 && try_path(h, root_fd, "%s/.build-id/%.2s/%s.debug", dir,
						   h->build_id, h->build_id + 2);
}

static bool try_place(struct hunt *h, int root_fd, const char *place)
{
	if (try_path(h, root_fd, "%s%s", place, h->link) ||
	    try_path(h, root_fd, "%s.debug/%s", place, h->link))
		return true;
	for (const char *const *dir = h->dirs; *dir && place[0] == '/'; dir++) {
		if (try_path(h, root_fd, "%s%s%s", *dir, place, h->link))
			return true;
		/* Packages that say /lib where that is a link to /usr/lib by now. */
		if (strncmp(place, "/usr/", 5) == 0 &&
		    try_path(h, root_fd, "%s%s%s", *dir, place + 4, h->link))
			return true;
	}
	return false;
}

static bool look_for_separate(struct hunt *h, int root_fd)
{
	for (const char *const *dir = h->dirs; *dir; dir++)
		if (try_build_id(h, root_fd, *dir))
			return true;
	for (size_t i = 0; h->link && i < ARRAY_LEN(h->places); i++)
		if (h->places[i][0] && try_place(h, root_fd, h->places[i]))
			return true;
	return false;
}

/* What stands behind the last ".dwz/" of a name, or behind its last "/". */
static const char *name_in_dwz(const char *name)
{
	const char *found = NULL, *slash = strrchr(name, '/');

	for (const char *p = name; (p = strstr(p, ".dwz/")) != NULL; p += 5)
		if (p == name || p[-1] == '/')
			found = p + 5;
	if (found)
		return found;
	return slash ? slash + 1 : name;
}

static bool look_for_alt(struct hunt *h, int root_fd)
{
	if (h->link[0] == '/') {
		if (try_path(h, root_fd, "%s", h->link))
			return true;
	} else {
		for (size_t i = 0; i < ARRAY_LEN(h->places); i++)
			if (h->places[i][0] && try_path(h, root_fd, "%s%s", h->places[i], h->link))
				return true;
	}
	for (const char *const *dir = h->dirs; *dir; dir++)
		if (try_build_id(h, root_fd, *dir) ||
		    try_path(h, root_fd, "%s/.dwz/%s", *dir, name_in_dwz(h->link)))
			return true;
	return false;
}

/* The folder of a path, with its "/"; "" when it does not fit. */
static void folder_of(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 2;

	ret[0] = '\0';
	if (n < PATH_MAX)
		snprintf(ret, n + 1, "%s", slash ? path : "./");
}

/* A path may lead over symbolic links: names are relative to where the file is, and gdb looks where
 * it was called, too. */
static void find_places(struct hunt *h, const char *path, int root_fd)
{
	char real[PATH_MAX];

	if (path && path[0])
		folder_of(path, h->places[0]);
	if (h->asks->fd >= 0 && fdpath_below_root(h->asks->fd, root_fd, real) == 0)
		folder_of(real, h->places[1]);
	if (strcmp(h->places[0], h->places[1]) == 0)
		h->places[1][0] = '\0';
}

/* --- what it is called ------------------------------------------------------------------- */

/* The section's bytes and where they go on behind the name: 0, -ENOENT, -EBADMSG, -EFBIG, -ENOMEM.
 */
static int read_link(struct hunt *h, const struct elf_file *f, const char *section,
		     struct bytes *ret)
{
	const Elf64_Shdr *sh = elf_file_section_named(f, section);
	_cleanup_free_ void *p = NULL;
	struct bytes b;
	const char *name;
	size_t n;
	int r;

	if (!sh)
		return -ENOENT;
	r = elf_file_read_section(f, sh, LINK_MAX_BYTES, &p, &n);
	if (r < 0)
		return r;
	b = bytes_of(p, n);
	if (bytes_str(&b, &name) < 0 || name[0] == '\0')
		return -EBADMSG;
	h->link = take_ptr(p);
	*ret = b;
	return 0;
}

/* NAME, zeros up to a multiple of four, CRC. */
static int read_debuglink(struct hunt *h, const struct elf_file *f)
{
	struct bytes b;
	uint32_t crc;
	int r = read_link(h, f, ".gnu_debuglink", &b);

	if (r < 0)
		return r;
	/* A file name and no path: tools write no other, and no other is wanted. */
	if (strchr(h->link, '/') || bytes_seek(&b, (b.pos + 3) / 4 * 4) < 0 ||
	    bytes_u32(&b, &crc) < 0) {
		free(take_ptr(h->link));
		return -EBADMSG;
	}
	h->crc = elfwide_u32(f->wide, &crc);
	h->has_crc = true;
	return 0;
}

/* NAME, build id. */
static int read_altlink(struct hunt *h, const struct elf_file *f)
{
	struct bytes b;
	int r = read_link(h, f, ".gnu_debugaltlink", &b);

	if (r < 0)
		return r;
	if (bytes_left(&b) == 0 || bytes_left(&b) > BUILD_ID_BYTES_MAX)
		return -EBADMSG;
	buildid_to_hex(b.p + b.pos, bytes_left(&b), h->build_id);
	return 0;
}

/* --- the ways in ------------------------------------------------------------------------- */

/* Reads what @f says of the file that is looked for: 0, -ENOMEM, or there is nothing to look for.
 */
static int read_wanted(struct hunt *h, const struct elf_file *f)
{
	_cleanup_(elf_file_closep) struct elf_file own = elf_file_again(f);
	int r = elf_file_read_sections(&own), r2;

	if (r == -ENOMEM)
		return r;
	if (h->alt)
		return r < 0 ? r : read_altlink(h, &own);
	r = read_debuglink(h, &own);
	if (r == -ENOMEM)
		return r;
	r2 = buildid_of_file(&own, h->build_id);
	return r2 == -ENOMEM || r < 0 ? r2 : 0;
}

static int run(struct hunt *h, const struct elf_file *f, const char *path,
	       const struct debugfile_search *s, int *ret_fd)
{
	static const char *const default_dirs[] = { "/usr/lib/debug", NULL };
	bool (*const look)(struct hunt * h, int root_fd) =
		h->alt ? look_for_alt : look_for_separate;
	int r = read_wanted(h, f);

	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	h->asks = f;
	h->dirs = s->dirs ? s->dirs : default_dirs;
	h->max_bytes = h->crc_left = s->max_bytes ? s->max_bytes : DEFAULT_FILE_MAX;
	if (h->link)
		find_places(h, path, s->root_fd);
	if (!(s->root_fd >= 0 && look(h, s->root_fd)))
		look(h, -1);
	if (h->found < 0)
		return h->error ? h->error : -ENOENT;
	*ret_fd = take_fd(&h->found);
	return 0;
}

int debugfile_find(const struct elf_file *object, const struct debugfile_search *s, int *ret_fd)
{
	_cleanup_(hunt_done) struct hunt h = { .found = -1 };

	return run(&h, object, s->path, s, ret_fd);
}

int debugfile_find_alt(const struct elf_file *f, const char *path, const struct debugfile_search *s,
		       int *ret_fd)
{
	_cleanup_(hunt_done) struct hunt h = { .found = -1, .alt = true };

	return run(&h, f, path, s, ret_fd);
}

int debugfile_alt_id(const struct elf_file *f, char ret[BUILD_ID_HEX_MAX])
{
	_cleanup_(hunt_done) struct hunt h = { .found = -1, .alt = true };
	int r = read_wanted(&h, f);

	if (r < 0)
		return r == -ENOMEM ? r : -ENOENT;
	strcpy(ret, h.build_id);
	return 0;
}

int debugfile_check(int fd, const char *build_id, uint64_t max_bytes)
{
	struct hunt h = { .found = -1, .max_bytes = max_bytes };
	int r;

	if (!build_id[0] || strlen(build_id) >= sizeof(h.build_id))
		return -ENOENT;
	strcpy(h.build_id, build_id);
	r = check(&h, fd);
	return r == 0 || r == -ENOMEM || r == -EFBIG ? r : -ENOENT;
}
