// SPDX-License-Identifier: GPL-2.0-only
/* bpf_for_each_map_elem: a callback with a key and a value of the map it is called for. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 8);
	TYPE(key, u32);
	TYPE(value, u64);
} counters SEC(".maps");

struct total {
	u64 sum;
	u32 seen;
};

NOINLINE long add(void *map, u32 *key, u64 *value, struct total *total)
{
	total->sum += *value;
	total->seen++;
	return *key == 5;
}

SEC("xdp")
int sum(struct xdp_md *ctx)
{
	struct total total = {};

	for_each_map_elem(&counters, add, &total, 0);
	return total.sum > total.seen ? XDP_PASS : XDP_DROP;
}

/* Behind the value's end: rejected. */
NOINLINE long too_far(void *map, u32 *key, u64 *value, void *context)
{
	return value[1] & 1;
}

SEC("xdp")
int out_of_bounds(struct xdp_md *ctx)
{
	for_each_map_elem(&counters, too_far, NULL, 0);
	return XDP_PASS;
}

/* A key of the map may not be written: rejected. */
NOINLINE long write_key(void *map, u32 *key, u64 *value, void *context)
{
	*key = 0;
	return 0;
}

SEC("xdp")
int key_written(struct xdp_md *ctx)
{
	for_each_map_elem(&counters, write_key, NULL, 0);
	return XDP_PASS;
}
