// SPDX-License-Identifier: GPL-2.0-only
/* Programs without BTF, compiled with -g0. */
#include "corpus.h"

SEC("xdp")
int plain(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("freplace/judge")
int extends(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("fentry/plain")
int enters(u64 *ctx)
{
	return 0;
}
