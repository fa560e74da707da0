// SPDX-License-Identifier: GPL-2.0-only
/* bpf_loop: the callback is walked until nothing new happens, whatever the number of iterations. */
#include "corpus.h"

struct state {
	u64 sum;
	u32 limit;
};

NOINLINE long add(u32 index, struct state *state)
{
	state->sum += index;
	return state->sum > state->limit;
}

SEC("xdp")
int million(struct xdp_md *ctx)
{
	struct state state = { .sum = 0, .limit = ctx->ingress_ifindex };

	loop(1000000, add, &state, 0);
	return state.sum & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int unknown_count(struct xdp_md *ctx)
{
	struct state state = { .sum = 0, .limit = 10 };
	u32 rounds = get_prandom_u32();

	loop(rounds, add, &state, 0);
	return XDP_PASS;
}

/* A callback returns 0 or 1: rejected. */
NOINLINE long two(u32 index, void *context)
{
	long result = 2;

	hide(result);
	return result;
}

SEC("xdp")
int wrong_return(struct xdp_md *ctx)
{
	loop(3, two, NULL, 0);
	return XDP_PASS;
}
