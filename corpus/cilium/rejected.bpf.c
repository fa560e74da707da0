// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel refuses, with its words. */
#include "corpus.h"

SEC("xdp")
int unchecked(struct xdp_md *ctx)
{
	return *(volatile u8 *)(long)ctx->data;
}

SEC("xdp")
int unknown(struct xdp_md *ctx)
{
	return ((int (*)(void))9999)();
}
