// SPDX-License-Identifier: GPL-2.0-only
/* A variable of the kernel, with its type. */
#include "corpus.h"

extern const int bpf_prog_active __attribute__((section(".ksyms")));

SEC("tc")
int wants(void *ctx)
{
	u64 address = (long)&bpf_prog_active;

	hide(address);
	return address ? 1 : 2;
}
