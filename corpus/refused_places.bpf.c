// SPDX-License-Identifier: GPL-2.0-only
/* Calls, packet loads and tail calls where they may not be: under a lock, in regions, in callbacks, on a deep stack. */
#include "corpus.h"

HELPER(148, long, copy_from_user, void *dst, u32 size, const void *user);

KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC void bpf_preempt_disable(void);
KFUNC void bpf_preempt_enable(void);
KFUNC void bpf_throw(u64 cookie);

/* Assembly alone has the compiler tell nothing of the kernel's functions. */
__attribute__((used)) NOINLINE void told(void)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_preempt_disable();
	bpf_preempt_enable();
	bpf_throw(0);
}

struct locked {
	struct bpf_spin_lock lock;
	int counted;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	TYPE(value, struct locked);
} locks SEC(".maps");

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, u32);
} programs SEC(".maps");

#define LOCK                                                                                                           \
	"r6 = r1;"                                                                                                     \
	"r1 = 0;"                                                                                                      \
	"*(u32 *)(r10 - 4) = r1;"                                                                                      \
	"r2 = r10;"                                                                                                    \
	"r2 += -4;"                                                                                                    \
	"r1 = %[locks] ll;"                                                                                            \
	"call 1;"                                                                                                      \
	"if r0 != 0 goto +2;"                                                                                          \
	"r0 = 0;"                                                                                                      \
	"exit;"                                                                                                        \
	"r7 = r0;"                                                                                                     \
	"r1 = r0;"                                                                                                     \
	"call 93;"
#define UNLOCK "r1 = r7; call 94;"
#define RCU "r6 = r1; call %[lock];"
#define RCU_END "call %[unlock];"
#define PREEMPT "r6 = r1; call %[disable];"
#define PREEMPT_END "call %[enable];"
#define TAIL_CALL "r1 = r6; r2 = %[programs] ll; r3 = 0; call 12;"
#define PACKET "r0 = *(u8 *)skb[0];"
#define THROW "r1 = 0; call %[throw];"
#define COPY "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call 148;"

#define PROGRAM(type, name, text)                                                                                      \
	SEC(type)                                                                                                      \
	NAKED int name(void)                                           \
	{                                                                                                              \
		__asm__ volatile(text "r0 = 0; exit;" ::[locks] "i"(&locks), [programs] "i"(&programs),                \
				 [lock] "i"(bpf_rcu_read_lock), [unlock] "i"(bpf_rcu_read_unlock),                     \
				 [disable] "i"(bpf_preempt_disable), [enable] "i"(bpf_preempt_enable),                 \
				 [throw] "i"(bpf_throw));                                                              \
	}

PROGRAM("tc", tail_call_locked, LOCK TAIL_CALL UNLOCK)
PROGRAM("tc", tail_call_in_rcu, RCU TAIL_CALL RCU_END)
PROGRAM("tc", tail_call_unpreempted, PREEMPT TAIL_CALL PREEMPT_END)
PROGRAM("tc", packet_locked, LOCK PACKET UNLOCK)
PROGRAM("tc", packet_in_rcu, RCU PACKET RCU_END)
PROGRAM("tc", packet_unpreempted, PREEMPT PACKET PREEMPT_END)
PROGRAM("tc", throw_locked, LOCK THROW)
PROGRAM("tc", throw_in_rcu, RCU THROW)
PROGRAM("tc", throw_unpreempted, PREEMPT THROW)
PROGRAM("tc", exit_in_rcu, RCU)
PROGRAM("tc", exit_unpreempted, PREEMPT)
PROGRAM("tc", rcu_alone, RCU_END)
PROGRAM("tc", preempt_alone, PREEMPT_END)
PROGRAM("syscall", copy_in_rcu, RCU COPY RCU_END)
PROGRAM("syscall", copy_unpreempted, PREEMPT COPY PREEMPT_END)
PROGRAM("tc", copy_asleep, COPY)

