// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about calls, what is held across them, and where functions end. */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

struct bpf_iter_task { u64 opaque[3]; } __attribute__((aligned(8)));
struct task_struct { int pid; } RELOCATED;

KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC void bpf_preempt_disable(void);
KFUNC void bpf_preempt_enable(void);
KFUNC void bpf_throw(u64 cookie);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);
KFUNC int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task__nullable, unsigned int flags);
KFUNC struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it);
KFUNC void bpf_iter_task_destroy(struct bpf_iter_task *it);
HELPER(148, long, copy_from_user, void *dst, u32 size, const void *src);

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	NUMBER(key_size, 4);
	NUMBER(value_size, 4);
} programs SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	u32 number;
};

struct timed {
	u64 number;
	struct bpf_timer timer;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct locked);
} locks SEC(".maps");

struct timers {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct timed);
} timers SEC(".maps");

struct {
	NUMBER(type, ARRAY_OF_MAPS);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	ELEMENTS(timers);
} outer SEC(".maps") = { .values = { &timers } };

u64 seen;

NOINLINE int throws(u64 number)
{
	bpf_rcu_read_lock();
	bpf_throw(number);
	return 0;
}

/* A function throws while it holds RCU. */
SEC("tc")
int thrown_in_region(void *ctx)
{
	return throws(0);
}

/* RCU is held at the end: rejected, in which words? */
SEC("tc")
int left_in_region(void *ctx)
{
	bpf_rcu_read_lock();
	return 0;
}

NOINLINE int releases(u32 index, void **record)
{
	ringbuf_discard(*record, 0);
	return 1;
}

/* A callback releases what its caller acquired. */
SEC("tc")
int released_by_callback(void *ctx)
{
	void *record = ringbuf_reserve(&ring, 8, 0);

	if (!record)
		return 0;
	loop(1, releases, &record, 0);
	return 0;
}

/* A load from the packet that fails ends its function. */
NOINLINE int loads(void *ctx)
{
	__asm__ volatile("r6 = %[ctx];"
			 "r0 = *(u8 *)skb[14];" ::[ctx] "r"(ctx)
			 : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "memory");
	return 7;
}

SEC("socket")
int function_loads(void *ctx)
{
	return loads(ctx) == 7;
}

NOINLINE int callback_load(u32 index, void **ctx)
{
	__asm__ volatile("r6 = *(u64 *)(%[ctx] + 0);"
			 "r0 = *(u8 *)skb[14];" ::[ctx] "r"(ctx)
			 : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "memory");
	return 0;
}

SEC("socket")
int callback_loads(void *ctx)
{
	void *kept = ctx;

	loop(1, callback_load, &kept, 0);
	return 0;
}

NOINLINE int leaves(void *ctx)
{
	tail_call(ctx, &programs, 0);
	return 1;
}

/* A tail call ends its function, with a result that nobody knows. */
SEC("xdp")
int function_leaves(struct xdp_md *ctx)
{
	return leaves(ctx) == 1 ? XDP_PASS : XDP_DROP;
}

NOINLINE int inits(void *map, u32 *key, struct timed *value)
{
	timer_init(&value->timer, map, 1);
	return 0;
}

/* The map that a callback is given is the one that its value is in. */
SEC("tc")
int inner_map(void *ctx)
{
	u32 key = 0;
	void *map = map_lookup_elem(&outer, &key);

	if (map)
		for_each_map_elem(map, inits, NULL, 0);
	return 0;
}

NOINLINE int fires(void *map, u32 *key, struct timed *value)
{
	u64 text;

	copy_from_user(&text, sizeof(text), NULL);
	return 0;
}

/* The callback of a timer sleeps, in a program that may. */
SEC("syscall")
int timer_sleeps(void *ctx)
{
	u32 key = 0;
	struct timed *value = map_lookup_elem(&timers, &key);

	if (!value)
		return 0;
	timer_init(&value->timer, &timers, 1);
	timer_set_callback(&value->timer, fires);
	return 0;
}

GLOBAL int counts(int number)
{
	return number + 1;
}

/* A global function that does not sleep, called where preemption is off. */
SEC("tc")
int called_without_preemption(void *ctx)
{
	int number;

	bpf_preempt_disable();
	number = counts(1);
	bpf_preempt_enable();
	return number == 2;
}

GLOBAL int sleeps(int number)
{
	u64 text;

	return copy_from_user(&text, sizeof(text), NULL) + number;
}

/* One that may sleep, called under RCU. */
SEC("syscall")
int called_under_rcu(void *ctx)
{
	int number;

	bpf_rcu_read_lock();
	number = sleeps(1);
	bpf_rcu_read_unlock();
	return number == 2;
}

/* Counting under a lock. */
SEC("tc")
int counted_under_lock(void *ctx)
{
	u32 key = 0;
	struct locked *value = map_lookup_elem(&locks, &key);
	struct bpf_iter_num it;

	if (!value)
		return 0;
	spin_lock(&value->lock);
	bpf_iter_num_new(&it, 0, 3);
	while (bpf_iter_num_next(&it))
		value->number++;
	bpf_iter_num_destroy(&it);
	spin_unlock(&value->lock);
	return 0;
}

/* may_goto to the next instruction. */
SEC("xdp")
NAKED int goes_nowhere(void)
{
	__asm__ volatile("r0 = 2;"
			 ".byte 0xe5, 0, 0, 0, 0, 0, 0, 0;"
			 "exit;");
}

/* An iterator that is only good under RCU, made without. */
SEC("syscall")
int iterated_without_rcu(void *ctx)
{
	struct bpf_iter_task it;

	bpf_iter_task_new(&it, NULL, 0);
	bpf_iter_task_destroy(&it);
	return 0;
}

/* More paths pending than there may be. */
SEC("xdp")
NAKED int too_many_paths(void)
{
	__asm__ volatile(".rept 8200;"
			 "r2 = *(u32 *)(r1 + 12);"
			 "if r2 == 7 goto 1f;"
			 ".endr;"
			 "1: r0 = 2;"
			 "exit;" ::: "memory");
}
