/* SPDX-License-Identifier: Apache-2.0 */
#include "symsources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "debugfile.h"
#include "symobject.h"

enum { MINIDEBUG_MAX = 64 << 20 };

struct symsources *symsources_new(void)
{
	struct symsources *s = calloc(1, sizeof(*s));

	if (s)
		s->own_fd = s->separate_fd = s->alt_fd = -1;
	return s;
}

void symsources_free(struct symsources *s)
{
	if (!s)
		return;
	elf_file_close(&s->own);
	elf_file_close(&s->separate);
	elf_file_close(&s->mini);
	free(s->mini_bytes);
	cleanup_closep(&s->own_fd);
	cleanup_closep(&s->separate_fd);
	cleanup_closep(&s->alt_fd);
	free(s);
}

static bool has_dwarf(const struct elf_file *f)
{
	return elf_file_section_named(f, ".debug_info") ||
	       elf_file_section_named(f, ".zdebug_info");
}

static int open_separate(struct symsources *s, const struct symobject_opts *opts)
{
	int r = elf_file_open_fd(&s->separate, s->separate_fd, opts->max_file_bytes);

	if (r == 0)
		r = elf_file_read_sections(&s->separate);
	return r == -ENOMEM ? r : 0;
}

static int find_separate(const struct elf_file *own, const struct symobject_opts *opts, int *ret_fd)
{
	const struct debugfile_search search = { .root_fd = opts->root_fd,
						 .path = opts->path,
						 .dirs = opts->debug_dirs,
						 .max_bytes = opts->max_file_bytes };

	return debugfile_find(own, &search, ret_fd);
}

int symsources_find(struct symsources *s, const struct symobject_opts *opts)
{
	size_t n;
	int r = 0;

	if (s->separate_fd < 0 && !has_dwarf(&s->own))
		r = find_separate(&s->own, opts, &s->separate_fd);
	if (r != -ENOMEM && s->separate_fd >= 0)
		r = open_separate(s, opts);
	if (r == -ENOMEM || s->separate_fd >= 0 || elf_file_section_of_type(&s->own, SHT_SYMTAB))
		return r == -ENOMEM ? r : 0;
	r = debugfile_minidebug(&s->own, MINIDEBUG_MAX, &s->mini_bytes, &n);
	if (r == 0 && elf_file_open_mem(&s->mini, s->mini_bytes, n) == 0)
		r = elf_file_read_sections(&s->mini);
	return r == -ENOMEM ? r : 0;
}

struct symsources_id symsources_identity(int fd)
{
	struct symsources_id f = { 0 };
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		f.dev = st.st_dev;
		f.ino = st.st_ino;
		f.size = (uint64_t)st.st_size;
		f.mtime_ns =
			(uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	}
	return f;
}

int symsources_look_again(int fd, const struct symsources_id *known,
			  const struct symobject_opts *opts)
{
	_cleanup_close_ int found = -1;
	_cleanup_(elf_file_closep) struct elf_file own = { 0 };
	struct symsources_id f;
	int r = elf_file_open_fd(&own, fd, opts->max_file_bytes);

	if (r == 0)
		r = elf_file_read_sections(&own);
	if (r == 0 && !has_dwarf(&own))
		r = find_separate(&own, opts, &found);
	f = symsources_identity(found);
	return r < 0 || found < 0 || memcmp(&f, known, sizeof(f)) == 0 ? -1 : take_fd(&found);
}

/* The same for an open file; any error is as good as that it wants none, but -ENOMEM. */
static int find_alt(const struct elf_file *f, int sent, const struct symobject_opts *opts, int *ret,
		    char ret_id[BUILD_ID_HEX_MAX])
{
	const struct debugfile_search s = { .root_fd = opts->root_fd,
					    .path = "",
					    .dirs = opts->debug_dirs,
					    .max_bytes = opts->max_file_bytes };
	int r = debugfile_alt_id(f, ret_id);

	if (r < 0)
		return r;
	r = debugfile_find_alt(f, "", &s, ret);
	if (r < 0 && r != -ENOMEM && sent >= 0) {
		r = debugfile_check(sent, ret_id, opts->max_file_bytes);
		if (r == 0)
			*ret = fcntl(sent, F_DUPFD_CLOEXEC, 0);
	}
	if (*ret >= 0)
		ret_id[0] = '\0';
	return r;
}

int symsources_open_alt(int fd, int sent, const struct symobject_opts *opts, int *ret,
			char ret_id[BUILD_ID_HEX_MAX])
{
	_cleanup_(elf_file_closep) struct elf_file f = { 0 };
	int r = elf_file_open_fd(&f, fd, opts->max_file_bytes);

	*ret = -1;
	ret_id[0] = '\0';
	if (r == 0)
		r = elf_file_read_sections(&f);
	if (r == 0)
		r = find_alt(&f, sent, opts, ret, ret_id);
	return r == -ENOMEM ? r : 0;
}
