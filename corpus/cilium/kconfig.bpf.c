// SPDX-License-Identifier: GPL-2.0-only
/* Values of the kernel's configuration and version. */
#include "corpus.h"

KCONFIG unsigned int LINUX_KERNEL_VERSION;
KCONFIG unsigned int CONFIG_HZ;
KCONFIG _Bool CONFIG_BPF_SYSCALL;

SEC("tc")
int version(void *ctx)
{
	return LINUX_KERNEL_VERSION > 0x50000 ? 1 : 2;
}

SEC("tc")
int option(void *ctx)
{
	return CONFIG_HZ == 250 && CONFIG_BPF_SYSCALL;
}
