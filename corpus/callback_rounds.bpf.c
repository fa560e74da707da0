// SPDX-License-Identifier: GPL-2.0-only
/* How often the body of a callback is walked: once, or until another round brings nothing new, and not at all. */
#include "corpus.h"

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u64);
} numbers SEC(".maps");

char table[4];

NOINLINE int steps(u32 round, u64 *at)
{
	(*at)++;
	return 0;
}

/* After one round the index is one, after more it is too large: accepted only if the body is walked once. */
SEC("xdp")
int index_grows(struct xdp_md *ctx)
{
	u64 at = 0;

	loop(10, steps, &at, 0);
	hide(at);
	return table[at] ? XDP_PASS : XDP_DROP;
}

NOINLINE int sets(u32 round, u64 *at)
{
	*at = 3;
	return 0;
}

/* Too large, unless the body runs: accepted only if it does for certain. */
SEC("xdp")
int index_shrinks(struct xdp_md *ctx)
{
	u64 at = 100;

	loop(ctx->ingress_ifindex, sets, &at, 0);
	hide(at);
	return table[at] ? XDP_PASS : XDP_DROP;
}

/* Never too large: accepted. */
SEC("xdp")
int index_changes(struct xdp_md *ctx)
{
	u64 at = 1;

	loop(ctx->ingress_ifindex, sets, &at, 0);
	hide(at);
	return table[at] ? XDP_PASS : XDP_DROP;
}

NOINLINE int each(void *map, u32 *key, u64 *value, u64 *sum)
{
	*sum += *value;
	return *sum > 100;
}

/* The same of a map's elements, with a body that may end the rounds: accepted. */
SEC("xdp")
int sums(struct xdp_md *ctx)
{
	u64 sum = 0;

	for_each_map_elem(&numbers, each, &sum, 0);
	return sum ? XDP_PASS : XDP_DROP;
}

NOINLINE int answers_two(u32 round, void *ctx)
{
	return 2;
}

/* A body may say zero or one: rejected. */
SEC("xdp")
int wrong_answer(struct xdp_md *ctx)
{
	loop(10, answers_two, NULL, 0);
	return XDP_PASS;
}
