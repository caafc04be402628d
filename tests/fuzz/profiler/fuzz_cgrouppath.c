/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as /proc/PID/cgroup, and as the path of a control group. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgrouppath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *path)
{
	struct cgroup_names n;

	cgroup_path_parse(path, &n);
	if (n.container_len > strlen(path) || !n.runtime ||
	    (n.container[0] != '\0') != (n.container_len > 0) ||
	    (n.container[0] != '\0') != (n.runtime[0] != '\0'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *path;
	size_t n = 0;

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	parse(text);
	path = cgroup_path_of_proc(text, &n);
	if (path) {
		if (path < text || n < 1 || n > size - (size_t)(path - text) || *path != '/')
			abort();
		text[(size_t)(path - text) + n] = '\0';
		parse(path);
	}
	free(text);
	return 0;
}
