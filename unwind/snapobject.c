/* SPDX-License-Identifier: Apache-2.0 */
#include "snapobject_state.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash.h"

#define BLOCK_BYTES    (16u << 10)
#define MAX_FILE_BYTES (16ull << 30)
#define MAX_PHDRS      256

uint64_t snap_object_serial(const struct snap_object *o)
{
	return o->serial;
}

/* --- the budget ----------------------------------------------------------------------------- */
static struct snap_object **bucket_of(struct snap_objects *os, uint64_t id)
{
	return &os->buckets[hash_u64(id) % SNAP_BUCKETS];
}

static void unlink_use(struct snap_objects *os, struct snap_object *o)
{
	*(o->newer ? &o->newer->older : &os->newest) = o->older;
	*(o->older ? &o->older->newer : &os->oldest) = o->newer;
}

static void link_newest(struct snap_objects *os, struct snap_object *o)
{
	o->newer = NULL;
	o->older = os->newest;
	*(os->newest ? &os->newest->newer : &os->oldest) = o;
	os->newest = o;
}

void snap_object_charge(struct snap_objects *os, struct snap_object *o, size_t n)
{
	o->bytes += n;
	os->bytes += n;
}

void snap_object_recharge(struct snap_objects *os, struct snap_object *o, size_t before, size_t now)
{
	o->bytes += now - before;
	os->bytes += now - before;
}

static void drop_blocks(struct snap_objects *os, struct snap_object *o)
{
	if (o->go) {
		size_t before = snap_go_bytes(o->go);

		snap_go_drop(o->go);
		snap_object_recharge(os, o, before, snap_go_bytes(o->go));
	}
	if (o->code) {
		size_t before = snap_code_bytes(o->code);

		snap_code_drop(o->code);
		snap_object_recharge(os, o, before, snap_code_bytes(o->code));
	}
	for (size_t i = 0; i < o->n_blocks; i++) {
		if (!o->blocks[i])
			continue;
		free(o->blocks[i]);
		o->blocks[i] = NULL;
		o->bytes -= BLOCK_BYTES;
		os->bytes -= BLOCK_BYTES;
	}
}

static void free_object(struct snap_object *o)
{
	for (size_t i = 0; i < o->n_blocks; i++)
		free(o->blocks[i]);
	free(o->blocks);
	snap_go_free(o->go);
	snap_code_free(o->code);
	snap_scan_done(&o->scan);
	free(o);
}

static void evict(struct snap_objects *os, struct snap_object *o)
{
	struct snap_object **p = bucket_of(os, o->id);

	while (*p != o)
		p = &(*p)->chain;
	*p = o->chain;
	unlink_use(os, o);
	os->n--;
	os->bytes -= o->bytes;
	os->evictions++;
	free_object(o);
}

void snap_object_make_room(struct snap_objects *os, struct snap_object *o, size_t more)
{
	while (os->bytes + more > os->max_bytes && os->oldest && os->oldest != o)
		evict(os, os->oldest);
	if (os->bytes + more > os->max_bytes)
		drop_blocks(os, o);
}

void snap_objects_done(struct snap_objects *os)
{
	while (os->oldest)
		evict(os, os->oldest);
	array_free(&os->fde);
	array_free(&os->cie);
}

/* --- the bytes ------------------------------------------------------------------------------ */
static int fill_block(const struct snap_object *o, uint64_t off, uint8_t *buf, size_t n)
{
	if (o->from->bytes) {
		if (off > o->from->n_bytes || n > o->from->n_bytes - off)
			return -EBADMSG;
		memcpy(buf, o->from->bytes + off, n);
		return 0;
	}
	for (size_t done = 0; done < n;) {
		ssize_t r = pread(o->from->fd, buf + done, n - done, (off_t)(off + done));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -EBADMSG; /* became shorter */
		done += (size_t)r;
	}
	return 0;
}

static int get_block(struct snap_objects *os, struct snap_object *o, size_t i, const uint8_t **ret)
{
	uint64_t off = (uint64_t)i * BLOCK_BYTES;
	uint8_t *buf;
	int r;

	if (!o->blocks[i]) {
		snap_object_make_room(os, o, BLOCK_BYTES);
		buf = malloc(BLOCK_BYTES);
		if (!buf)
			return -ENOMEM;
		r = fill_block(o, off, buf,
			       o->size - off < BLOCK_BYTES ? (size_t)(o->size - off) : BLOCK_BYTES);
		if (r < 0) {
			free(buf);
			return r;
		}
		os->file_reads++;
		snap_object_charge(os, o, BLOCK_BYTES);
		o->blocks[i] = buf;
	}
	*ret = o->blocks[i];
	return 0;
}

int snap_object_read(struct snap_objects *os, struct snap_object *o, uint64_t file_off, void *buf,
		     size_t n)
{
	if (file_off > o->size || n > o->size - file_off)
		return -EBADMSG;
	for (size_t done = 0; done < n;) {
		uint64_t at = file_off + done;
		size_t in = at % BLOCK_BYTES, part = BLOCK_BYTES - in;
		const uint8_t *block;
		int r = get_block(os, o, (size_t)(at / BLOCK_BYTES), &block);

		if (r < 0)
			return r;
		if (part > n - done)
			part = n - done;
		memcpy((uint8_t *)buf + done, block + in, part);
		done += part;
	}
	return 0;
}

int snap_object_vaddr(const struct snap_object *o, uint64_t file_off, uint64_t *ret)
{
	for (size_t i = 0; i < o->n_loads; i++) {
		if (!o->loads[i].is_code || file_off < o->loads[i].off ||
		    file_off - o->loads[i].off >= o->loads[i].filesz)
			continue;
		*ret = file_off - o->loads[i].off + o->loads[i].vaddr;
		return 0;
	}
	return -ENOENT;
}

