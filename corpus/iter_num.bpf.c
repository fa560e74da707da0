// SPDX-License-Identifier: GPL-2.0-only
/* Open-coded iterators: the loop converges because old states are compared within ranges. */
#include "corpus.h"

KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);

int numbers[64];

SEC("xdp")
int sum(struct xdp_md *ctx)
{
	struct bpf_iter_num it;
	u32 total = 0;
	int *value;

	bpf_iter_num_new(&it, 0, ctx->ingress_ifindex & 0xff);
	while ((value = bpf_iter_num_next(&it))) {
		u32 at = *value;

		if (at < 64)
			total += numbers[at];
	}
	bpf_iter_num_destroy(&it);
	return total & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int nested(struct xdp_md *ctx)
{
	struct bpf_iter_num outer, inner;
	u32 total = 0;
	int *x, *y;

	bpf_iter_num_new(&outer, 0, 10);
	while ((x = bpf_iter_num_next(&outer))) {
		bpf_iter_num_new(&inner, 0, 10);
		while ((y = bpf_iter_num_next(&inner)))
			total += *x + *y;
		bpf_iter_num_destroy(&inner);
	}
	bpf_iter_num_destroy(&outer);
	return total & 1 ? XDP_PASS : XDP_DROP;
}

/* An iterator must be destroyed: rejected. */
SEC("xdp")
int leaked(struct xdp_md *ctx)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_next(&it);
	return XDP_PASS;
}

/* What next() gives may be NULL: rejected. */
SEC("xdp")
int unchecked(struct xdp_md *ctx)
{
	struct bpf_iter_num it;
	int *value;

	bpf_iter_num_new(&it, 0, 10);
	value = bpf_iter_num_next(&it);
	hide(value);
	numbers[0] = *value;
	bpf_iter_num_destroy(&it);
	return XDP_PASS;
}
