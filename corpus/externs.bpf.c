// SPDX-License-Identifier: GPL-2.0-only
/* Externs: kernel configuration, kernel symbols with and without a type, weak ones. */
#include "corpus.h"

KCONFIG int LINUX_KERNEL_VERSION;
KCONFIG u32 CONFIG_HZ;
KCONFIG _Bool CONFIG_BPF_SYSCALL;
KCONFIG WEAK u32 CONFIG_NO_SUCH_OPTION;

extern const int bpf_prog_active __attribute__((section(".ksyms")));
extern const void bpf_prog_put __attribute__((section(".ksyms")));
extern WEAK void no_such_kfunc(void) __attribute__((section(".ksyms")));

u64 seen[8];

/* Only the branch that the configuration chooses is walked. */
SEC("xdp")
int config(struct xdp_md *ctx)
{
	if (CONFIG_NO_SUCH_OPTION)
		return *(volatile int *)8;
	if (!CONFIG_BPF_SYSCALL)
		return *(volatile int *)8;
	seen[0] = CONFIG_HZ;
	seen[1] = LINUX_KERNEL_VERSION;
	return XDP_PASS;
}

SEC("xdp")
int symbols(struct xdp_md *ctx)
{
	seen[3] = (u64)&bpf_prog_put;
	return XDP_PASS;
}

/* Its log shows the variable's offset, which differs from build to build. */
SEC("xdp")
int per_cpu(struct xdp_md *ctx)
{
	seen[2] = *this_cpu_ptr(&bpf_prog_active);
	return XDP_PASS;
}

SEC("xdp")
int weak(struct xdp_md *ctx)
{
	if (no_such_kfunc)
		no_such_kfunc();
	return XDP_PASS;
}
