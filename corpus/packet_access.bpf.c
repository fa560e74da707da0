// SPDX-License-Identifier: GPL-2.0-only
/* Packet bytes may be touched once a comparison with data_end has shown that they are there. */
#include "corpus.h"

#define start(ctx) ((u8 *)(long)(ctx)->data)
#define end(ctx) ((u8 *)(long)(ctx)->data_end)

SEC("xdp")
int fixed(struct xdp_md *ctx)
{
	u8 *packet = start(ctx);

	if (packet + 14 > end(ctx))
		return XDP_DROP;
	return packet[12] == 8 && packet[13] == 0 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int variable(struct xdp_md *ctx)
{
	u8 *packet = start(ctx);
	u32 length;

	if (packet + 15 > end(ctx))
		return XDP_DROP;
	length = (packet[14] & 15) * 4;
	packet += 14 + length;
	if (packet + 4 > end(ctx))
		return XDP_DROP;
	*(u32 *)packet = 0;
	return XDP_PASS;
}

/* No comparison: rejected. */
SEC("xdp")
int unchecked(struct xdp_md *ctx)
{
	return start(ctx)[12];
}

/* One byte more than was compared: rejected. */
SEC("xdp")
int off_by_one(struct xdp_md *ctx)
{
	u8 *packet = start(ctx);

	if (packet + 12 > end(ctx))
		return XDP_DROP;
	return packet[12];
}
