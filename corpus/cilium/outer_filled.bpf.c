// SPDX-License-Identifier: GPL-2.0-only
/* A map of maps, filled to begin with. */
#include "corpus.h"

static void *(*look_up)(void *map, const void *key) = (void *)1;

struct inner {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u64);
} first SEC(".maps"), second SEC(".maps");

struct {
	NUMBER(type, ARRAY_OF_MAPS);
	NUMBER(max_entries, 8);
	TYPE(key, u32);
	typeof(struct inner) *values[];
} table SEC(".maps") = {
	.values = {[0] = &first, [3] = &second},
};

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 3;
	void *inner = look_up(&table, &key);
	u64 *value;

	if (!inner)
		return XDP_DROP;
	value = look_up(inner, &key);
	return value && *value ? XDP_PASS : XDP_DROP;
}
