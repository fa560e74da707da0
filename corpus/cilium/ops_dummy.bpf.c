// SPDX-License-Identifier: GPL-2.0-only
/* A struct of the kernel's that cannot be filled. */
#include "corpus.h"

struct bpf_dummy_ops {
	int (*test_1)(void *state);
	int (*test_2)(void *state, int a1, u16 a2, s8 a3, u64 a4);
};

SEC("struct_ops")
int first(u64 *ctx)
{
	return 0;
}

SEC("struct_ops")
int second(u64 *ctx)
{
	return ctx[1] & 1;
}

SEC(".struct_ops.link")
struct bpf_dummy_ops dummy = {
	.test_1 = (void *)first,
	.test_2 = (void *)second,
};
