// SPDX-License-Identifier: GPL-2.0-only
/* A map of maps with inner maps that are to be pinned. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY_OF_MAPS);
	NUMBER(max_entries, 8);
	TYPE(key, u32);
	typeof(struct {
		NUMBER(type, ARRAY);
		NUMBER(max_entries, 4);
		TYPE(key, u32);
		TYPE(value, u64);
		NUMBER(pinning, 1);
	}) *values[];
} table SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 1;

	return map_lookup_elem(&table, &key) ? XDP_PASS : XDP_DROP;
}
