// SPDX-License-Identifier: GPL-2.0-only
/* Loops that are not walked to their end, how many states they leave behind, and when one is due. */
#include "corpus.h"

KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);

int numbers[64];

/* Several rounds end at the same state: what the last of them needs precisely goes back over the others. */
SEC("xdp")
int converges(struct xdp_md *ctx)
{
	u32 at = 0, steps = 0, kind = ctx->rx_queue_index;
	struct bpf_iter_num it;
	int *value;

	bpf_iter_num_new(&it, 0, 100);
	while ((value = bpf_iter_num_next(&it))) {
		if (kind == 1) {
			at = *value & 7;
			kind = ctx->ingress_ifindex;
			continue;
		}
		if (kind == 2) {
			steps++;
			kind = ctx->ingress_ifindex;
			continue;
		}
		if (kind == 3) {
			numbers[at & 15] += steps;
			at = 1;
		}
		kind = get_prandom_u32();
	}
	bpf_iter_num_destroy(&it);
	return numbers[at & 63] & 1 ? XDP_PASS : XDP_DROP;
}

/* A loop in a loop, both left early: the inner one is walked in several visits. */
SEC("xdp")
int nested(struct xdp_md *ctx)
{
	struct bpf_iter_num outer, inner;
	u32 at = 0;
	int *x, *y;

	bpf_iter_num_new(&outer, 0, 10);
	while ((x = bpf_iter_num_next(&outer))) {
		if (get_prandom_u32() & 1)
			at = *x;
		bpf_iter_num_new(&inner, 0, 10);
		while ((y = bpf_iter_num_next(&inner))) {
			if (*y == 3)
				break;
			if (*y == 5)
				at = *y;
		}
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	return numbers[at & 63] & 1 ? XDP_PASS : XDP_DROP;
}

/* States of a bounded loop that match nothing leave their lists: some of them are freed at once, some later. */
SEC("xdp")
int evicted(struct xdp_md *ctx)
{
	u32 total = 0;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 60; i++) {
		u32 random = get_prandom_u32();

		if (random > 1000)
			total += i;
		if (random > 2000)
			total ^= random;
		if (random > 3000)
			total += 3;
	}
	return total & 1 ? XDP_PASS : XDP_DROP;
}

/* The same, with paths that lead on from those that have left: held until these have ended, or counted for ever. */
SEC("xdp")
int evicted_with_paths(struct xdp_md *ctx)
{
	u32 bits = 0;

#pragma clang loop unroll(disable)
	for (u32 i = 0; i < 40; i++) {
		u32 random = get_prandom_u32();

		if (random > 5)
			bits |= 1 << i;
		if (random > 9)
			bits ^= 3;
	}
	return bits & 1 ? XDP_PASS : XDP_DROP;
}

#define SPILL "*(u64 *)(r10 - 8) = r6;"
#define SPILLS SPILL SPILL SPILL SPILL SPILL SPILL SPILL SPILL SPILL SPILL

/* More than forty stores of a register must be remembered, but nothing jumps: is a checkpoint due? */
SEC("xdp")
NAKED int long_history(struct xdp_md *ctx)
{
	__asm__ volatile("r6 = *(u32 *)(r1 + 12);"
			 SPILLS SPILLS SPILLS SPILLS SPILL
			 "if r6 > 10 goto 1f;"
			 "r6 = 1;"
			 "r6 += 1;"
			 "r6 += 2;"
			 "r6 += 3;"
			 "r6 += 4;"
			 "r6 += 5;"
			 "1: r0 = 2;"
			 "exit;" ::: "memory");
}
