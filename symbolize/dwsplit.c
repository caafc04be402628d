/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of these files come out of an object that anybody may have made. What is opened is a
 * regular file below the root, or outside of it, and is used only when a unit in it has the id that
 * the skeleton says.
 */
#include "dwsplit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "dwpindex.h"
#include "rootopen.h"
#include "strtab.h"

enum {
	HELD_MAX = 64 << 20,	 /* of a section that is read whole, as in a file without .dwo */
	UNIT_MAX = 1 << 30,	 /* bytes of one split unit, which is read whole */
	STRING_MAX = 4096,	 /* of one name: longer ones are cut */
	NAMES_SPARE = 64 << 20,	 /* bytes of names of one unit over what the unit itself has */
};

struct dwsplit {
	int root_fd;		    /* owned; -1 = none */
	char *paths[DWSPLIT_PATHS]; /* owned; NULL = none */
	size_t max_inflated;
	unsigned threads;
	bool has_dwp;
	struct dwsections dwp;
	struct dwpindex index;

	pthread_mutex_t lock; /* for strings */
	struct strtab strings;
};

/* The sections that are read at every turn. Names are read one by one, too, but a .dwp has those of
 * all units and may be huge. */
static int hold_sections(struct dwsections *d, bool strings)
{
	static const enum dwsection_id ids[] = { DW_ABBREV, DW_RNGLISTS, DW_STR_OFFSETS,
						 DW_CU_INDEX };
	int r = strings ? dwsection_hold(d, DW_STR, HELD_MAX) : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(ids); i++)
		r = dwsection_hold(d, ids[i], HELD_MAX);
	return r;
}

/* --- the .dwp --------------------------------------------------------------------------------- */

/* Opens the .dwo, or the .dwp, at @path if it has DWARF of this kind: 0, -ENOMEM, or any error when not. */
static int open_sections(const struct dwsplit *s, int root_fd, const char *path, bool is_dwo,
			 struct dwsections *ret)
{
	_cleanup_close_ int fd = -1;
	struct dwsections d;
	int r = root_open_regular(root_fd, path, &fd);

	if (r == 0)
		r = dwsections_open(fd, true, s->max_inflated / (is_dwo ? s->threads : 1), &d);
	if (r < 0)
		return r;
	take_fd(&fd);
	r = d.s[DW_INFO].size ? hold_sections(&d, is_dwo) : -ENOENT;
	if (r < 0) {
		dwsections_close(&d);
		return r;
	}
	*ret = d;
	return 0;
}

static int try_dwp(struct dwsplit *s, int root_fd, const char *path)
{
	struct dwsections d;
	int r = open_sections(s, root_fd, path, false, &d);

	if (r == 0 && (r = dwpindex_open(&d, &s->index)) < 0)
		dwsections_close(&d);
	if (r < 0)
		return r;
	s->dwp = d;
	s->has_dwp = true;
	return 0;
}

