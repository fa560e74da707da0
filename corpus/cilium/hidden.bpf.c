// SPDX-License-Identifier: GPL-2.0-only
/* Hidden functions stay global: each is verified by itself. */
#include "corpus.h"

#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN GLOBAL int any(int x)
{
	return x;
}

SEC("xdp")
int trusts(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;
	u8 *end = (void *)(long)ctx->data_end;

	if (data + 8 > end)
		return XDP_DROP;
	return data[any(1) & 7];
}

HIDDEN GLOBAL int through(u8 *p)
{
	return p ? *p : 0;
}

SEC("xdp")
int passes(struct xdp_md *ctx)
{
	u8 x = 3;

	hide(x);
	return through(&x);
}
