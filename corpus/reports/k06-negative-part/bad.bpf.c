#include "../common.h"
/* The compiler takes an offset apart, and its constant part is negative. */
SEC("xdp")
int x(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u8 *p = data;
	if ((void *)(p + 20) > end)
		return XDP_PASS;
	int off = (p[12] >> 4) * 4 - 20;
	u8 *q = p + off;
	if ((void *)(q + 1) > end)
		return XDP_PASS;
	return *q;
}
