// SPDX-License-Identifier: GPL-2.0-only
/* Which maps programs may not use because of when they run. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 4);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, u64);
	TYPE(value, u64);
} allocated_late SEC(".maps");

struct locked {
	u64 number;
	struct bpf_spin_lock lock;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, struct locked);
} locked_numbers SEC(".maps");

#define LOOK_UP                                  \
	"r1 = 0;"                                \
	"*(u64 *)(r10 - 8) = r1;"                \
	"r1 = %[map] ll;"                        \
	"r2 = r10;"                              \
	"r2 += -8;"                              \
	"call 1;" /* bpf_map_lookup_elem */      \
	"r0 = 0;"                                \
	"exit;"

/* A table that allocates at run time, in a probe: older kernels warn. */
SEC("kprobe/vfs_read")
NAKED int late_in_probe(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&allocated_late) : "memory");
}

/* In an interrupt that cannot be masked: older kernels refuse. */
SEC("perf_event")
NAKED int late_in_event(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&allocated_late) : "memory");
}

/* In a program that may sleep: older kernels refuse. */
SEC("lsm.s/bprm_committed_creds")
NAKED int late_in_sleeper(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&allocated_late) : "memory");
}

/* Where packets are, nothing is said. */
SEC("xdp")
NAKED int late_in_packet(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&allocated_late) : "memory");
}

/* A lock in a map's value. */
SEC("lsm.s/bprm_committed_creds")
NAKED int lock_in_sleeper(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&locked_numbers) : "memory");
}

SEC("kprobe/vfs_read")
NAKED int lock_in_probe(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&locked_numbers) : "memory");
}

SEC("socket")
NAKED int lock_in_filter(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&locked_numbers) : "memory");
}

SEC("raw_tracepoint.w/nbd_send_request")
NAKED int lock_in_writable(void)
{
	__asm__ volatile(LOOK_UP ::[map] "i"(&locked_numbers) : "memory");
}
