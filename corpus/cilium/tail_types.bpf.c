// SPDX-License-Identifier: GPL-2.0-only
/* Programs of two types that call others by one program array: the second one does not fit the first. */
#include "corpus.h"

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} jumps SEC(".maps");

SEC("xdp")
int first(struct xdp_md *ctx)
{
	tail_call(ctx, &jumps, 0);
	return XDP_PASS;
}

SEC("tc")
int second(void *ctx)
{
	tail_call(ctx, &jumps, 0);
	return 0;
}
