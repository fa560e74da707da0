// SPDX-License-Identifier: GPL-2.0-only
/* Each program type has a context of its own, and a range of return values. */
#include "corpus.h"

SEC("xdp")
int fields(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex == ctx->rx_queue_index ? XDP_PASS : XDP_DROP;
}

/* Behind its end: rejected. */
SEC("xdp")
NAKED int behind(struct xdp_md *ctx)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 24); exit;");
}

/* A narrow read of a pointer field: rejected. */
SEC("xdp")
NAKED int narrow(struct xdp_md *ctx)
{
	__asm__ volatile("r0 = *(u16 *)(r1 + 0); exit;");
}

/* A write: rejected. */
SEC("xdp")
NAKED int written(struct xdp_md *ctx)
{
	__asm__ volatile("r0 = 0; *(u32 *)(r1 + 12) = r0; exit;");
}

/* A context that was moved: rejected. */
SEC("xdp")
NAKED int moved(struct xdp_md *ctx)
{
	__asm__ volatile("r2 = *(u32 *)(r1 + 12); r2 &= 4; r1 += r2; r0 = *(u32 *)(r1 + 12); exit;");
}

/* Tracing programs of this type return 0: rejected. */
SEC("fentry/bpf_fentry_test1")
NAKED int wrong_return(u64 *ctx)
{
	__asm__ volatile("r0 = 1; exit;");
}

SEC("cgroup_skb/ingress")
NAKED int range(void *ctx)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 0); r0 &= 1; exit;");
}

/* 0 or 1, not 3: rejected. */
SEC("cgroup_skb/ingress")
NAKED int out_of_range(void *ctx)
{
	__asm__ volatile("r0 = *(u32 *)(r1 + 0); r0 &= 3; exit;");
}