/* R6 is no packet. */
PROGRAM("tc", packet_of_map, "r6 = %[locks] ll;" PACKET)
PROGRAM("tc", packet_of_number, "r6 = 0;" PACKET)
PROGRAM("tc", packet_of_stack, "r6 = r10;" PACKET)
PROGRAM("tc", packet_of_moved, "r6 = r1; r6 += 4;" PACKET)
PROGRAM("tc", packet_at_pointer, "r6 = r1; r2 = r10; r0 = *(u8 *)skb[r2];")
PROGRAM("tc", packet_unset, "r6 = r1; r0 = *(u8 *)skb[r4];")

/* A callback with a packet load. */
static long loads(u32 i, void **ctx)
{
	register void *skb __asm__("r6") = *ctx;
	register u64 byte __asm__("r0");

	__asm__ volatile("r0 = *(u8 *)skb[0];" : "=r"(byte) : "r"(skb) : "r1", "r2", "r3", "r4", "r5");
	return byte & 1;
}

SEC("tc")
int packet_in_callback(void *ctx)
{
	loop(3, loads, &ctx, 0);
	return 0;
}

/* One that never comes to it. */
static NAKED long would_load(void)
{
	__asm__ volatile("r0 = 0; if r0 == 0 goto +2; r6 = r1; r0 = *(u8 *)skb[0]; r0 = 0; exit;");
}

SEC("tc")
int packet_behind_callback(void *ctx)
{
	loop(3, would_load, NULL, 0);
	return 0;
}

/* One with a tail call. */
static long jumps(u32 i, void **ctx)
{
	tail_call(*ctx, &programs, 0);
	return 0;
}

SEC("tc")
int tail_call_in_callback(void *ctx)
{
	loop(3, jumps, &ctx, 0);
	return 0;
}

/* A tail call starts with a stack of its own: where its caller has used much, it is refused. */
__attribute__((used)) NOINLINE int jumps_on(void *ctx)
{
	tail_call(ctx, &programs, 0);
	return 1;
}

SEC("tc")
int tail_call_on_deep_stack(void *ctx)
{
	char buffer[280];

	__asm__ volatile("*(u64 *)(%0 + 0) = 1; *(u64 *)(%0 + 272) = 1;" ::"r"(buffer) : "memory");
	jumps_on(ctx);
	__asm__ volatile("" ::"r"(buffer) : "memory");
	return 0;
}

/* What catches exceptions may not call on. */
GLOBAL int catches(u64 cookie)
{
	__asm__ volatile("r0 = 0; if r0 == 0 goto +1; call jumps_on;" ::: "r0", "r1", "r2", "r3", "r4", "r5");
	return 0;
}

__attribute__((btf_decl_tag("exception_callback:catches")))
SEC("tc")
int tail_call_after_exception(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__attribute__((btf_decl_tag("exception_callback:nowhere")))
SEC("tc")
int caught_nowhere(void *ctx)
{
	bpf_throw(1);
	return 0;
}

__attribute__((used)) NOINLINE int catches_static(u64 cookie)
{
	int x = 1;

	hide(x);
	return x;
}

__attribute__((btf_decl_tag("exception_callback:catches_static")))
SEC("tc")
int caught_by_static(void *ctx)
{
	bpf_throw(1);
	return 0;
}

GLOBAL int catches_pointer(u32 *cookie)
{
	return 0;
}

__attribute__((btf_decl_tag("exception_callback:catches_pointer")))
SEC("tc")
int caught_as_pointer(void *ctx)
{
	bpf_throw(1);
	return 0;
}

/* Two frames of more than 512 bytes together, and one alone. */
NOINLINE int deep(int n)
{
	char buffer[304] __attribute__((aligned(8)));

	__asm__ volatile("*(u64 *)(%0 + 0) = 1; *(u64 *)(%0 + 288) = 1;" ::"r"(buffer) : "memory");
	return buffer[n & 7];
}

SEC("tc")
int stack_of_two(void *ctx)
{
	char buffer[304] __attribute__((aligned(8)));

	__asm__ volatile("*(u64 *)(%0 + 0) = 1; *(u64 *)(%0 + 288) = 1;" ::"r"(buffer) : "memory");
	return deep(buffer[0]) + buffer[4];
}
