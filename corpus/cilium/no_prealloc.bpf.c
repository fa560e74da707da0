// SPDX-License-Identifier: GPL-2.0-only
/* A trie has to be allocated at run time. */
#include "corpus.h"

static void *(*look_up)(void *map, const void *key) = (void *)1;

struct {
	NUMBER(type, 11);
	NUMBER(max_entries, 8);
	TYPE(key, u64);
	TYPE(value, u64);
} table SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u64 key = 0;

	return look_up(&table, &key) ? XDP_PASS : XDP_DROP;
}
