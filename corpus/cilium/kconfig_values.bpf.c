// SPDX-License-Identifier: GPL-2.0-only
/* Values of the kernel's configuration of many types, some of which do not fit. */
#include "corpus.h"

enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };
enum own_tristate { OWN_NO, OWN_YES };

KCONFIG int LINUX_KERNEL_VERSION;
KCONFIG unsigned CONFIG_HZ;
KCONFIG enum libbpf_tristate CONFIG_BPF_SYSCALL;
KCONFIG _Bool CONFIG_BPF_JIT;
KCONFIG char CONFIG_DEFAULT_HOSTNAME[4];

SEC("socket")
int all(void *ctx)
{
	int result = 0;

	if (LINUX_KERNEL_VERSION > 0x060000)
		result += 1;
	if (CONFIG_HZ == 250)
		result += 2;
	if (CONFIG_BPF_SYSCALL == TRI_YES)
		result += 4;
	if (CONFIG_BPF_JIT)
		result += 8;
	if (CONFIG_DEFAULT_HOSTNAME[3] == 'n')
		result += 16;
	return result;
}
