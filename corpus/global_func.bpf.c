// SPDX-License-Identifier: GPL-2.0-only
/* Global functions are verified once, with arguments that their types describe. */
#include "corpus.h"

struct pair {
	u32 a;
	u32 b;
};

GLOBAL int add(int a, int b)
{
	return a + b;
}

GLOBAL int sum(struct pair *pair)
{
	if (!pair)
		return 0;
	return pair->a + pair->b;
}

GLOBAL int trusting(struct pair *pair TAG("arg:nonnull"))
{
	return pair->a;
}

SEC("xdp")
int calls(struct xdp_md *ctx)
{
	struct pair pair = { .a = 1, .b = ctx->ingress_ifindex };

	if (add(pair.a, 3) + sum(&pair) + trusting(&pair) > 100)
		return XDP_DROP;
	return XDP_PASS;
}

/* What it returns is any number, though it always returns 2: rejected. */
char table[16];

GLOBAL int two(void)
{
	int x = 2;

	hide(x);
	return x;
}

SEC("xdp")
int result_unknown(struct xdp_md *ctx)
{
	return table[two()];
}

/* A pointer argument may be NULL: the function itself is rejected. */
GLOBAL int careless(struct pair *pair)
{
	return pair->a;
}

SEC("xdp")
int bad_callee(struct xdp_md *ctx)
{
	struct pair pair = { 1, 2 };

	return careless(&pair);
}
