/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls SECONDS: nothing but getppid(2), asked through syscall(2) from ask_parent(). */
#include <sys/syscall.h>

#include "workload.h"

static volatile long parent;

NOINLINE void ask_parent(void)
{
	for (int i = 0; i < 1000; i++)
		parent = syscall(SYS_getppid);
}

NOINLINE void ask_often(double limit)
{
	while (process_s() < limit)
		ask_parent();
}

int main(int argc, char **argv)
{
	ask_often(process_s() + arg_seconds(argc, argv, 2));
	say_usage();
	return 0;
}
