/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the codec and the compression, and connects them with a file. */
#include "formats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "callgrind.h"
#include "cleanup.h"
#include "compress.h"
#include "err.h"
#include "firefox.h"
#include "folded.h"
#include "folded_diff.h"
#include "outfile.h"
#include "pages.h"
#include "perfline.h"
#include "perfscript.h"
#include "pprof.h"
#include "profile.h"
#include "readahead.h"
#include "speedscope.h"

#define PEEK	((size_t)64 << 10) /* bytes that decide between text and pprof */
#define AT_ONCE ((size_t)1 << 20)  /* of pprof, that are read in one call */

static const struct {
	const char *ending;
	enum format format;
} endings[] = {
	{ ".pb.gz", FORMAT_PPROF },	     { ".pprof", FORMAT_PPROF },
	{ ".pb", FORMAT_PPROF_RAW },	     { ".pb.zst", FORMAT_PPROF_ZSTD },
	{ ".folded", FORMAT_FOLDED },	     { ".txt", FORMAT_FOLDED },
	{ ".collapsed", FORMAT_FOLDED },     { ".speedscope.json", FORMAT_SPEEDSCOPE },
	{ ".firefox.json", FORMAT_FIREFOX }, { ".callgrind", FORMAT_CALLGRIND },
};

static const struct {
	const char *name;
	enum format format;
} names[] = {
	{ "pprof", FORMAT_PPROF },	     { "pprof-raw", FORMAT_PPROF_RAW },
	{ "pprof-zst", FORMAT_PPROF_ZSTD },  { "folded", FORMAT_FOLDED },
	{ "speedscope", FORMAT_SPEEDSCOPE }, { "firefox", FORMAT_FIREFOX },
	{ "callgrind", FORMAT_CALLGRIND },
};

int format_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i].name) == 0)
			return (int)names[i].format;
	return -EINVAL;
}

const char *format_names(void)
{
	return "pprof, pprof-raw, pprof-zst, folded, speedscope, firefox, callgrind";
}

int format_by_path(const char *path, struct err *e)
{
	static const char callgrind[] = "callgrind.out"; /* what valgrind calls its files */
	const char *slash = strrchr(path, '/');
	size_t n = strlen(path);

	if (strncmp(slash ? slash + 1 : path, callgrind, sizeof(callgrind) - 1) == 0)
		return FORMAT_CALLGRIND;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		size_t k = strlen(endings[i].ending);

		if (n > k && strcmp(path + n - k, endings[i].ending) == 0)
			return (int)endings[i].format;
	}
	return err_set(
		e, -EINVAL,
		"the name '%s' does not tell the format; end it in .pb.gz, .pprof, .pb, .pb.zst, "
		".folded, .txt, .collapsed, .speedscope.json, .firefox.json or .callgrind, or give "
		"--format",
		path);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct file_sink {
	struct outfile *file;
	bool failed; /* the file, not the codec: its commit has the sentence */
};

static int write_file(void *ctx, const void *data, size_t n)
{
	struct file_sink *s = ctx;
	int r = outfile_write(s->file, data, n);

	s->failed |= r < 0;
	return r;
}

static int write_compressed(void *ctx, const void *data, size_t n)
{
	return compressor_write(ctx, data, n);
}

static enum compression compression_of(enum format format)
{
	return format == FORMAT_PPROF	     ? COMPRESSION_GZIP
	       : format == FORMAT_PPROF_ZSTD ? COMPRESSION_ZSTD
					     : COMPRESSION_NONE;
}

static size_t one_type(const struct profile *p, const struct format_opts *o)
{
	if (o->sample_type >= 0)
		return (size_t)o->sample_type;
	for (size_t i = 0; i < p->sample_types.n; i++)
		if (strcmp(strtab_get(&p->strings, p->sample_types.items[i].type), "samples") == 0)
			return i;
	return profile_default_type(p);
}

