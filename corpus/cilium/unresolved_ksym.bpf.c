// SPDX-License-Identifier: GPL-2.0-only
/* A program wants the address of a symbol that the kernel lacks; others do not. */
#include "corpus.h"

extern void no_such_symbol __attribute__((section(".ksyms")));
extern void no_such_weak_symbol __attribute__((section(".ksyms"), weak));

SEC("tc")
int wants(void *ctx)
{
	u64 address = (long)&no_such_symbol;

	hide(address);
	return address ? 1 : 2;
}

SEC("tc")
int wants_weakly(void *ctx)
{
	return &no_such_weak_symbol ? 1 : 0;
}

SEC("tc")
int does_not(void *ctx)
{
	return 0;
}
