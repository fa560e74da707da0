// SPDX-License-Identifier: GPL-2.0-only
/* Prototypes of helpers that are not the same in all releases, a program for each of them. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct {
	NUMBER(type, TASK_STORAGE);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, int);
	TYPE(value, u64);
} of_tasks SEC(".maps");

struct {
	NUMBER(type, 28); /* BPF_MAP_TYPE_INODE_STORAGE */
	NUMBER(map_flags, 1);
	TYPE(key, int);
	TYPE(value, u64);
} of_inodes SEC(".maps");

struct {
	NUMBER(type, SK_STORAGE);
	NUMBER(map_flags, 1);
	TYPE(key, int);
	TYPE(value, u64);
} of_sockets SEC(".maps");

const char text[8] = "text";

extern const int bpf_prog_active __attribute__((section(".ksyms")));
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC int bpf_dynptr_from_skb(void *skb, u64 flags, struct bpf_dynptr *ptr);
KFUNC void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, u32 offset, void *buffer, u32 buffer__szk);

/* Whether eight bytes of the stack are known to be zero: another instruction is walked where they are not. */
#define ZERO "r1 = 0;" "*(u64 *)(r10 - 8) = r1;"
#define IS_ZERO "r1 = *(u64 *)(r10 - 8);" "if r1 == 0 goto 1f;" "r1 = 1;" "1: r0 = 0;" "exit;"
#define STACK(register) register " = r10;" register " += -8;"
#define CALL(number) "call " #number ";"
#define END "r0 = 0;" "exit;"

/* bpf_fib_lookup: what it writes. */
SEC("tc")
NAKED int call_fib_lookup(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(69)
			 IS_ZERO ::: "memory");
}

/* bpf_sysctl_get_name: what it writes. */
SEC("cgroup/sysctl")
NAKED int call_sysctl_get_name(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(101)
			 IS_ZERO ::: "memory");
}

/* bpf_read_branch_records: what it writes. */
SEC("perf_event")
NAKED int call_read_branch_records(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(119)
			 IS_ZERO ::: "memory");
}

/* bpf_d_path: what it writes. */
SEC("fentry/vfs_truncate")
NAKED int call_d_path(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 "r1 = *(u64 *)(r1 + 0);"
			 STACK("r2")
			 "r3 = 8;"
			 CALL(147)
			 IS_ZERO ::: "memory");
}

/* bpf_snprintf_btf: what it writes. */
SEC("kprobe/vfs_read")
NAKED int call_snprintf_btf(void)
{
	__asm__ volatile("r1 = 0;" "*(u64 *)(r10 - 16) = r1;" "*(u64 *)(r10 - 24) = r1;" ZERO
			 STACK("r1")
			 "r2 = 8;"
			 "r3 = r10;"
			 "r3 += -24;"
			 "r4 = 16;"
			 "r5 = 0;"
			 CALL(149)
			 IS_ZERO ::: "memory");
}

/* bpf_snprintf: what it writes. */
SEC("kprobe/vfs_read")
NAKED int call_snprintf(void)
{
	__asm__ volatile(ZERO
			 STACK("r1")
			 "r2 = 8;" "r3 = %[text] ll;" "r4 = 0;" "r5 = 0;"
			 CALL(165)
			 IS_ZERO ::[text] "i"(&text)
			 : "memory");
}

/* bpf_load_hdr_opt: what it writes. */
SEC("sockops")
NAKED int call_load_hdr_opt(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(142)
			 IS_ZERO ::: "memory");
}

/* bpf_get_stack of raw tracepoints: whether it fills memory. */
SEC("raw_tp/sched_switch")
NAKED int call_get_stack(void)
{
	__asm__ volatile(STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(67)
			 END ::: "memory");
}

/* bpf_check_mtu: whether it fills memory. */
SEC("tc")
NAKED int call_check_mtu(void)
{
	__asm__ volatile("r2 = 1;"
			 "r3 = r10;"
			 "r3 += -4;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(163)
			 END ::: "memory");
}

/* bpf_strtol: whether it fills memory. */
SEC("cgroup/sysctl")
NAKED int call_strtol(void)
{
	__asm__ volatile("r1 = 49;"
			 "*(u64 *)(r10 - 16) = r1;"
			 "r1 = r10;"
			 "r1 += -16;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -8;"
			 CALL(105)
			 END ::: "memory");
}

