// SPDX-License-Identifier: GPL-2.0-only
/* An extern that no kernel has, and that is not weak: libbpf loads nothing of the object. */
#include "corpus.h"

extern const int no_such_variable __attribute__((section(".ksyms")));

SEC("xdp")
int asks(struct xdp_md *ctx)
{
	return no_such_variable;
}
