/* SPDX-License-Identifier: Apache-2.0 */
#include "aspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "clock.h"

/* Replaced areas that are kept; what was replaced before them is looked up in what came after. */
#define OLD_MAX	   1024
#define OLD_DROP   (OLD_MAX / 2) /* that go at once when there are so many */

/* Of areas that are kept, the part after which neighbouring anonymous ones are kept as one. */
#define ANON_PART  4

#define READ_BYTES (64 << 10)

/* How long an area that vanished is still looked at. */
#define LINGER_NS  1000000000ull

/* Names that no area has any more are thrown away when they are more than the rest and this. */
#define NAMES_IDLE 4096

struct aspace *aspace_new(void)
{
	struct aspace *as = calloc(1, sizeof(*as));

	if (as)
		as->refs = 1;
	return as;
}

struct aspace *aspace_ref(struct aspace *as)
{
	as->refs++;
	return as;
}

void aspace_unref(struct aspace *as)
{
	if (!as || --as->refs)
		return;
	array_free(&as->areas);
	array_free(&as->old);
	array_free(&as->names);
	free(as);
}

int aspace_own(struct aspace **as)
{
	struct aspace *from = *as, *to;

	if (from->refs == 1)
		return 0;
	to = aspace_new();
	if (!to || array_reserve(&to->areas, from->areas.n) < 0 ||
	    array_reserve(&to->old, from->old.n) < 0 ||
	    array_reserve(&to->names, from->names.n) < 0) {
		aspace_unref(to);
		return -ENOMEM;
	}
	array_each(&from->areas, a)
		to->areas.items[to->areas.n++] = *a;
	array_each(&from->old, a)
		to->old.items[to->old.n++] = *a;
	array_each(&from->names, c)
		to->names.items[to->names.n++] = *c;
	to->names_kept = from->names_kept;
	aspace_unref(from);
	*as = to;
	return 0;
}

/* One line of proc_pid_maps(5): "start-end perms offset dev:dev inode   path". */
static bool parse_line(const char *line, struct vm_area *ret, const char **ret_name)
{
	unsigned major_nr, minor_nr;
	char perms[5];
	int n = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &ret->start, &ret->end, perms, &ret->file_off, &major_nr, &minor_nr, &ret->ino,
		   &n) != 7)
		return false;
	if (n == 0 || perms[2] != 'x' || ret->end <= ret->start)
		return false;
	ret->dev = makedev(major_nr, minor_nr);
	*ret_name = line + n;
	return true;
}

/* Bytes of a path without what the kernel says of a deleted file. */
static size_t name_bytes(const char *name)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1, len = strlen(name);

	return len > tail && memcmp(name + len - tail, deleted, tail) == 0 ? len - tail : len;
}

static int add_name(struct aspace *as, const char *name, size_t n, uint32_t *ret)
{
	if (as->names.n + n >= UINT32_MAX || array_reserve(&as->names, n + 1) < 0)
		return -ENOMEM;
	*ret = (uint32_t)as->names.n;
	memcpy(as->names.items + as->names.n, name, n);
	as->names.n += n;
	as->names.items[as->names.n++] = '\0';
	return 0;
}

/* Nearly all lines of a large address space are of data: they are told at a glance. */
static bool may_be_code(const char *line)
{
	const char *perms = strchr(line, ' ');

	return perms && perms[1] && perms[2] && perms[3] == 'x';
}

/* Memory that a process filled by itself, one piece of which is like another. */
static bool is_anonymous(const struct vm_area *a, const char *name)
{
	return !a->ino && (!name[0] || strncmp(name, "[anon", 5) == 0);
}

/* @name as the process calls it whose root is @root, if it is in there. */
static const char *in_root(const char *name, const char *root)
{
	size_t n = strlen(root);

	return n > 1 && strncmp(name, root, n) == 0 && name[n] == '/' ? name + n : name;
}