/* bpf_strtoul: whether it fills memory. */
SEC("cgroup/sysctl")
NAKED int call_strtoul(void)
{
	__asm__ volatile("r1 = 49;"
			 "*(u64 *)(r10 - 16) = r1;"
			 "r1 = r10;"
			 "r1 += -16;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -8;"
			 CALL(106)
			 END ::: "memory");
}

/* bpf_xdp_store_bytes: whether it fills memory. */
SEC("xdp")
NAKED int call_xdp_store_bytes(void)
{
	__asm__ volatile("r2 = 0;"
			 "r3 = r10;"
			 "r3 += -8;"
			 "r4 = 8;"
			 CALL(190)
			 END ::: "memory");
}

/* bpf_sk_lookup_tcp: whether a size may be zero. */
SEC("tc")
NAKED int call_sk_lookup_tcp(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(84)
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 CALL(86)
			 "1: " END ::: "memory");
}

/* bpf_sk_lookup_tcp: whether a size may be zero. */
SEC("cgroup/connect4")
NAKED int call_sk_lookup_tcp_of_hook(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(84)
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 CALL(86)
			 "1: " END ::: "memory");
}

/* bpf_sk_lookup_udp: whether a size may be zero. */
SEC("tc")
NAKED int call_sk_lookup_udp(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(85)
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 CALL(86)
			 "1: " END ::: "memory");
}

/* bpf_sk_lookup_udp: whether a size may be zero. */
SEC("cgroup/connect4")
NAKED int call_sk_lookup_udp_of_hook(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(85)
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 CALL(86)
			 "1: " END ::: "memory");
}

/* bpf_skc_lookup_tcp: whether a size may be zero. */
SEC("tc")
NAKED int call_skc_lookup_tcp(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(99)
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 CALL(86)
			 "1: " END ::: "memory");
}

/* bpf_skc_lookup_tcp: whether a size may be zero. */
SEC("cgroup/connect4")
NAKED int call_skc_lookup_tcp_of_hook(void)
{
	__asm__ volatile("r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 0;"
			 "r4 = 0;"
			 "r5 = 0;"
			 CALL(99)
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 CALL(86)
			 "1: " END ::: "memory");
}

/* bpf_strncmp: whether memory may be read-only. */
SEC("kprobe/vfs_read")
NAKED int call_strncmp(void)
{
	__asm__ volatile("r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r0;" "r2 = 4;" "r3 = %[text] ll;"
			 CALL(182)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active),
			 [text] "i"(&text)
			 : "memory");
}

