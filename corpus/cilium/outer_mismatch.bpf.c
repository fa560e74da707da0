// SPDX-License-Identifier: GPL-2.0-only
/* A map of maps filled with a map of another shape. */
#include "corpus.h"

struct inner {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u64);
};

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u64);
} other SEC(".maps");

struct {
	NUMBER(type, ARRAY_OF_MAPS);
	NUMBER(max_entries, 8);
	TYPE(key, u32);
	typeof(struct inner) *values[];
} table SEC(".maps") = {
	.values = {[1] = (void *)&other},
};

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 1;

	return map_lookup_elem(&table, &key) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int rejected(struct xdp_md *ctx)
{
	return *(volatile u8 *)(long)ctx->data;
}
