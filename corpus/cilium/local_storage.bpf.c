// SPDX-License-Identifier: GPL-2.0-only
/* A map that must not say how many elements it has. */
#include "corpus.h"

static void *(*look_up)(void *map, const void *key) = (void *)1;

struct {
	NUMBER(type, 29);
	NUMBER(map_flags, 1);
	TYPE(key, int);
	TYPE(value, u64);
} table SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 0;

	return look_up(&table, &key) ? XDP_PASS : XDP_DROP;
}
