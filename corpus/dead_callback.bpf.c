// SPDX-License-Identifier: GPL-2.0-only
/* A callback that never runs is taken out with other dead code, while its caller still names it: what the call
 * then refers to is whatever came to lie there.
 */
#include "corpus.h"

NOINLINE long twice(long number)
{
	hide(number);
	return number + number;
}

NOINLINE long step(u32 index, void *context)
{
	return 0;
}

/* Nothing but the program itself is left, which needs no functions. */
SEC("xdp")
int alone(struct xdp_md *ctx)
{
	loop(0, step, NULL, 0);
	return XDP_PASS;
}

/* The callback was the last function: rejected, without a word. */
SEC("xdp")
int last(struct xdp_md *ctx)
{
	long number = twice(ctx->ingress_ifindex);

	loop(0, step, NULL, 0);
	return number & 1 ? XDP_PASS : XDP_DROP;
}

/* Another function moves up to where the callback was. */
SEC("xdp")
int moved_up(struct xdp_md *ctx)
{
	loop(0, step, NULL, 0);
	return twice(ctx->ingress_ifindex) & 1 ? XDP_PASS : XDP_DROP;
}

/* The callback runs. */
SEC("xdp")
int alive(struct xdp_md *ctx)
{
	long number = twice(ctx->ingress_ifindex);

	loop(1, step, NULL, 0);
	return number & 1 ? XDP_PASS : XDP_DROP;
}

static NAKED __attribute__((used)) long unused(void)
{
	__asm__ volatile("r0 = 0; exit");
}

static NAKED __attribute__((used)) long shrinking(void)
{
	__asm__ volatile("r0 = 0;"
			 "if r0 == 0 goto end_%=;"
			 "r0 = 1;"
			 "exit;"
			 "end_%=: exit" ::);
}

/* Two callbacks go before a function of which a part goes, too: the first is where that function comes to lie,
 * the second is beyond its start: rejected.
 */
SEC("xdp")
NAKED int beyond(void)
{
	__asm__ volatile("r1 = unused ll;"
			 "r1 = 0;"
			 "r2 = step ll;"
			 "r3 = 0;"
			 "r4 = 0;"
			 "call 181;"
			 "r1 = 0;"
			 "call shrinking;"
			 "r0 = 2;"
			 "exit");
}

/* A jump that leads nowhere else is taken out, and so is a spill that the call does not need. */
SEC("xdp")
NAKED int nothing_to_do(void)
{
	__asm__ volatile("goto on_%=;"
			 "on_%=: r1 = 1;"
			 "*(u64 *)(r10 - 8) = r1;"
			 "call 8;"
			 "r1 = *(u64 *)(r10 - 8);"
			 "r1 = unused ll;"
			 "r1 = 0;"
			 "call shrinking;"
			 "r0 = 2;"
			 "exit" ::);
}
