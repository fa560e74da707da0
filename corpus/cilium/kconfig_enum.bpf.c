// SPDX-License-Identifier: GPL-2.0-only
/* A value of the kernel's configuration of a type of its own. */
#include "corpus.h"

enum own_tristate { OWN_NO, OWN_YES };

KCONFIG enum own_tristate CONFIG_BPF_SYSCALL;

SEC("socket")
int wants(void *ctx)
{
	return CONFIG_BPF_SYSCALL ? 1 : 0;
}

SEC("socket")
int does_not(void *ctx)
{
	return 0;
}
