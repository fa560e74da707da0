// SPDX-License-Identifier: GPL-2.0-only
/* Two maps that are pinned by name. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	TYPE(value, u64);
	NUMBER(pinning, 1);
} corpus_first SEC(".maps"), corpus_second SEC(".maps");

SEC("xdp")
int look(struct xdp_md *ctx)
{
	u32 key = 1;

	return map_lookup_elem(&corpus_first, &key) && map_lookup_elem(&corpus_second, &key) ? XDP_PASS : XDP_DROP;
}