/* prog.dwp of prog; of prog.debug that or prog.debug.dwp. */
static int try_dwp_of(struct dwsplit *s, int root_fd, const char *object)
{
	static const char debug[] = ".debug";
	char path[PATH_MAX];
	size_t n = strlen(object), cut = sizeof(debug) - 1;
	int r;

	if (n + sizeof(".dwp") > sizeof(path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s.dwp", object);
	r = try_dwp(s, root_fd, path);
	if (r == 0 || r == -ENOMEM || n <= cut || strcmp(object + n - cut, debug) != 0)
		return r;
	snprintf(path, sizeof(path), "%.*s.dwp", (int)(n - cut), object);
	return try_dwp(s, root_fd, path);
}

/* 0, also when there is none; -ENOMEM. */
static int find_dwp(struct dwsplit *s)
{
	int roots[] = { s->root_fd, -1 }, r = 0;

	for (size_t k = s->root_fd < 0; k < ARRAY_LEN(roots); k++)
		for (size_t i = 0; i < DWSPLIT_PATHS; i++) {
			if (s->paths[i])
				r = try_dwp_of(s, roots[k], s->paths[i]);
			if (s->has_dwp || r == -ENOMEM)
				return r == -ENOMEM ? r : 0;
		}
	return 0;
}

bool dwsplit_look_again(struct dwsplit *s)
{
	if (!s->has_dwp)
		(void)find_dwp(s); /* without memory there is none this time */
	return s->has_dwp;
}

/* --- making ----------------------------------------------------------------------------------- */

void dwsplit_free(struct dwsplit *s)
{
	if (!s)
		return;
	if (s->has_dwp)
		dwsections_close(&s->dwp);
	for (size_t i = 0; i < DWSPLIT_PATHS; i++)
		free(s->paths[i]);
	if (s->root_fd >= 0)
		close(s->root_fd);
	strtab_done(&s->strings);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

DEFINE_CLEANUP(struct dwsplit *, dwsplit_free)

/* Paths that are given twice are looked at once. */
static int copy_paths(struct dwsplit *s, const struct dwsplit_opts *opts)
{
	for (size_t i = 0; i < DWSPLIT_PATHS; i++) {
		bool known = !opts->paths[i] || !opts->paths[i][0];

		for (size_t k = 0; k < i && !known; k++)
			known = s->paths[k] && strcmp(s->paths[k], opts->paths[i]) == 0;
		if (!known && !(s->paths[i] = strdup(opts->paths[i])))
			return -ENOMEM;
	}
	return 0;
}

int dwsplit_new(const struct dwsplit_opts *opts, struct dwsplit **ret)
{
	_cleanup_(dwsplit_freep) struct dwsplit *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->root_fd = -1;
	s->max_inflated = opts->max_inflated;
	s->threads = opts->threads ? opts->threads : 1;
	pthread_mutex_init(&s->lock, NULL);
	r = strtab_init(&s->strings);
	if (r == 0)
		r = copy_paths(s, opts);
	if (r == 0 && opts->root_fd >= 0) {
		s->root_fd = fcntl(opts->root_fd, F_DUPFD_CLOEXEC, 0);
		r = s->root_fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = find_dwp(s);
	if (r == 0)
		*ret = take_ptr(s);
	return r;
}

/* --- units ------------------------------------------------------------------------------------ */

void dwsplit_unit_done(struct dwsplit_unit *u)
{
	if (u->is_open && u->is_view)
		free(u->file.units);
	else if (u->is_open)
		dwfile_close(&u->file);
	u->is_open = false;
	u->unit = NULL;
	u->path[0] = '\0';
}

/* What a split unit has of its skeleton (DWARF 5 §3.1.3). */
static void inherit(const struct dwfile *main, const struct dwunit *skeleton, struct dwunit *u)
{
	u->addrs = &main->s;
	u->addr_base = skeleton->addr_base;
	u->base_pc = skeleton->base_pc;
	u->gnu_ranges = &main->s;
	u->ranges_base = skeleton->split_ranges_base;
}

/* Takes the unit of the open file that has the skeleton's id: 0, -ENOENT. */
static int take_unit(struct dwsplit_unit *u, const struct dwfile *main,
		     const struct dwunit *skeleton)
{
	for (size_t i = 0; i < u->file.n_units; i++) {
		struct dwunit *split = &u->file.units[i];

		if (split->dwo_id != skeleton->dwo_id || split->partial ||
		    (split->shape.version < 5) != (skeleton->shape.version < 5) ||
		    split->end - split->off > UNIT_MAX)
			continue;
		inherit(main, skeleton, split);
		u->unit = split;
		return 0;
	}
	return -ENOENT;
}

/* Opens what is read, or what is a view of the .dwp: takes @d on success, but for a view. */
static int open_unit(struct dwsplit_unit *u, const struct dwsections *d, bool is_view,
		     const struct dwfile *main, const struct dwunit *skeleton)
{
	int r;

	u->file = (struct dwfile){ .s = *d };
	u->is_view = is_view;
	r = dwfile_read_units(&u->file);
	if (r < 0)
		return r;
	r = take_unit(u, main, skeleton);
	if (r < 0)
		free(take_ptr(u->file.units));
	else
		u->is_open = true;
	return r;
}

static int find_in_dwp(struct dwsplit *s, const struct dwfile *main, const struct dwunit *skeleton,
		       struct dwsplit_unit *u)
{
	struct dwsections view;
	int r = s->has_dwp ? dwpindex_find(&s->index, &s->dwp, skeleton->dwo_id, &view) : -ENOENT;

	return r == 0 ? open_unit(u, &view, true, main, skeleton) : r;
}

/* One unit that is looked for in .dwo files. */
struct hunt {
	struct dwsplit *s;
	const struct dwfile *main;
	const struct dwunit *skeleton;
	struct dwsplit_unit *u;
	int error; /* -ENOMEM ends it */
};

/* Looks at one path, below the root and outside of it; true ends the hunt. */
__attribute__((format(printf, 2, 3))) static bool try_path(struct hunt *h, const char *fmt, ...)
{
	int roots[] = { h->s->root_fd, -1 };
	char path[PATH_MAX];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	for (size_t k = h->s->root_fd < 0; k < ARRAY_LEN(roots); k++) {
		struct dwsections d;
		int r = open_sections(h->s, roots[k], path, true, &d);

		if (r == 0 && (r = open_unit(h->u, &d, false, h->main, h->skeleton)) < 0)
			dwsections_close(&d);
		h->error = r == -ENOMEM ? r : 0;
		if (r == 0 || r == -ENOMEM)
			return true;
	}
	return false;
}

/* In the folder of a file: @n bytes of @at, "" or with the "/" behind it. */
static bool try_folder(struct hunt *h, const char *at, const char *dir, const char *name)
{
	const char *slash = strrchr(at, '/'), *base = strrchr(name, '/');
	int n = slash ? (int)(slash - at) + 1 : 0;

	if (name[0] != '/' &&
	    ((dir[0] && dir[0] != '/' && try_path(h, "%.*s%s/%s", n, at, dir, name)) ||
	     try_path(h, "%.*s%s", n, at, name)))
		return true;
	return base && try_path(h, "%.*s%s", n, at, base + 1);
}

static void find_dwo(struct hunt *h, const char *dir, const char *name)
{
	if (name[0] == '/' ? try_path(h, "%s", name)
			   : dir[0] == '/' && try_path(h, "%s/%s", dir, name))
		return;
	for (size_t i = 0; i < DWSPLIT_PATHS; i++)
		if (h->s->paths[i] && try_folder(h, h->s->paths[i], dir, name))
			return;
}

int dwsplit_find(struct dwsplit *s, const struct dwfile *main, const struct dwunit *skeleton,
		 struct dwsplit_unit *u)
{
	struct hunt h = { .s = s, .main = main, .skeleton = skeleton, .u = u };
	char name_buf[PATH_MAX], dir_buf[PATH_MAX], path[PATH_MAX];
	const char *name = dwfile_string(main, skeleton->dwo_name, sizeof(name_buf), name_buf);
	const char *dir = dwfile_string(main, skeleton->comp_dir, sizeof(dir_buf), dir_buf);
	int n = snprintf(path, sizeof(path), "%s//%s", dir, name), r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENOENT;
	u->owner = s;
	/* Optimizing all units at once makes one .dwo of them: it is not opened for each again. */
	if (u->is_open && !u->is_view && strcmp(path, u->path) == 0 &&
	    take_unit(u, main, skeleton) == 0)
		return 0;
	dwsplit_unit_done(u);
	r = find_in_dwp(s, main, skeleton, u);
	if (r < 0 && r != -ENOMEM && name[0]) {
		find_dwo(&h, dir, name);
		r = h.error;
	}
	if (r < 0 || !u->is_open)
		return r == -ENOMEM ? r : -ENOENT;
	memcpy(u->path, path, (size_t)n + 1);
	return 0;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* Adds @n bytes to the strings: 0, -ENOMEM, -EFBIG when there are too many. */
static int add_string(struct dwsplit *s, const char *text, size_t n, strref_t *ret)
{
	uint32_t id = 0;
	int r = -EFBIG;

	pthread_mutex_lock(&s->lock);
	if (s->strings.n_bytes < DWSPLIT_STRINGS_MAX)
		r = strtab_add(&s->strings, text, n, &id);
	pthread_mutex_unlock(&s->lock);
	if (r == 0)
		*ret = strref(STRREF_OWN, id);
	return r == -E2BIG ? -EFBIG : r;
}

/* The string @s as one's own, STRREF_NONE for none; *@ret_n: its length. */
static int own_string(struct dwsplit_unit *u, strref_t s, strref_t *ret, size_t *ret_n)
{
	char buf[STRING_MAX];
	const char *text = dwfile_string(&u->file, s, sizeof(buf), buf);

	*ret = STRREF_NONE;
	*ret_n = strnlen(text, STRING_MAX - 1);
	return *ret_n ? add_string(u->owner, text, *ret_n, ret) : 0;
}

int dwsplit_own_string(struct dwsplit_unit *u, strref_t s, strref_t *ret)
{
	size_t n;
	int r = own_string(u, s, ret, &n);

	return r == -ENOMEM ? r : 0;
}

/* Entries of a few bytes can all have one long name: what reading them costs is bounded by the
 * bytes that the unit has. */
int dwsplit_own_names(struct dwsplit_unit *u, struct symunit_builder *b)
{
	uint64_t left = u->unit->end - u->unit->off + NAMES_SPARE;
	int r = 0;

	array_each(&b->names, name) {
		size_t n = 0;

		if (r < 0) {
			name->name = STRREF_NONE;
			continue;
		}
		r = own_string(u, name->name, &name->name, &n);
		if (r == -ENOMEM)
			return r;
		if (r == 0 && n > left)
			r = -EFBIG;
		left -= n < left ? n : left;
	}
	return r;
}

const char *dwsplit_string(struct dwsplit *s, strref_t ref, size_t n, char *buf)
{
	uint64_t id = strref_off(ref);
	size_t len;

	if (n == 0)
		return "";
	pthread_mutex_lock(&s->lock);
	len = id <= UINT32_MAX ? strtab_len(&s->strings, (uint32_t)id) : 0;
	if (len > n - 1)
		len = n - 1;
	memcpy(buf, strtab_get(&s->strings, (uint32_t)id), len);
	buf[len] = '\0';
	pthread_mutex_unlock(&s->lock);
	return buf;
}

size_t dwsplit_bytes(struct dwsplit *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->strings.cap_bytes + s->strings.cap * sizeof(*s->strings.ents);
	pthread_mutex_unlock(&s->lock);
	return sizeof(*s) + n + dwsections_bytes(&s->dwp);
}

void dwsplit_rest(const struct dwsplit *s)
{
	if (s->has_dwp)
		dwsections_rest(&s->dwp);
}

uint64_t dwsplit_dwp_bytes(const struct dwsplit *s)
{
	const struct dwsection *at = s->dwp.s;

	return s->has_dwp ? at[DW_INFO].size + at[DW_ABBREV].size + at[DW_RNGLISTS].size : 0;
}
