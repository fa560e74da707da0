// SPDX-License-Identifier: GPL-2.0-only
/* Bounds of map values, and NULL where there may be no element. */
#include "corpus.h"

struct value {
	u32 count;
	u32 data[7];
};

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 16);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

SEC("xdp")
int element(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;
	struct value *value = map_lookup_elem(&table, &key);

	if (!value)
		return XDP_PASS;
	value->count++;
	if (key < 7)
		value->data[key]++;
	return XDP_PASS;
}

/* The result is used before it is compared with NULL: rejected. */
SEC("xdp")
int maybe_null(struct xdp_md *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);

	value->count++;
	return XDP_PASS;
}

/* An index that may be one too large: rejected. */
SEC("xdp")
int out_of_bounds(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;
	struct value *value = map_lookup_elem(&table, &key);

	if (!value || key > 7)
		return XDP_PASS;
	value->data[key]++;
	return XDP_PASS;
}

/* A signed index may be negative: rejected. */
SEC("xdp")
int negative(struct xdp_md *ctx)
{
	u32 key = 0;
	s64 index = (s32)ctx->ingress_ifindex;
	struct value *value = map_lookup_elem(&table, &key);

	hide(index);
	if (!value || index > 6)
		return XDP_PASS;
	value->data[index]++;
	return XDP_PASS;
}

/* The key must be written before it is read by the helper: with a privileged program it may be garbage,
 * and a map pointer is not a key: rejected. */
SEC("xdp")
int wrong_key(struct xdp_md *ctx)
{
	map_lookup_elem(&table, &table);
	return XDP_PASS;
}
