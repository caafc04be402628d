/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cgrouppath.h"
#include "cleanup.h"
#include "clock.h"
#include "fdutil.h"
#include "labels.h"
#include "otelctx.h"

#define ENV_MAX_BYTES	(1u << 20) /* of an environment that are looked at */
#define ENV_LOOKS	64	   /* for one that is not there yet */
#define VALUE_MAX_BYTES 256
#define MAPS_MAX_BYTES	(8u << 20)
#define ATTRS_BYTES	(16u << 20)
#define OTEL_WAIT_MAX	64	 /* windows between looks for a context, and … */
#define OTEL_AGAIN	8	 /* … at one that was found */
#define BUDGET_NS	20000000 /* of a window for what can wait for the next */
#define OTEL_ATTRS	12

int identities_init(struct identities *t, const char *const *env, size_t n_env)
{
	int r;

	*t = (struct identities){ .env = env, .n_env = n_env, .window = 1 };
	if ((r = cgrouptab_init(&t->cgroups)) < 0)
		return r;
	if ((r = attrs_init(&t->attrs, ATTRS_BYTES)) < 0) {
		cgrouptab_done(&t->cgroups);
		return r;
	}
	t->shm_dev = otelctx_shm_dev();
	return 0;
}

void identities_done(struct identities *t)
{
	cgrouptab_done(&t->cgroups);
	attrs_done(&t->attrs);
}

size_t identities_bytes(const struct identities *t)
{
	return cgrouptab_bytes(&t->cgroups) + attrs_bytes(&t->attrs);
}

void identities_next_window(struct identities *t)
{
	t->window++;
	t->spent_ns = 0;
}

/* --- attributes ------------------------------------------------------------------------------ */

/* Attributes as they are found. */
struct found {
	struct identities *t;
	struct attr attrs[ATTRS_MAX];
	size_t n;
};

static void add_attr(struct found *f, const char *key, const char *value, size_t value_n)
{
	struct attrs *a = &f->t->attrs;
	struct attr *p = &f->attrs[f->n];

	if (f->n >= ATTRS_MAX || !*key || !value_n || label_by_key(key) != LABEL_MAX)
		return;
	if (attrs_bytes(a) >= a->max_bytes) {
		f->t->refused++;
		return;
	}
	if (strtab_adds(&a->strings, key, &p->key) == 0 &&
	    strtab_add(&a->strings, value, value_n, &p->value) == 0)
		f->n++;
}

/* The set of what was found, that of @before when there is no room for it. */
static uint32_t found_set(struct found *f, uint32_t before)
{
	int64_t r = attrs_add(&f->t->attrs, f->attrs, f->n);

	f->t->refused += r == -ENOSPC;
	return r < 0 ? before : (uint32_t)r;
}

static void unite(struct identities *t, struct identity *id)
{
	int64_t r = attrs_union(&t->attrs, id->env, id->otel);

	t->refused += r == -ENOSPC;
	if (r >= 0)
		id->attrs = (uint32_t)r;
}

/* --- the environment ------------------------------------------------------------------------- */

/* At most @max bytes of a file that may be longer, with a NUL behind them: 0 or -errno. */
static int read_beginning(const char *path, size_t max, char **ret, size_t *ret_n)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	if (fd < 0)
		return -errno;
	text = malloc(max + 1);
	if (!text)
		return -ENOMEM;
	while (n < max) {
		ssize_t got = read(fd, text + n, max - n);

		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	*ret = take_ptr(text);
	*ret_n = n;
	return 0;
}

/*
 * Where the environment lies, from /proc/PID/stat: fields 50 and 51 of proc_pid_stat(5). 0, -EAGAIN
 * when there is none: the process may be in the middle of execve(2), which has given it memory
 * without one yet; or another -errno.
 */
static int find_env(uint32_t tgid, uint64_t *ret_start, uint64_t *ret_end)
{
	char path[48], line[2048], *s;
	int r;

	snprintf(path, sizeof(path), "/proc/%u/stat", tgid);
	r = read_line_file(path, line, sizeof(line));
	if (r < 0)
		return r;
	s = strrchr(line, ')');
	for (int field = 2; s && field < 50; field++)
		s = strchr(s + 1, ' ');
	if (!s || sscanf(s, "%" SCNu64 " %" SCNu64, ret_start, ret_end) != 2)
		return -EBADMSG;
	/* The kernel writes the beginning into both before it goes through the strings. */
	return *ret_start && *ret_start != *ret_end ? 0 : -EAGAIN;
}

