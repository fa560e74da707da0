// SPDX-License-Identifier: GPL-2.0-only
/* A map of 225 pages: where users may lock 64 KiB only, and maps are charged to them, it is not created. */
#include "corpus.h"

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 10240);
	TYPE(key, u32);
	TYPE(value, u64);
} counts SEC(".maps");

SEC("xdp")
int counted(struct xdp_md *ctx)
{
	u32 key = ctx->ingress_ifindex;
	u64 *count = map_lookup_elem(&counts, &key);

	return count && *count > 1000 ? XDP_DROP : XDP_PASS;
}
