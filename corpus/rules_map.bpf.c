// SPDX-License-Identifier: GPL-2.0-only
/* A map that the kernel does not create: the keys of an array are of 4 bytes. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 8);
	TYPE(key, u64);
	TYPE(value, u64);
} wide SEC(".maps");

SEC("xdp")
int looks_up(struct xdp_md *ctx)
{
	u64 key = 0;

	return map_lookup_elem(&wide, &key) ? XDP_PASS : XDP_DROP;
}
