// SPDX-License-Identifier: GPL-2.0-only
/* Programs of one type and two attach types that call others by one program array. */
#include "corpus.h"

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} jumps SEC(".maps");

SEC("tcx/ingress")
int first(void *ctx)
{
	tail_call(ctx, &jumps, 0);
	return 0;
}

SEC("tc")
int second(void *ctx)
{
	tail_call(ctx, &jumps, 0);
	return 0;
}
