// SPDX-License-Identifier: GPL-2.0-only
/* A value of the kernel's configuration of a type of its own. */
#include "corpus.h"

KCONFIG char CONFIG_HZ[4];

SEC("socket")
int wants(void *ctx)
{
	return CONFIG_HZ[0] ? 1 : 0;
}

SEC("socket")
int does_not(void *ctx)
{
	return 0;
}
