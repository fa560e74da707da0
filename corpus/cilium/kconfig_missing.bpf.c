// SPDX-License-Identifier: GPL-2.0-only
/* Values that the kernel's configuration lacks. */
#include "corpus.h"

KCONFIG u32 CONFIG_NO_SUCH_OPTION;
extern u32 CONFIG_NO_SUCH_WEAK_OPTION __attribute__((section(".kconfig"), weak));

SEC("tc")
int wants(void *ctx)
{
	return CONFIG_NO_SUCH_OPTION ? 1 : 2;
}

SEC("tc")
int does_not(void *ctx)
{
	return 0;
}