/*
 * Whether the kernel alone answers for the memory with the environment: a process may say that it
 * lies in a file of its own file system, which never answers.
 */
static bool is_env_safe(const struct identities *t, uint32_t tgid, uint64_t start, uint64_t end)
{
	_cleanup_free_ char *maps = NULL;
	char path[48];
	size_t n;

	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	return start < end && read_beginning(path, MAPS_MAX_BYTES, &maps, &n) == 0 &&
	       otelctx_is_safe(maps, t->shm_dev, start, end - start);
}

static void read_env(struct identities *t, struct identity *id, uint32_t tgid)
{
	struct found f = { .t = t };
	_cleanup_free_ char *text = NULL;
	char path[48];
	size_t n;

	snprintf(path, sizeof(path), "/proc/%u/environ", tgid);
	if (read_beginning(path, ENV_MAX_BYTES, &text, &n) < 0 || !n)
		return;
	for (const char *s = text; s < text + n; s += strlen(s) + 1)
		for (size_t i = 0; i < t->n_env; i++) {
			size_t len = strlen(t->env[i]);

			if (strncmp(s, t->env[i], len) == 0 && s[len] == '=')
				add_attr(&f, t->env[i], s + len + 1,
					 strnlen(s + len + 1, VALUE_MAX_BYTES));
		}
	id->env = found_set(&f, id->env);
}

static void look_env(struct identities *t, struct identity *id, uint32_t tgid)
{
	uint64_t start, end;
	int r = t->n_env ? find_env(tgid, &start, &end) : -ENOENT;

	/* Kernel threads never have one. */
	id->env_looks = r == -EAGAIN ? id->env_looks + 1 : ENV_LOOKS;
	if (r == 0 && is_env_safe(t, tgid, start, end))
		read_env(t, id, tgid);
}

/* --- OpenTelemetry's context ----------------------------------------------------------------- */

