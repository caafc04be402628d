/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time in system calls: below the kernel's frames the user's must be whole.
 *
 * chain: @main;gulp;read|*_read*|[libc*+*]
 * may: @main;gulp;*@plt|[syscall-zero+*]
 * may: @main;gulp;[libc*+*]|*_read*|read{1,3}
 */
#include <fcntl.h>

#include "corpus.h"

static char buf[64 << 10];

static CORPUS_FN long gulp(int fd)
{
	long n = 0;

	for (int i = 0; i < 10; i++)
		n += read(fd, buf, sizeof(buf));
	return n;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/zero", O_RDONLY);

	corpus_begin(argc, argv);
	for (;;)
		corpus_sink = gulp(fd);
}
