// SPDX-License-Identifier: GPL-2.0-only
/* The address of a symbol that is declared in the way of libbpf, which is refused. */
#include "corpus.h"

extern const void bpf_prog_fops __attribute__((section(".ksyms")));

SEC("tc")
int wants(void *ctx)
{
	u64 address = (long)&bpf_prog_fops;

	hide(address);
	return address ? 1 : 2;
}
