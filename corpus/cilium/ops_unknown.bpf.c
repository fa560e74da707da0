// SPDX-License-Identifier: GPL-2.0-only
/* A struct that is none of the kernel's. */
#include "corpus.h"

struct corpus_ops {
	u32 (*run)(u64 number);
};

SEC("struct_ops.s")
u32 run(u64 *ctx)
{
	return 2;
}

SEC(".struct_ops.link")
struct corpus_ops known_to_nobody = {
	.run = (void *)run,
};