/* bpf_kallsyms_lookup_name: whether memory may be read-only. */
SEC("syscall")
NAKED int call_kallsyms_lookup_name(void)
{
	__asm__ volatile("r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r0;"
			 "r2 = 4;"
			 "r3 = 0;"
			 "r4 = r10;"
			 "r4 += -8;"
			 CALL(179)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_this_cpu_ptr: whether what it gives may be written. */
SEC("kprobe/vfs_read")
NAKED int call_this_cpu_ptr(void)
{
	__asm__ volatile("r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = 0;"
			 "*(u32 *)(r0 + 0) = r1;"
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_per_cpu_ptr: whether what it gives may be written. */
SEC("kprobe/vfs_read")
NAKED int call_per_cpu_ptr(void)
{
	__asm__ volatile("r1 = %[bpf_prog_active] ll;" "r2 = 0;"
			 CALL(153)
			 "if r0 == 0 goto 1f;"
			 "r1 = 0;"
			 "*(u32 *)(r0 + 0) = r1;"
			 "1: " END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_fib_lookup: whether memory may be read-only. */
SEC("tc")
NAKED int call_fib_lookup_of_constant(void)
{
	__asm__ volatile("r6 = r1;"
			 "r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r6;"
			 "r2 = r0;"
			 "r3 = 4;"
			 "r4 = 0;"
			 CALL(69)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_sysctl_get_name: whether memory may be read-only. */
SEC("cgroup/sysctl")
NAKED int call_sysctl_get_name_of_constant(void)
{
	__asm__ volatile("r6 = r1;"
			 "r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r6;"
			 "r2 = r0;"
			 "r3 = 4;"
			 "r4 = 0;"
			 CALL(101)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_read_branch_records: whether memory may be read-only. */
SEC("perf_event")
NAKED int call_read_branch_records_of_constant(void)
{
	__asm__ volatile("r6 = r1;"
			 "r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r6;"
			 "r2 = r0;"
			 "r3 = 4;"
			 "r4 = 0;"
			 CALL(119)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_d_path: whether memory may be read-only. */
SEC("fentry/vfs_truncate")
NAKED int call_d_path_of_constant(void)
{
	__asm__ volatile("r6 = r1;"
			 "r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = *(u64 *)(r6 + 0);"
			 "r2 = r0;"
			 "r3 = 4;"
			 CALL(147)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_snprintf_btf: whether memory may be read-only. */
SEC("kprobe/vfs_read")
NAKED int call_snprintf_btf_of_constant(void)
{
	__asm__ volatile("r1 = 0;" "*(u64 *)(r10 - 16) = r1;" "*(u64 *)(r10 - 24) = r1;"
			 "r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r0;"
			 "r2 = 4;"
			 "r3 = r10;"
			 "r3 += -24;"
			 "r4 = 16;"
			 "r5 = 0;"
			 CALL(149)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active)
			 : "memory");
}

/* bpf_snprintf: whether memory may be read-only. */
SEC("kprobe/vfs_read")
NAKED int call_snprintf_of_constant(void)
{
	__asm__ volatile("r1 = %[bpf_prog_active] ll;"
			 CALL(154)
			 "r1 = r0;" "r2 = 4;" "r3 = %[text] ll;" "r4 = 0;" "r5 = 0;"
			 CALL(165)
			 END ::[bpf_prog_active] "i"(&bpf_prog_active),
			 [text] "i"(&text)
			 : "memory");
}

/* bpf_d_path: whether it is for hooks that may sleep. */
SEC("lsm/path_truncate")
NAKED int call_d_path_of_hook(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 0);" "r6 = r1;" ZERO "r1 = r6;"
			 STACK("r2")
			 "r3 = 8;"
			 CALL(147)
			 END ::: "memory");
}

/* bpf_tcp_raw_gen_syncookie_ipv4: whether memory may be read-only. */
SEC("tc")
NAKED int call_gen_syncookie_ipv4(void)
{
	__asm__ volatile("r6 = r1;"
			 "r2 = 0;" "r3 = r10;" "r3 += -16;"
			 "call %[bpf_dynptr_from_skb];"
			 "r1 = r10;" "r1 += -16;" "r2 = 0;" "r3 = 0;" "r4 = 40;"
			 "call %[bpf_dynptr_slice];"
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "r2 = r0;"
			 "r3 = 20;"
			 CALL(204)
			 "1: " END ::[bpf_dynptr_from_skb] "i"(bpf_dynptr_from_skb),
			 [bpf_dynptr_slice] "i"(bpf_dynptr_slice)
			 : "memory");
}

/* bpf_tcp_raw_gen_syncookie_ipv6: whether memory may be read-only. */
SEC("tc")
NAKED int call_gen_syncookie_ipv6(void)
{
	__asm__ volatile("r6 = r1;"
			 "r2 = 0;" "r3 = r10;" "r3 += -16;"
			 "call %[bpf_dynptr_from_skb];"
			 "r1 = r10;" "r1 += -16;" "r2 = 0;" "r3 = 0;" "r4 = 40;"
			 "call %[bpf_dynptr_slice];"
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "r2 = r0;"
			 "r3 = 20;"
			 CALL(205)
			 "1: " END ::[bpf_dynptr_from_skb] "i"(bpf_dynptr_from_skb),
			 [bpf_dynptr_slice] "i"(bpf_dynptr_slice)
			 : "memory");
}

/* bpf_tcp_raw_check_syncookie_ipv4: whether memory may be read-only. */
SEC("tc")
NAKED int call_check_syncookie_ipv4(void)
{
	__asm__ volatile("r6 = r1;"
			 "r2 = 0;" "r3 = r10;" "r3 += -16;"
			 "call %[bpf_dynptr_from_skb];"
			 "r1 = r10;" "r1 += -16;" "r2 = 0;" "r3 = 0;" "r4 = 40;"
			 "call %[bpf_dynptr_slice];"
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "r2 = r0;"
			 CALL(206)
			 "1: " END ::[bpf_dynptr_from_skb] "i"(bpf_dynptr_from_skb),
			 [bpf_dynptr_slice] "i"(bpf_dynptr_slice)
			 : "memory");
}

/* bpf_tcp_raw_check_syncookie_ipv6: whether memory may be read-only. */
SEC("tc")
NAKED int call_check_syncookie_ipv6(void)
{
	__asm__ volatile("r6 = r1;"
			 "r2 = 0;" "r3 = r10;" "r3 += -16;"
			 "call %[bpf_dynptr_from_skb];"
			 "r1 = r10;" "r1 += -16;" "r2 = 0;" "r3 = 0;" "r4 = 40;"
			 "call %[bpf_dynptr_slice];"
			 "if r0 == 0 goto 1f;"
			 "r1 = r0;"
			 "r2 = r0;"
			 CALL(207)
			 "1: " END ::[bpf_dynptr_from_skb] "i"(bpf_dynptr_from_skb),
			 [bpf_dynptr_slice] "i"(bpf_dynptr_slice)
			 : "memory");
}

/* bpf_tcp_raw_gen_syncookie_ipv4: whether a size may be zero. */
SEC("tc")
NAKED int call_gen_syncookie_ipv4_of_nothing(void)
{
	__asm__ volatile("r1 = 0;" "*(u64 *)(r10 - 8) = r1;" "*(u64 *)(r10 - 16) = r1;" "*(u64 *)(r10 - 24) = r1;" "*(u64 *)(r10 - 32) = r1;" "*(u64 *)(r10 - 40) = r1;"
			 "r1 = r10;"
			 "r1 += -40;"
			 "r2 = r10;"
			 "r2 += -40;"
			 "r3 = 0;"
			 CALL(204)
			 END ::: "memory");
}

/* bpf_tcp_raw_gen_syncookie_ipv6: whether a size may be zero. */
SEC("tc")
NAKED int call_gen_syncookie_ipv6_of_nothing(void)
{
	__asm__ volatile("r1 = 0;" "*(u64 *)(r10 - 8) = r1;" "*(u64 *)(r10 - 16) = r1;" "*(u64 *)(r10 - 24) = r1;" "*(u64 *)(r10 - 32) = r1;" "*(u64 *)(r10 - 40) = r1;"
			 "r1 = r10;"
			 "r1 += -40;"
			 "r2 = r10;"
			 "r2 += -40;"
			 "r3 = 0;"
			 CALL(205)
			 END ::: "memory");
}

/* bpf_task_storage_get: whether there may be no task. */
SEC("fentry/vfs_truncate")
NAKED int call_task_storage_get(void)
{
	__asm__ volatile("r1 = %[of_tasks] ll;" "r2 = 0;" "r3 = 0;" "r4 = 0;"
			 CALL(156)
			 END ::[of_tasks] "i"(&of_tasks)
			 : "memory");
}

/* bpf_task_storage_delete: the same. */
SEC("fentry/vfs_truncate")
NAKED int call_task_storage_delete(void)
{
	__asm__ volatile("r1 = %[of_tasks] ll;" "r2 = 0;"
			 CALL(157)
			 END ::[of_tasks] "i"(&of_tasks)
			 : "memory");
}

/* bpf_inode_storage_get: whether there may be no inode. */
SEC("lsm/file_open")
NAKED int call_inode_storage_get(void)
{
	__asm__ volatile("r1 = %[of_inodes] ll;" "r2 = 0;" "r3 = 0;" "r4 = 0;"
			 CALL(145)
			 END ::[of_inodes] "i"(&of_inodes)
			 : "memory");
}

/* bpf_inode_storage_delete: the same. */
SEC("lsm/file_open")
NAKED int call_inode_storage_delete(void)
{
	__asm__ volatile("r1 = %[of_inodes] ll;" "r2 = 0;"
			 CALL(146)
			 END ::[of_inodes] "i"(&of_inodes)
			 : "memory");
}

/* bpf_sk_storage_get of tracing programs: whether there may be no socket. */
SEC("fentry/vfs_truncate")
NAKED int call_sk_storage_get(void)
{
	__asm__ volatile("r1 = %[of_sockets] ll;" "r2 = 0;" "r3 = 0;" "r4 = 0;"
			 CALL(107)
			 END ::[of_sockets] "i"(&of_sockets)
			 : "memory");
}

/* bpf_sk_storage_delete: the same. */
SEC("fentry/vfs_truncate")
NAKED int call_sk_storage_delete(void)
{
	__asm__ volatile("r1 = %[of_sockets] ll;" "r2 = 0;"
			 CALL(108)
			 END ::[of_sockets] "i"(&of_sockets)
			 : "memory");
}

/* bpf_get_socket_cookie of tracing programs: whether there may be no socket. */
SEC("fentry/vfs_truncate")
NAKED int call_get_socket_cookie(void)
{
	__asm__ volatile("r1 = 0;"
			 CALL(46)
			 END ::: "memory");
}

/* bpf_get_current_task_btf: whether the task is trusted, as the log says. */
SEC("fentry/vfs_truncate")
NAKED int call_get_current_task_btf(void)
{
	__asm__ volatile(CALL(158)
			 END ::: "memory");
}

/* bpf_get_smp_processor_id: whether registers keep their values over it. */
SEC("kprobe/vfs_read")
NAKED int call_get_smp_processor_id(void)
{
	__asm__ volatile("*(u64 *)(r10 - 8) = r1;"
			 CALL(8)
			 "r1 = *(u64 *)(r10 - 8);"
			 "exit;" ::: "memory");
}

/* bpf_get_stack of programs that sleep: whether it may, in a section of RCU. */
SEC("uprobe.s")
NAKED int call_get_stack_sleepable(void)
{
	__asm__ volatile("r6 = r1;"
			 "call %[bpf_rcu_read_lock];"
			 "r1 = r6;"
			 STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(67)
			 "call %[bpf_rcu_read_unlock];"
			 END ::[bpf_rcu_read_lock] "i"(bpf_rcu_read_lock),
			 [bpf_rcu_read_unlock] "i"(bpf_rcu_read_unlock)
			 : "memory");
}

/* bpf_get_task_stack: the same. */
SEC("fentry.s/__x64_sys_getpgid")
NAKED int call_get_task_stack_sleepable(void)
{
	__asm__ volatile("call %[bpf_rcu_read_lock];"
			 CALL(158)
			 "r1 = r0;"
			 STACK("r2")
			 "r3 = 8;"
			 "r4 = 0;"
			 CALL(141)
			 "call %[bpf_rcu_read_unlock];"
			 END ::[bpf_rcu_read_lock] "i"(bpf_rcu_read_lock),
			 [bpf_rcu_read_unlock] "i"(bpf_rcu_read_unlock)
			 : "memory");
}

/* bpf_sys_bpf: the same. */
SEC("syscall")
NAKED int call_sys_bpf(void)
{
	__asm__ volatile("call %[bpf_rcu_read_lock];"
			 ZERO
			 "r1 = 0;"
			 STACK("r2")
			 "r3 = 8;"
			 CALL(166)
			 "call %[bpf_rcu_read_unlock];"
			 END ::[bpf_rcu_read_lock] "i"(bpf_rcu_read_lock),
			 [bpf_rcu_read_unlock] "i"(bpf_rcu_read_unlock)
			 : "memory");
}

/* bpf_sys_close: the same. */
SEC("syscall")
NAKED int call_sys_close(void)
{
	__asm__ volatile("call %[bpf_rcu_read_lock];"
			 "r1 = 0;"
			 CALL(168)
			 "call %[bpf_rcu_read_unlock];"
			 END ::[bpf_rcu_read_lock] "i"(bpf_rcu_read_lock),
			 [bpf_rcu_read_unlock] "i"(bpf_rcu_read_unlock)
			 : "memory");
}

/* bpf_btf_find_by_name_kind: the same. */
SEC("syscall")
NAKED int call_btf_find_by_name_kind(void)
{
	__asm__ volatile("call %[bpf_rcu_read_lock];"
			 ZERO
			 STACK("r1")
			 "r2 = 8;"
			 "r3 = 0;"
			 "r4 = 0;"
			 CALL(167)
			 "call %[bpf_rcu_read_unlock];"
			 END ::[bpf_rcu_read_lock] "i"(bpf_rcu_read_lock),
			 [bpf_rcu_read_unlock] "i"(bpf_rcu_read_unlock)
			 : "memory");
}

/* What assembly calls has BTF if C code calls it, too. Nothing calls this function. */
SEC(".text")
int calls(struct bpf_dynptr *ptr)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_dynptr_from_skb(ptr, 0, ptr);
	return bpf_dynptr_slice(ptr, 0, ptr, 0) == NULL;
}