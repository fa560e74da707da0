// SPDX-License-Identifier: GPL-2.0-only
/* A map of CPUs with more entries than there are CPUs. */
#include "corpus.h"

static void *(*look_up)(void *map, const void *key) = (void *)1;

struct {
	NUMBER(type, 16);
	NUMBER(max_entries, 4096);
	TYPE(key, u32);
	NUMBER(value_size, 8);
} table SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 0;

	return look_up(&table, &key) ? XDP_PASS : XDP_DROP;
}
