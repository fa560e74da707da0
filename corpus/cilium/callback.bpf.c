// SPDX-License-Identifier: GPL-2.0-only
/* A function whose address is taken. */
#include "corpus.h"

static int round(u32 index, void *ctx)
{
	*(u64 *)ctx += index;
	return 0;
}

SEC("tc")
int sums(void *ctx)
{
	u64 sum = 0;

	loop(8, round, &sum, 0);
	return sum;
}
