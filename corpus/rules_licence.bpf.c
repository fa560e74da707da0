// SPDX-License-Identifier: GPL-2.0-only
/* What is for programs with a GPL-compatible licence only: this object claims to have another. */
#define SEC(name) __attribute__((section(name), used))

char LICENSE[] SEC("license") = "Proprietary";

static long (*const probe_read_kernel)(void *dst, unsigned int size, const void *src) = (void *)113;

/* Reads the kernel's memory: rejected. */
SEC("kprobe/tcp_v4_connect")
int restricted(void *ctx)
{
	long word = 0;

	probe_read_kernel(&word, sizeof(word), ctx);
	return word & 1;
}

extern void bpf_rcu_read_lock(void) __attribute__((section(".ksyms"), weak));

/* Calls a function of the kernel: rejected. */
SEC("tc")
int calls_kernel(void *ctx)
{
	bpf_rcu_read_lock();
	return 0;
}

/* Attaches to a hook of security modules: rejected. */
SEC("lsm/bpf")
int hooked(void *ctx)
{
	return 0;
}
