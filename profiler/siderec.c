/* SPDX-License-Identifier: Apache-2.0 */
#include "siderec.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include <linux/perf_event.h>

#include "bytes.h"

enum siderec_kind siderec_kind(uint32_t type)
{
	switch (type) {
	case PERF_RECORD_MMAP2:
		return SIDEREC_MMAP;
	case PERF_RECORD_COMM:
		return SIDEREC_COMM;
	case PERF_RECORD_FORK:
		return SIDEREC_FORK;
	case PERF_RECORD_EXIT:
		return SIDEREC_EXIT;
	case PERF_RECORD_CGROUP:
		return SIDEREC_CGROUP;
	case PERF_RECORD_LOST:
		return SIDEREC_LOST;
	default:
		return SIDEREC_UNKNOWN;
	}
}

/* { u8 size; u8 and u16 reserved; u8 id[20]; } */
static int parse_build_id(struct bytes *b, struct sideband_mmap *m)
{
	const void *id;
	int r;

	if ((r = bytes_u8(b, &m->build_id_n)) < 0 || (r = bytes_skip(b, 3)) < 0 ||
	    (r = bytes_take(b, SIDEBAND_BUILD_ID_MAX, &id)) < 0)
		return r;
	m->build_id = id;
	return m->build_id_n > SIDEBAND_BUILD_ID_MAX ? -EBADMSG : 0;
}

/* { u32 maj, min; u64 ino, generation; }: as long as the build id */
static int parse_inode(struct bytes *b, struct sideband_mmap *m)
{
	uint32_t major_nr, minor_nr;
	int r;

	if ((r = bytes_u32(b, &major_nr)) < 0 || (r = bytes_u32(b, &minor_nr)) < 0 ||
	    (r = bytes_u64(b, &m->ino)) < 0 || (r = bytes_u64(b, &m->ino_generation)) < 0)
		return r;
	m->dev = makedev(major_nr, minor_nr);
	return 0;
}

static int parse_mmap(struct bytes *b, bool has_build_id, struct sideband_mmap *m)
{
	int r;

	*m = (struct sideband_mmap){ 0 };
	if ((r = bytes_u32(b, &m->tgid)) < 0 || (r = bytes_u32(b, &m->tid)) < 0 ||
	    (r = bytes_u64(b, &m->addr)) < 0 || (r = bytes_u64(b, &m->len)) < 0 ||
	    (r = bytes_u64(b, &m->file_off)) < 0)
		return r;
	r = has_build_id ? parse_build_id(b, m) : parse_inode(b, m);
	if (r < 0 || (r = bytes_u32(b, &m->prot)) < 0 || (r = bytes_u32(b, &m->flags)) < 0)
		return r;
	return bytes_str(b, &m->name);
}

static int parse_comm(struct bytes *b, bool exec, struct sideband_comm *c)
{
	int r;

	c->exec = exec;
	if ((r = bytes_u32(b, &c->tgid)) < 0 || (r = bytes_u32(b, &c->tid)) < 0)
		return r;
	return bytes_str(b, &c->comm);
}

/* The record has a time of its own, too: the same but for what passed in between. */
static int parse_task(struct bytes *b, struct sideband_task *t)
{
	int r;

	if ((r = bytes_u32(b, &t->tgid)) < 0 || (r = bytes_u32(b, &t->parent_tgid)) < 0 ||
	    (r = bytes_u32(b, &t->tid)) < 0 || (r = bytes_u32(b, &t->parent_tid)) < 0)
		return r;
	return bytes_skip(b, sizeof(uint64_t));
}

static int parse_cgroup(struct bytes *b, struct sideband_cgroup *g)
{
	int r = bytes_u64(b, &g->id);

	return r < 0 ? r : bytes_str(b, &g->path);
}

static int parse_lost(struct bytes *b, uint64_t *ret)
{
	int r = bytes_skip(b, sizeof(uint64_t)); /* id of the event */

	return r < 0 ? r : bytes_u64(b, ret);
}

static int parse_body(struct bytes *b, uint16_t misc, bool build_ids, struct siderec *rec)
{
	switch (rec->kind) {
	case SIDEREC_MMAP:
		/*
		 * The kernel does not take the flag back between one event and the next that it
		 * writes the same mapping to: it may stand for the wish of another profiler.
		 */
		return parse_mmap(b, build_ids && misc & PERF_RECORD_MISC_MMAP_BUILD_ID,
				  &rec->mmap);
	case SIDEREC_COMM:
		return parse_comm(b, misc & PERF_RECORD_MISC_COMM_EXEC, &rec->comm);
	case SIDEREC_FORK:
	case SIDEREC_EXIT:
		return parse_task(b, &rec->task);
	case SIDEREC_CGROUP:
		return parse_cgroup(b, &rec->cgroup);
	case SIDEREC_LOST:
		return parse_lost(b, &rec->lost);
	case SIDEREC_UNKNOWN:
		break;
	}
	return 0;
}

int siderec_parse(const void *p, size_t n, bool build_ids, struct siderec *ret)
{
	struct bytes all = bytes_of(p, n), body, trailer;
	struct siderec rec = { 0 };
	uint32_t type;
	uint16_t misc;
	int r;

	if ((r = bytes_u32(&all, &type)) < 0 || (r = bytes_u16(&all, &misc)) < 0)
		return r;
	rec.kind = siderec_kind(type);
	if (rec.kind != SIDEREC_UNKNOWN) {
		if (n < SIDEREC_HEADER_BYTES + SIDEREC_TRAILER_BYTES)
			return -EBADMSG;
		if ((r = bytes_part(&all, SIDEREC_HEADER_BYTES,
				    n - SIDEREC_HEADER_BYTES - SIDEREC_TRAILER_BYTES, &body)) < 0 ||
		    (r = bytes_part(&all, n - SIDEREC_TRAILER_BYTES, SIDEREC_TRAILER_BYTES,
				    &trailer)) < 0 ||
		    (r = bytes_seek(&trailer, SIDEREC_TRAILER_TIME)) < 0 ||
		    (r = bytes_u64(&trailer, &rec.time_ns)) < 0 ||
		    (r = parse_body(&body, misc, build_ids, &rec)) < 0)
			return r;
	}
	*ret = rec;
	return 0;
}