int64_t snap_object_read_vaddr(struct snap_objects *os, struct snap_object *o, uint64_t vaddr,
			       void *buf, size_t n)
{
	for (size_t i = 0; i < o->n_loads; i++) {
		uint64_t in = vaddr - o->loads[i].vaddr;
		int r;

		if (vaddr < o->loads[i].vaddr || in >= o->loads[i].filesz)
			continue;
		if (n > o->loads[i].filesz - in)
			n = (size_t)(o->loads[i].filesz - in);
		r = snap_object_read(os, o, o->loads[i].off + in, buf, n);
		return r < 0 ? r : (int64_t)n;
	}
	return -EBADMSG;
}

/* --- loading -------------------------------------------------------------------------------- */
/* Learns where the search table is, if it is one of the kind that all linkers make. */
static int learn_hdr(struct snap_objects *os, struct snap_object *o, const Elf64_Phdr *ph)
{
	struct {
		uint8_t version, eh_frame_enc, count_enc, table_enc;
		uint32_t eh_frame, count;
	} h;
	int r = snap_object_read(os, o, ph->p_offset, &h, sizeof(h));

	if (r < 0)
		return r;
	if (h.version != 1 || (h.eh_frame_enc & CFI_ENC_FORMAT & ~8) != CFI_ENC_UDATA4 ||
	    (h.eh_frame_enc & CFI_ENC_INDIRECT) || h.count_enc != CFI_ENC_UDATA4 ||
	    h.table_enc != (CFI_ENC_DATAREL | CFI_ENC_SDATA4))
		return -ENOTSUP;
	o->hdr_vaddr = ph->p_vaddr;
	o->table_off = ph->p_offset + sizeof(h);
	o->n_table = h.count;
	if (o->table_off > o->size || o->n_table > (o->size - o->table_off) / 8)
		o->n_table = 0;
	return 0;
}

static void learn_load(struct snap_object *o, const Elf64_Phdr *ph)
{
	if (o->n_loads == MAX_LOADS || ph->p_vaddr + ph->p_filesz < ph->p_vaddr ||
	    ph->p_offset + ph->p_filesz < ph->p_offset)
		return;
	o->loads[o->n_loads].vaddr = ph->p_vaddr;
	o->loads[o->n_loads].off = ph->p_offset;
	o->loads[o->n_loads].filesz = ph->p_filesz;
	o->loads[o->n_loads++].is_code = ph->p_flags & PF_X;
}

/* _start is a few instructions and one call. */
#define ENTRY_REACH 128

bool snap_object_is_entry(const struct snap_object *o, uint64_t vaddr)
{
	return o->entry && vaddr - o->entry < ENTRY_REACH;
}

static int learn_elf(struct snap_objects *os, struct snap_object *o)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	int r = snap_object_read(os, o, 0, &eh, sizeof(eh));

	if (r < 0)
		return r;
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_machine != EM_X86_64 || eh.e_phentsize != sizeof(ph) || eh.e_phnum > MAX_PHDRS)
		return -ENOEXEC;
	o->entry = eh.e_entry;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		r = snap_object_read(os, o, eh.e_phoff + i * sizeof(ph), &ph, sizeof(ph));
		if (r < 0)
			return r;
		if (ph.p_type == PT_LOAD)
			learn_load(o, &ph);
		else if (ph.p_type == PT_GNU_EH_FRAME)
			learn_hdr(os, o, &ph);
	}
	return 0;
}

static int size_of(const struct snapshot_object *from, uint64_t *ret)
{
	struct stat st;

	*ret = from->n_bytes;
	if (from->bytes)
		return 0;
	if (from->fd < 0 || fstat(from->fd, &st) < 0)
		return -EBADF;
	*ret = S_ISREG(st.st_mode) && (uint64_t)st.st_size <= MAX_FILE_BYTES ? (uint64_t)st.st_size
									     : 0;
	return 0;
}

static int load(struct snap_objects *os, const struct snapshot_object *from,
		struct snap_object **ret)
{
	struct snap_object *o, **bucket = bucket_of(os, from->id);
	uint64_t size;
	int r = size_of(from, &size);

	if (r < 0)
		return r;
	if (os->n == os->max)
		evict(os, os->oldest);
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->id = from->id;
	o->serial = ++os->serial;
	o->from = from;
	o->size = size;
	o->n_blocks = (size_t)((size + BLOCK_BYTES - 1) / BLOCK_BYTES);
	o->blocks = calloc(o->n_blocks ? o->n_blocks : 1, sizeof(*o->blocks));
	if (!o->blocks) {
		o->n_blocks = 0;
		free_object(o);
		return -ENOMEM;
	}
	o->chain = *bucket;
	*bucket = o;
	link_newest(os, o);
	os->n++;
	os->loads++;
	snap_object_charge(os, o, sizeof(*o) + o->n_blocks * sizeof(*o->blocks));
	snap_object_make_room(os, o, 0);
	r = learn_elf(os, o);
	if (r == -ENOMEM) {
		evict(os, o);
		return r;
	}
	if (r < 0)
		o->n_loads = o->n_table = 0; /* remembered as useless */
	*ret = o;
	return 0;
}

int snap_objects_get(struct snap_objects *os, const struct snapshot_object *from,
		     struct snap_object **ret)
{
	for (struct snap_object *o = *bucket_of(os, from->id); o; o = o->chain) {
		if (o->id != from->id)
			continue;
		o->from = from;
		if (os->newest != o) {
			unlink_use(os, o);
			link_newest(os, o);
		}
		*ret = o;
		return 0;
	}
	return load(os, from, ret);
}
