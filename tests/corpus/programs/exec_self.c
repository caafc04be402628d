/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executable that no path leads to: with -DMEMFD a copy in memory, started by fexecve(), else a
 * copy whose file is removed while it runs.
 *
 * chain: @main;hidden;deeper;leaf
 * outside: *{0,};become_hidden;*{0,}
 * comm: *hidden*|memfd*|[0-9]
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "corpus.h"

extern char **environ;

static CORPUS_FN long leaf(long n)
{
	return corpus_work(60) + n;
}

static CORPUS_FN long deeper(long n)
{
	return leaf(n) + leaf(n + 1) + corpus_work(6);
}

static CORPUS_FN long hidden(long n)
{
	volatile char room[300];

	room[n & 255] = 1;
	return deeper(n) + room[n & 255];
}

/* Runs a copy of this file that is gone when it runs. Returns in the copy only. */
static CORPUS_FN void become_hidden(char **argv)
{
	char path[] = "/tmp/corpus-hidden-XXXXXX", self[4096] = "";
	const char *is = getenv("CORPUS_HIDDEN");
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out;
	struct stat st;

	if (is) {
		if (*is && unlink(is) < 0)
			abort();
		prctl(PR_SET_NAME, "hidden");
		return;
	}
#ifdef MEMFD
	out = memfd_create("hidden", MFD_CLOEXEC);
#else
	out = mkstemp(path);
	strcpy(self, path);
#endif
	if (in < 0 || out < 0 || fstat(in, &st) < 0 ||
	    sendfile(out, in, NULL, (size_t)st.st_size) != st.st_size || fchmod(out, 0700) < 0 ||
	    setenv("CORPUS_HIDDEN", self, 1) < 0)
		abort();
	if (!*self)
		fexecve(out, argv, environ);
	close(out);
	execve(path, argv, environ);
	abort();
}

int main(int argc, char **argv)
{
	become_hidden(argv);
	corpus_begin(argc, argv);
	for (long i = 0;; i++)
		corpus_sink = hidden(i);
}
