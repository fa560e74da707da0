// SPDX-License-Identifier: GPL-2.0-only
/* A longer struct, with zeroes behind what is known. */
#include "corpus.h"

static void *(*look_up)(void *map, const void *key) = (void *)1;
struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, map_flags;
	u32 inner_map, numa_node;
};

struct bpf_map_def SEC("maps") table = {
	.type = HASH, .key_size = 4, .value_size = 8, .max_entries = 16,
};

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 0;
	u64 *value = look_up(&table, &key);

	return value ? XDP_PASS : XDP_DROP;
}