/* Memory of another process: whether all of it could be read. */
static bool read_memory(uint32_t tgid, uint64_t addr, void *to, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)(uintptr_t)addr, n };

	return process_vm_readv((pid_t)tgid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

static void on_attr(void *ctx, const char *key, const char *value)
{
	add_attr(ctx, key, value, strlen(value));
}

/* Reads the context at id->otel_addr if it is another one than last time. False: there is none. */
static bool read_context(struct identities *t, struct identity *id, uint32_t tgid, const char *maps)
{
	struct otelctx_header h, after;
	struct found f = { .t = t };
	_cleanup_free_ void *payload = NULL;

	if (!read_memory(tgid, id->otel_addr, &h, sizeof(h)) ||
	    memcmp(h.signature, "OTEL_CTX", sizeof(h.signature)) != 0)
		return false;
	if (!otelctx_is_valid(&h) || h.published_ns == id->otel_published ||
	    !otelctx_is_safe(maps, t->shm_dev, h.payload, h.payload_bytes))
		return true;
	payload = malloc(h.payload_bytes);
	if (!payload || !read_memory(tgid, h.payload, payload, h.payload_bytes) ||
	    !read_memory(tgid, id->otel_addr, &after, sizeof(after)) ||
	    after.published_ns != h.published_ns)
		return true; /* it changed meanwhile: next time */
	id->otel_published = h.published_ns;
	if (otelctx_decode(payload, h.payload_bytes, OTEL_ATTRS, on_attr, &f) >= 0)
		id->otel = found_set(&f, id->otel);
	return true;
}

static void look_otel(struct identities *t, struct identity *id, uint32_t tgid)
{
	_cleanup_free_ char *maps = NULL;
	char path[48];
	size_t n;

	/* Programs publish it a while after they start: looked for often at first, and less and
	 * less. */
	id->otel_wait = id->otel_wait ? id->otel_wait * 2 : 1;
	if (id->otel_wait > OTEL_WAIT_MAX)
		id->otel_wait = OTEL_WAIT_MAX;
	id->otel_next = t->window + id->otel_wait;
	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	if (read_beginning(path, MAPS_MAX_BYTES, &maps, &n) < 0)
		return;
	id->otel_addr = otelctx_find(maps, t->shm_dev);
	if (id->otel_addr && read_context(t, id, tgid, maps)) {
		if (id->otel_wait > OTEL_AGAIN) /* it may be published anew */
			id->otel_wait = OTEL_AGAIN;
		return;
	}
	id->otel_addr = id->otel_published = 0;
	id->otel = 0;
}

/* --- the rest -------------------------------------------------------------------------------- */

void identity_look_parent(struct identity *id, uint32_t tgid)
{
	char path[48], line[512], *s;

	snprintf(path, sizeof(path), "/proc/%u/stat", tgid);
	if (id->ppid || read_line_file(path, line, sizeof(line)) < 0)
		return;
	s = strrchr(line, ')'); /* of the name, which may hold anything */
	if (!s || sscanf(s, ") %*c %u", &id->ppid) != 1 || !id->ppid)
		return;
	snprintf(path, sizeof(path), "/proc/%u/comm", id->ppid);
	if (read_line_file(path, line, sizeof(line)) == 0)
		snprintf(id->parent_comm, sizeof(id->parent_comm), "%.*s", WIRE_COMM, line);
}

static void look_cgroup(struct identities *t, struct identity *id, uint32_t tgid)
{
	_cleanup_free_ char *text = NULL;
	const char *best;
	char path[48];
	size_t n, len;

	id->cgroup_window = t->window;
	snprintf(path, sizeof(path), "/proc/%u/cgroup", tgid);
	if (read_whole_file(path, 1 << 16, &text, &n) < 0 ||
	    !(best = cgroup_path_of_proc(text, &len)))
		return;
	id->cgroup = cgrouptab_by_path(&t->cgroups, best, len);
	id->has_cgroup = id->cgroup != CGROUPTAB_NONE;
}

/* What may have changed: it can wait when this window has had its share. */
static void look_again(struct identities *t, struct identity *id, uint32_t tgid)
{
	bool want_cgroup = t->cgroups.has_v1 && id->cgroup_window != t->window;
	bool want_otel = id->otel_next <= t->window;
	uint32_t otel = id->otel;
	uint64_t begin;

	if ((!want_cgroup && !want_otel) || t->spent_ns > BUDGET_NS)
		return;
	begin = clock_mono_ns();
	if (want_cgroup)
		look_cgroup(t, id, tgid);
	if (want_otel)
		look_otel(t, id, tgid);
	if (id->otel != otel)
		unite(t, id);
	t->spent_ns += clock_mono_ns() - begin;
}

bool identity_is_due(const struct identities *t, const struct identity *id)
{
	if (!id->looked)
		return !id->ppid || t->n_env;
	return t->n_env && id->env_looks < ENV_LOOKS;
}

void identity_look(struct identities *t, struct identity *id, uint32_t tgid, bool is_alive)
{
	if (!is_alive || !tgid)
		return;
	if (!id->looked) {
		id->looked = true;
		identity_look_parent(id, tgid);
		look_cgroup(t, id, tgid);
		unite(t, id);
	}
	if (id->env_looks < ENV_LOOKS) {
		look_env(t, id, tgid);
		unite(t, id);
	}
	look_again(t, id, tgid);
}

struct identity identity_of_child(const struct identity *parent, uint32_t ppid, const char *comm)
{
	struct identity id = *parent;

	id.ppid = ppid;
	snprintf(id.parent_comm, sizeof(id.parent_comm), "%s", comm);
	/* The memory with the context is not given to children. */
	id.otel = id.otel_next = id.otel_wait = 0;
	id.otel_addr = id.otel_published = 0;
	id.attrs = id.env;
	return id;
}

struct identity identity_after_exec(const struct identity *before)
{
	struct identity id = identity_of_child(before, before->ppid, before->parent_comm);

	id.looked = false;
	id.env_looks = 0; /* it may have another one */
	return id;
}
