// SPDX-License-Identifier: GPL-2.0-only
/* A value that only libbpf makes up. */
#include "corpus.h"

KCONFIG _Bool LINUX_HAS_BPF_COOKIE;

SEC("tc")
int asks(void *ctx)
{
	return LINUX_HAS_BPF_COOKIE ? 1 : 2;
}