static int encode_text(const struct profile *p, enum format format, const struct format_opts *o,
		       const struct sink *out, struct err *e)
{
	size_t type = one_type(p, o);

	if (p->samples.n && type >= p->sample_types.n)
		return err_set(e, -EINVAL, "the profile has no sample type %zu; it has %zu of them",
			       type, p->sample_types.n);
	switch (format) {
	case FORMAT_SPEEDSCOPE:
		return speedscope_write(p, type, out, e);
	case FORMAT_FIREFOX:
		return firefox_write(p, type, out, e);
	case FORMAT_CALLGRIND:
		return callgrind_write(p, out, e);
	default:
		return folded_write(p, type, !o->no_annotations, out, e);
	}
}

static int encode(const struct profile *p, enum format format, const struct format_opts *o,
		  const struct sink *out, struct err *e)
{
	_cleanup_(compressor_freep) struct compressor *c = NULL;
	struct sink compressed;
	int r;

	if (format >= FORMAT_FOLDED)
		return encode_text(p, format, o, out, e);
	r = compressor_new(&c, compression_of(format), out);
	if (r < 0)
		return r;
	compressed = (struct sink){ .write = write_compressed, .ctx = c };
	r = pprof_encode(p, &compressed);
	return r < 0 ? r : compressor_finish(c);
}

/* A codec that failed has left a sentence or only an errno; both become one with the path. */
static int write_error(struct err *e, const char *path, int r, const struct err *why)
{
	if (why->text[0])
		return err_set(e, r, "cannot write '%s': %s", path, why->text);
	if (r == -E2BIG)
		return err_set(e, r, "cannot write '%s': the profile has too many entries", path);
	return err_set(e, r, "cannot write '%s': %m", path);
}

int format_write(const struct profile *p, const char *path, enum format format,
		 const struct format_opts *opts, struct err *e)
{
	static const struct format_opts standard = { .sample_type = -1 };
	struct file_sink file = { 0 };
	struct sink out = { .write = write_file, .ctx = &file };
	struct err why = { 0 };
	int r;

	if (format == FORMAT_AUTO) {
		r = format_by_path(path, e);
		if (r < 0)
			return r;
		format = (enum format)r;
	}
	r = outfile_open(path, &file.file, e);
	if (r < 0)
		return r;
	r = encode(p, format, opts ? opts : &standard, &out, &why);
	if (r < 0 && !file.failed) {
		outfile_abort(file.file);
		return write_error(e, path, r, &why);
	}
	return outfile_commit(file.file, e);
}

/* --- reading ---------------------------------------------------------------------------------- */

struct file_source {
	int fd;
	int error; /* of reading: tells "cannot read" from "is broken" */
};

static ssize_t read_file(void *ctx, void *buf, size_t n)
{
	struct file_source *s = ctx;
	ssize_t got;

	do
		got = read(s->fd, buf, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		s->error = -errno;
	return got < 0 ? s->error : got;
}

/* The inflated file, of which the first bytes were looked at already. */
struct content {
	struct inflater *inflater;
	struct readahead *ahead; /* of the inflater, or NULL */
	ARRAY(uint8_t) head;
	size_t pos; /* of head: what was given again */
};

static ssize_t read_inflater(void *ctx, void *buf, size_t n)
{
	struct content *c = ctx;

	return inflater_read(c->inflater, buf, n);
}

static ssize_t read_on(struct content *c, void *buf, size_t n)
{
	return c->ahead ? readahead_read(c->ahead, buf, n) : inflater_read(c->inflater, buf, n);
}

static ssize_t read_content(void *ctx, void *buf, size_t n)
{
	struct content *c = ctx;

	if (c->pos == c->head.n)
		return read_on(c, buf, n);
	if (n > c->head.n - c->pos)
		n = c->head.n - c->pos;
	memcpy(buf, c->head.items + c->pos, n);
	c->pos += n;
	return (ssize_t)n;
}

/* Reads until @want bytes are in c->head, or the end. Storage follows what really came. */
static int fill_head(struct content *c, size_t want)
{
	while (c->head.n < want) {
		size_t room;
		ssize_t got;

		if (array_reserve(&c->head, PEEK) < 0)
			return -ENOMEM;
		room = c->head.cap - c->head.n;
		if (room > AT_ONCE)
			room = AT_ONCE;
		pages_expect(c->head.items + c->head.n, room);
		got = read_on(c, c->head.items + c->head.n, room);
		if (got <= 0)
			return (int)got;
		c->head.n += (size_t)got;
	}
	return 0;
}

/* Every message of a pprof file holds bytes that no text does: its tags are control characters. */
static bool is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' && !strchr("\t\n\v\f\r\033", p[i] ? p[i] : 1))
			return false;
	return true;
}