/* Adds what @line says, of a process with the root @root, if it is of code. 0 or -ENOMEM. */
static int add_line(struct aspace *as, const char *line, const char *root, size_t max)
{
	struct vm_area area = { .mapping = ASPACE_UNRESOLVED }, *last = NULL;
	const char *name;

	if (!may_be_code(line) || !parse_line(line, &area, &name))
		return 0;
	if (as->areas.n)
		last = &as->areas.items[as->areas.n - 1];
	/* The kernel writes the areas in ascending order; aspace_find() relies on it. */
	if (last && last->end > area.start)
		return 0;
	if (last && as->areas.n >= max / ANON_PART && is_anonymous(&area, name) &&
	    is_anonymous(last, aspace_name(as, last))) {
		last->end = area.end;
		return 0;
	}
	if (as->areas.n >= max)
		return 0;
	name = in_root(name, root);
	return add_name(as, name, name_bytes(name), &area.name_off) < 0 ||
			       array_push(&as->areas, area) < 0
		       ? -ENOMEM
		       : 0;
}

int aspace_parse(char *text, size_t max, struct aspace **ret)
{
	_cleanup_(aspace_unrefp) struct aspace *as = aspace_new();

	if (!as)
		return -ENOMEM;
	while (*text) {
		size_t len = strcspn(text, "\n");
		bool last = !text[len];

		text[len] = '\0'; /* sscanf() measures the whole rest of its string at each call */
		if (add_line(as, text, "/", max) < 0)
			return -ENOMEM;
		text += len + !last;
	}
	as->names_kept = as->names.n;
	*ret = take_ptr(as);
	return 0;
}

/*
 * The root of the process whose maps are @path. The kernel's records have paths as the process calls
 * them, its maps as we do, or for a mount that we do not see, as who made that does: after chroot(2)
 * in it the two differ.
 */
