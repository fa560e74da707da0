// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's version in a type that has another name. */
#include "corpus.h"

KCONFIG u32 LINUX_KERNEL_VERSION;

SEC("tc")
int version(void *ctx)
{
	return LINUX_KERNEL_VERSION > 0x50000 ? 1 : 2;
}
