// SPDX-License-Identifier: GPL-2.0-only
/* A map with a type and a size of its key. */
#include "corpus.h"

static void *(*look_up)(void *map, const void *key) = (void *)1;

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 8);
	NUMBER(key_size, 4);
	TYPE(key, u32);
	TYPE(value, u64);
} table SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 0;

	return look_up(&table, &key) ? XDP_PASS : XDP_DROP;
}
