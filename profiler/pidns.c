/* SPDX-License-Identifier: Apache-2.0 */
#include "pidns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "err.h"
#include "kstruct.h"

#define INITIAL_INUM 4026531836u /* PROC_PID_INIT_INO, fixed in the kernel */

enum pidns_kind pidns_judge(const char *self, const char *ns, const char *children,
			    uint32_t *ret_inum)
{
	unsigned inum;

	*ret_inum = 0;
	if (!self || strtol(self, NULL, 10) != getpid())
		return PIDNS_FOREIGN_PROC;
	if (!ns || sscanf(ns, "pid:[%u]", &inum) != 1)
		return PIDNS_MACHINE; /* a kernel without namespaces has no such link */
	if (!children || strcmp(ns, children) != 0) /* none until the first one is there */
		return PIDNS_OF_PARENTS;
	if (inum == INITIAL_INUM)
		return PIDNS_MACHINE;
	*ret_inum = inum;
	return PIDNS_OWN;
}

static const char *link_text(const char *path, char *buf, size_t size)
{
	ssize_t n = readlink(path, buf, size - 1);

	if (n < 0)
		return NULL;
	buf[n] = '\0';
	return buf;
}

int pidns_find(uint32_t *ret_inum, struct err *e)
{
	char self[32], ns[64], children[64];

	switch (pidns_judge(link_text("/proc/self", self, sizeof(self)),
			    link_text("/proc/self/ns/pid", ns, sizeof(ns)),
			    link_text("/proc/self/ns/pid_for_children", children, sizeof(children)),
			    ret_inum)) {
	case PIDNS_FOREIGN_PROC:
		return err_set(
			e, -ENOENT,
			"/proc is not that of the PID namespace that wick is in, so processes cannot "
			"be told apart; 'mount -t proc proc /proc' first, in a mount namespace of its "
			"own");
	case PIDNS_OF_PARENTS:
		return err_set(
			e, -ENOTSUP,
			"what wick starts would be in another PID namespace than wick itself; begin "
			"it with 'unshare --pid --fork --mount-proc'");
	case PIDNS_MACHINE:
	case PIDNS_OWN:
		break;
	}
	return 0;
}

int pidns_layout(struct pidns *ret, struct err *e)
{
	struct pidns p = { 0 };
	struct wire_pidns *l = &p.layout;
	uint32_t ns = 0, inum = 0;
	const struct kstruct_member members[] = {
		{ "task_struct", "thread_pid", &l->task_pid },
		{ "task_struct", "signal", &l->task_signal },
		{ "signal_struct", "pids", &l->signal_pids },
		{ "pid", "level", &l->pid_level },
		{ "pid", "numbers", &l->pid_numbers },
		{ "upid", "nr", &l->upid_nr },
		{ "upid", "ns", &l->upid_ns },
		{ "pid_namespace", "ns", &ns },
		{ "ns_common", "inum", &inum },
	};
	int r = pidns_find(&p.inum, e);

	if (r == 0 && p.inum)
		r = kstruct_offsets(members, ARRAY_LEN(members));
	if (r == -ENOENT && p.inum)
		return err_set(
			e, r,
			"this kernel does not tell (by BTF) where it keeps the numbers that "
			"processes have in this PID namespace; run wick in the machine's, as "
			"with 'docker run --pid=host'");
	if (r < 0)
		return r;
	l->upid_bytes = l->upid_ns + (uint32_t)sizeof(void *); /* the last member */
	l->ns_inum = ns + inum;
	*ret = p;
	return 0;
}
