// SPDX-License-Identifier: GPL-2.0-only
/* A value of the kernel's configuration of a type of its own. */
#include "corpus.h"

KCONFIG u64 CONFIG_PHYSICAL_START;

SEC("socket")
int wants(void *ctx)
{
	return CONFIG_PHYSICAL_START ? 1 : 0;
}

SEC("socket")
int does_not(void *ctx)
{
	return 0;
}
