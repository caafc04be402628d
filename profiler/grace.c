/* SPDX-License-Identifier: Apache-2.0 */
#include "grace.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include <bpf/bpf.h>

int grace_init(struct grace *g)
{
	LIBBPF_OPTS(bpf_map_create_opts, outer);

	*g = (struct grace){ .outer_fd = -1, .inner_fd = -1 };
	g->inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wick_grace_in", 4, 4, 1, NULL);
	if (g->inner_fd < 0)
		return -errno;
	outer.inner_map_fd = (uint32_t)g->inner_fd;
	g->outer_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "wick_grace", 4, 4, 1, &outer);
	if (g->outer_fd < 0) {
		int r = -errno;

		grace_done(g);
		return r;
	}
	return 0;
}

void grace_done(struct grace *g)
{
	if (g->outer_fd >= 0)
		close(g->outer_fd);
	if (g->inner_fd >= 0)
		close(g->inner_fd);
	*g = (struct grace){ .outer_fd = -1, .inner_fd = -1 };
}

int grace_wait(const struct grace *g)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(g->outer_fd, &zero, &g->inner_fd, BPF_ANY) < 0 ? -errno : 0;
}
