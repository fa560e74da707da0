// SPDX-License-Identifier: GPL-2.0-only
/* A map that may hold more than 4 GiB, and holds nothing: a kernel that charges maps by what they may hold at most does
 * not create it, others allocate its elements when they are written.
 */
#include "corpus.h"

struct large {
	u8 bytes[60000];
};

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 73728);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, u32);
	TYPE(value, struct large);
} table SEC(".maps");

SEC("xdp")
int looks_up(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;

	return map_lookup_elem(&table, &key) ? XDP_PASS : XDP_DROP;
}
