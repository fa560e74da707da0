// SPDX-License-Identifier: GPL-2.0-only
/* A function whose address is taken. */
#include "corpus.h"

static int round(u32 index, void *ctx)
{
	return index > 5;
}

SEC("tc")
int rounds(void *ctx)
{
	return loop(8, round, NULL, 0);
}
