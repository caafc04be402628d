/* SPDX-License-Identifier: Apache-2.0 */
#include "snapprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>
#include <unistd.h>

#include "cleanup.h"
#include "hash.h"

static int read_mem(pid_t pid, uint64_t addr, void *buf, size_t n)
{
	struct iovec local = { buf, n }, remote = { (void *)(uintptr_t)addr, n };
	ssize_t r = process_vm_readv(pid ? pid : getpid(), &local, 1, &remote, 1, 0);

	return r < 0 ? -errno : (int)r;
}

/* Fills in the object of an area: false when there is none. */
static bool find_object(struct snapprocess *p, struct snapshot_area *a, uint64_t ino,
			const char *path)
{
	struct stat st;
	int fd;

	if (strcmp(path, "[vdso]") == 0) {
		p->vdso = malloc(a->end - a->start);
		if (!p->vdso || read_mem(p->pid, a->start, p->vdso, a->end - a->start) <= 0)
			return false;
		a->object = (struct snapshot_object){ 1, -1, p->vdso, a->end - a->start };
		return true;
	}
	if (!ino)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || array_push(&p->fds, fd) < 0 || fstat(fd, &st) < 0)
		return false;
	a->object = (struct snapshot_object){ .id = hash_add(st.st_dev, st.st_ino), .fd = fd };
	return true;
}

int snapprocess_open(pid_t pid, struct snapprocess *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	char name[64], line[4096];

	*ret = (struct snapprocess){ .pid = pid };
	snprintf(name, sizeof(name), "/proc/%d/maps", pid ? pid : getpid());
	f = fopen(name, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct snapshot_area a = { 0 };
		char perms[8], path[3000] = "";
		uint64_t ino;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line,
			   "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64 " %2999[^\n]",
			   &a.start, &a.end, perms, &a.file_off, &ino, path) < 5)
			continue;
		if (strchr(perms, 'x')) {
			a.has_object = find_object(ret, &a, ino, path);
			if (array_push(&ret->areas, a) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

void snapprocess_done(struct snapprocess *p)
{
	array_each(&p->fds, fd)
		close(*fd);
	array_free(&p->fds);
	array_free(&p->areas);
	free(p->vdso);
	free(p->stack);
	*p = (struct snapprocess){ 0 };
}

static bool find_area(const void *ctx, uint64_t addr, struct snapshot_area *ret)
{
	const struct snapprocess *p = ctx;

	array_each(&p->areas, a) {
		if (addr < a->start || addr >= a->end)
			continue;
		*ret = *a;
		return true;
	}
	return false;
}

struct snapshot_space snapprocess_space(const struct snapprocess *p)
{
	return (struct snapshot_space){ find_area, p };
}

static int take_stack(struct snapprocess *p, size_t below, size_t max)
{
	uint64_t start = p->snap.regs.r[SNAPSHOT_RSP] - SNAPSHOT_RED_ZONE - below;
	size_t n = 0;

	free(p->stack);
	p->stack = malloc(max);
	if (!p->stack)
		return -ENOMEM;
	while (n < max) { /* page by page, up to the first that cannot be read */
		size_t part = 4096 - (size_t)((start + n) % 4096);
		int r = read_mem(p->pid, start + n, p->stack + n, part < max - n ? part : max - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	if (n == 0 && below > 0) /* the stack has not grown so far yet */
		return take_stack(p, 0, max);
	p->snap.stack_start = start;
	p->snap.stack = p->stack;
	p->snap.n_stack = n;
	return 0;
}

int snapprocess_take(struct snapprocess *p, size_t below, size_t max)
{
	struct user_regs_struct u;
	uint64_t *r = p->snap.regs.r;

	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &u) < 0)
		return -errno;
	r[SNAPSHOT_RAX] = u.rax, r[SNAPSHOT_RDX] = u.rdx, r[SNAPSHOT_RCX] = u.rcx;
	r[SNAPSHOT_RBX] = u.rbx, r[SNAPSHOT_RSI] = u.rsi, r[SNAPSHOT_RDI] = u.rdi;
	r[SNAPSHOT_RBP] = u.rbp, r[SNAPSHOT_RSP] = u.rsp, r[SNAPSHOT_R8] = u.r8;
	r[SNAPSHOT_R9] = u.r9, r[SNAPSHOT_R10] = u.r10, r[SNAPSHOT_R11] = u.r11;
	r[SNAPSHOT_R12] = u.r12, r[SNAPSHOT_R13] = u.r13, r[SNAPSHOT_R14] = u.r14;
	r[SNAPSHOT_R15] = u.r15, r[SNAPSHOT_RIP] = u.rip;
	return take_stack(p, below, max);
}

__attribute__((noinline)) int snapprocess_take_self(struct snapprocess *p, size_t max)
{
	static const int greg[SNAPSHOT_REG_MAX] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI,
						    REG_RDI, REG_RBP, REG_RSP, REG_R8,	REG_R9,
						    REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
						    REG_R15, REG_RIP };
	ucontext_t u;

	if (getcontext(&u) < 0)
		return -errno;
	for (int i = 0; i < SNAPSHOT_REG_MAX; i++)
		p->snap.regs.r[i] = (uint64_t)u.uc_mcontext.gregs[greg[i]];
	return take_stack(p, 0, max);
}
