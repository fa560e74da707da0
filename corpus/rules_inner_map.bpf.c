// SPDX-License-Identifier: GPL-2.0-only
/* A map of maps that does not say what its maps are like. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY_OF_MAPS);
	NUMBER(max_entries, 4);
	NUMBER(key_size, 4);
	NUMBER(value_size, 4);
} outer SEC(".maps");

SEC("xdp")
int refers(struct xdp_md *ctx)
{
	void *map = &outer;

	hide(map);
	return map ? XDP_PASS : XDP_DROP;
}