static size_t skip_blank(const char *s, size_t n, size_t i)
{
	while (i < n && memchr(" \t\r\n", s[i], 4))
		i++;
	return i;
}

/* A map's first token follows its brace; "{closure}" may be a function. */
static bool is_json(const char *s, size_t n)
{
	size_t i = skip_blank(s, n, n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);

	if (i >= n || s[i] != '{')
		return false;
	i = skip_blank(s, n, i + 1);
	return i < n && (s[i] == '"' || s[i] == '}');
}

static int decode_text(struct content *c, const struct source *in, struct profile **ret,
		       struct err *why)
{
	const char *head = (const char *)c->head.items;

	if (is_json(head, c->head.n))
		return speedscope_read(in, ret, why);
	if (perf_script_sniff(head, c->head.n))
		return perf_script_read(in, ret, why);
	if (folded_diff_sniff(head, c->head.n))
		return folded_diff_read(in, ret, why);
	return folded_read(in, ret, why);
}

static int decode(struct content *c, struct profile **ret, struct err *why)
{
	struct source source = { .read = read_content, .ctx = c };
	int r = fill_head(c, PEEK);

	if (r < 0)
		return r;
	if (c->head.n == 0)
		return err_set(why, -EBADMSG, "the file is empty");
	if (c->head.n >= 8 && memcmp(c->head.items, "PERFILE2", 8) == 0)
		return err_set(
			why, -EBADMSG,
			"it is perf's own format; give wick the text that 'perf script' makes of "
			"it");
	if (is_text(c->head.items, c->head.n))
		return decode_text(c, &source, ret, why);
	if (!pprof_sniff(c->head.items, c->head.n))
		return err_set(why, -EBADMSG,
			       "it is neither pprof nor folded stacks, perf script's text or "
			       "speedscope's JSON");
	r = fill_head(c, SIZE_MAX);
	return r < 0 ? r : pprof_decode(c->head.items, c->head.n, ret, why);
}

static int read_error(struct err *e, const char *path, int r, const struct err *why,
		      const struct content *c)
{
	const char *kind = c->inflater ? inflater_kind(c->inflater) : "";

	if (why->text[0])
		return err_set(e, r, "'%s' is not a profile that wick can read: %s", path,
			       why->text);
	if (r == -EBADMSG)
		return err_set(e, r, "'%s' is broken: its %s data is damaged or ends too early",
			       path, kind);
	if (r == -EFBIG)
		return err_set(e, r, "'%s' holds more than 4 GiB; wick reads smaller profiles only",
			       path);
	if (r == -E2BIG)
		return err_set(e, r, "'%s' has too many entries; wick reads 2^31 of a kind", path);
	return err_set(e, r, "cannot read '%s': %m", path);
}

/* A regular file, which never waits for anybody, is read ahead. */
static int open_content(struct content *c, const struct source *file, int fd,
			const struct source *inflated)
{
	struct stat st;
	int r = inflater_new(&c->inflater, file, 0);

	if (r == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		r = readahead_new(&c->ahead, inflated);
	return r;
}

int format_read(const char *path, struct profile **ret, struct err *e)
{
	_cleanup_close_ int own_fd = -1;
	struct file_source file = { .fd = STDIN_FILENO };
	struct source source = { .read = read_file, .ctx = &file };
	struct content c = { 0 };
	struct source inflated = { .read = read_inflater, .ctx = &c };
	struct err why = { 0 };
	int r;

	if (strcmp(path, "-") != 0) {
		own_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (own_fd < 0)
			return err_set(e, -errno, "cannot read '%s': %m", path);
		file.fd = own_fd;
	}
	r = open_content(&c, &source, file.fd, &inflated);
	if (r == 0)
		r = decode(&c, ret, &why);
	if (r < 0)
		r = read_error(e, path, r, &why, &c);
	readahead_free(c.ahead);
	inflater_free(c.inflater);
	array_free(&c.head);
	return r;
}
