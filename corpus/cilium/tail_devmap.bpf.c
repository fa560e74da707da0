// SPDX-License-Identifier: GPL-2.0-only
/* A program that knows of fragments and one that does not, that redirect by one map of devices. */
#include "corpus.h"

enum { DEVMAP = 14 };
HELPER(51, long, redirect_map, void *map, u64 key, u64 flags);

struct {
	NUMBER(type, DEVMAP);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} devices SEC(".maps");

SEC("xdp.frags")
int fragments(struct xdp_md *ctx)
{
	return redirect_map(&devices, 0, 0);
}

SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return redirect_map(&devices, 0, 0);
}
