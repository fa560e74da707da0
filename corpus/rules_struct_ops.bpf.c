// SPDX-License-Identifier: GPL-2.0-only
/* A member of a kernel struct that programs may not implement. */
#include "corpus.h"

SEC("struct_ops/get_info")
int get_info(u64 *ctx)
{
	return 0;
}

struct tcp_congestion_ops {
	u64 (*get_info)(void *sk, u32 ext, int *attr, void *info);
	char name[16];
};

SEC(".struct_ops")
struct tcp_congestion_ops control = {
	.get_info = (void *)get_info,
	.name = "verdict",
};