static void read_root(const char *path, char ret[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	char link[64];
	ssize_t n = -1;

	if (slash && snprintf(link, sizeof(link), "%.*s/root", (int)(slash - path), path) <
			     (int)sizeof(link))
		n = readlink(link, ret, PATH_MAX - 1);
	ret[n > 0 ? n : 0] = '\0';
}

int aspace_read(const char *path, size_t max, uint64_t until_ns, const atomic_bool *stop,
		struct aspace **ret)
{
	_cleanup_(aspace_unrefp) struct aspace *as = aspace_new();
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = malloc(READ_BYTES + 1);
	char root[PATH_MAX];
	size_t kept = 0;
	ssize_t got;

	if (!as || !buf)
		return -ENOMEM;
	if (fd < 0)
		return -errno;
	read_root(path, root);
	while ((got = read(fd, buf + kept, READ_BYTES - kept)) > 0) {
		size_t n = kept + (size_t)got;
		char *line = buf, *end;

		buf[n] = '\0';
		for (; (end = memchr(line, '\n', n - (size_t)(line - buf))); line = end + 1) {
			*end = '\0';
			if (add_line(as, line, root, max) < 0)
				return -ENOMEM;
		}
		kept = n - (size_t)(line - buf);
		memmove(buf, line, kept);
		if (kept == READ_BYTES)
			return -EBADMSG; /* no path is that long */
		if (stop && atomic_load(stop))
			return -ECANCELED;
		if (clock_thread_ns() > until_ns)
			return -ETIME;
	}
	if (got < 0)
		return -errno;
	as->names_kept = as->names.n;
	*ret = take_ptr(as);
	return 0;
}

/* The first area that ends after @addr. */
static size_t first_after(const struct aspace *as, uint64_t addr)
{
	size_t low = 0, high = as->areas.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (as->areas.items[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct vm_area *aspace_find(const struct aspace *as, uint64_t addr, uint64_t time_ns)
{
	size_t i;

	/* What was replaced first after that time was there then. */
	array_each(&as->old, a)
		if (a->until_ns > time_ns && a->start <= addr && addr < a->end)
			return a;
	i = first_after(as, addr);
	return i < as->areas.n && as->areas.items[i].start <= addr ? &as->areas.items[i] : NULL;
}

bool aspace_has_changed(const struct aspace *as, uint64_t addr)
{
	if (as->old.n >= OLD_DROP)
		return true; /* some may have been dropped */
	array_each(&as->old, a)
		if (a->start <= addr && addr < a->end)
			return true;
	return false;
}

/* Whether @name, of @n bytes, is the one of @a. */
static bool has_name(const struct aspace *as, const struct vm_area *a, const char *name, size_t n)
{
	const char *own = aspace_name(as, a);

	return strncmp(own, name, n) == 0 && !own[n];
}

/* Whether @a and @b are parts of one mapping of one file, or both are anonymous memory. */
static bool continues(const struct vm_area *a, const struct vm_area *b)
{
	if (a->dev != b->dev || a->ino != b->ino)
		return false;
	return !a->ino || a->start - a->file_off == b->start - b->file_off;
}

/* Copies the names that are in use to a new array. 0 or -ENOMEM, which leaves all as it was. */
static int tidy_names(struct aspace *as)
{
	struct aspace names = { 0 };
	size_t bytes = 0;

	array_each(&as->areas, a)
		bytes += strlen(aspace_name(as, a)) + 1;
	array_each(&as->old, a)
		bytes += strlen(aspace_name(as, a)) + 1;
	if (array_reserve(&names.names, bytes) < 0)
		return -ENOMEM;
	array_each(&as->areas, a) {
		const char *name = aspace_name(as, a);

		add_name(&names, name, strlen(name), &a->name_off);
	}
	array_each(&as->old, a) {
		const char *name = aspace_name(as, a);

		add_name(&names, name, strlen(name), &a->name_off);
	}
	free(as->names.items);
	as->names.items = names.names.items;
	as->names.n = as->names_kept = names.names.n;
	as->names.cap = names.names.cap;
	return 0;
}

static int reserve_old(struct aspace *as, size_t more)
{
	if (as->old.n + more > OLD_MAX && as->old.n > OLD_DROP) {
		as->old.n -= OLD_DROP;
		memmove(as->old.items, as->old.items + OLD_DROP,
			as->old.n * sizeof(*as->old.items));
	}
	return array_reserve(&as->old, more < OLD_MAX ? more : OLD_MAX);
}

static void put_old(struct aspace *as, struct vm_area a, uint64_t time_ns)
{
	a.until_ns = time_ns;
	if (as->old.n < OLD_MAX)
		as->old.items[as->old.n++] = a;
}

/* The part of @a between @start and @end. Its mapping is another one than that of the whole. */
static struct vm_area part_of(const struct vm_area *a, uint64_t start, uint64_t end)
{
	struct vm_area part = *a;

	part.start = start;
	part.end = end;
	if (start == a->start && end == a->end)
		return part;
	part.mapping = ASPACE_UNRESOLVED;
	if (a->ino)
		part.file_off += start - a->start;
	return part;
}

/* Puts @n areas where @first up to @end were. Room was made for them. */
static void put_areas(struct aspace *as, size_t first, size_t end, const struct vm_area *areas,
		      size_t n)
{
	struct vm_area *at = as->areas.items + first;

	memmove(at + n, as->areas.items + end, (as->areas.n - end) * sizeof(*at));
	memcpy(at, areas, n * sizeof(*at));
	as->areas.n += n;
	as->areas.n -= end - first;
}

/*
 * What a look at the maps found gone was gone when @area was mapped in its place at @time_ns, of
 * which the kernel's word was read later. Whether that was code of another file.
 */
static bool end_vanished(struct aspace *as, const struct vm_area *area, uint64_t time_ns)
{
	bool others = false;

	array_each(&as->old, a)
		if (a->until_ns > time_ns && a->start < area->end && area->start < a->end) {
			a->until_ns = time_ns;
			others |= a->dev != area->dev || a->ino != area->ino;
		}
	return others;
}

int aspace_map(struct aspace *as, const struct vm_area *area, const char *name, size_t max,
	       uint64_t time_ns)
{
	size_t first = first_after(as, area->start), end = first, len = name_bytes(name), n = 0;
	struct vm_area fresh = *area, put[3];
	bool named = false, replaced;

	while (end < as->areas.n && as->areas.items[end].start < area->end)
		end++;
	for (size_t i = first ? first - 1 : 0; i < as->areas.n && i <= end && !named; i++)
		if (has_name(as, &as->areas.items[i], name, len)) {
			fresh.name_off = as->areas.items[i].name_off;
			named = true;
		}
	if (end == first + 1 && continues(&as->areas.items[first], area) &&
	    as->areas.items[first].start <= area->start && area->end <= as->areas.items[first].end)
		return end_vanished(as, area, time_ns); /* it is known */
	if (as->areas.n + 2 > max)
		return -ENOSPC;
	if (array_reserve(&as->areas, 2) < 0 || reserve_old(as, end - first) < 0)
		return -ENOMEM;
	if (!named && as->names.n > 2 * as->names_kept + NAMES_IDLE && tidy_names(as) < 0)
		return -ENOMEM;
	if (!named && add_name(as, name, len, &fresh.name_off) < 0)
		return -ENOMEM;
	fresh.mapping = ASPACE_UNRESOLVED;
	replaced = end_vanished(as, area, time_ns);
	for (size_t i = first; i < end; i++) {
		const struct vm_area *a = &as->areas.items[i];

		if (!continues(a, area)) {
			put_old(as, *a, time_ns);
			replaced |= a->dev != area->dev || a->ino != area->ino;
		}
	}
	if (first < end && as->areas.items[first].start < area->start)
		put[n++] =
			part_of(&as->areas.items[first], as->areas.items[first].start, area->start);
	put[n++] = fresh;
	if (first < end && as->areas.items[end - 1].end > area->end)
		put[n++] =
			part_of(&as->areas.items[end - 1], area->end, as->areas.items[end - 1].end);
	put_areas(as, first, end, put, n);
	return replaced;
}

/* Whether @a and @b, both with their names in @as, are one. */
static bool is_same(const struct aspace *as, const struct vm_area *a, const struct vm_area *b)
{
	return a->start == b->start && a->end == b->end && a->file_off == b->file_off &&
	       a->dev == b->dev && a->ino == b->ino &&
	       strcmp(aspace_name(as, a), aspace_name(as, b)) == 0;
}

/* Whether an area of @as is where @a was. */
static bool is_covered(const struct aspace *as, const struct vm_area *a)
{
	size_t i = first_after(as, a->start);

	return i < as->areas.n && as->areas.items[i].start < a->end;
}

/* Each gets what the other had, but for the references. */
static void swap_contents(struct aspace *x, struct aspace *y)
{
	struct aspace was = *x;

	*x = *y;
	x->refs = was.refs;
	was.refs = y->refs;
	*y = was;
}

int aspace_replace(struct aspace *as, struct aspace *fresh, uint64_t time_ns)
{
	size_t i = 0;

	if (reserve_old(fresh, as->old.n + as->areas.n) < 0 ||
	    array_reserve(&fresh->names, as->names.n) < 0)
		return -ENOMEM;
	/* The names of both, those of @as behind those of @fresh. */
	array_each(&as->areas, a)
		a->name_off += (uint32_t)fresh->names.n;
	array_each(&as->old, a) {
		bool ends = a->until_ns > time_ns && is_covered(fresh, a);

		a->name_off += (uint32_t)fresh->names.n;
		put_old(fresh, *a, ends ? time_ns : a->until_ns);
	}
	array_each(&as->names, c)
		fresh->names.items[fresh->names.n++] = *c;
	array_each(&as->areas, a) {
		while (i < fresh->areas.n && fresh->areas.items[i].start < a->start)
			i++;
		if (i < fresh->areas.n && is_same(fresh, a, &fresh->areas.items[i]))
			fresh->areas.items[i].mapping = a->mapping;
		else if (is_covered(fresh, a))
			put_old(fresh, *a, time_ns);
		else /* unmapped, perhaps a moment after @time_ns: nothing else can be meant */
			put_old(fresh, *a, time_ns + LINGER_NS);
	}
	swap_contents(as, fresh);
	if (as->names.n > 2 * as->names_kept + NAMES_IDLE)
		(void)tidy_names(as); /* without memory for it they stay as they are */
	return 0;
}

void aspace_forget(struct aspace *as, uint64_t time_ns)
{
	size_t n = 0;

	while (n < as->old.n && as->old.items[n].until_ns < time_ns)
		n++;
	if (!n)
		return;
	as->old.n -= n;
	memmove(as->old.items, as->old.items + n, as->old.n * sizeof(*as->old.items));
}
