// SPDX-License-Identifier: GPL-2.0-only
/* Which bytes may be accessed: a rejected program for each rule of docs/rules that no other file shows. */
#include "corpus.h"

struct task_struct {
	char comm[16];
} RELOCATED;

KFUNC const int bpf_prog_active;

struct value {
	struct task_struct TYPE_TAG("kptr") *task;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} tasks SEC(".maps");

struct {
	NUMBER(type, HASH);
	NUMBER(max_entries, 8);
	TYPE(key, u32);
	TYPE(value, u64);
} counters SEC(".maps");

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

char table[16];

NOINLINE long behind_key(void *map, u32 *key, u64 *value, void *context)
{
	return key[1] & 1;
}

/* A callback reads behind the key. */
SEC("xdp")
int key_behind(struct xdp_md *ctx)
{
	for_each_map_elem(&counters, behind_key, NULL, 0);
	return XDP_PASS;
}

/* The record has 16 bytes. */
SEC("xdp")
int record_behind(struct xdp_md *ctx)
{
	u64 *record = ringbuf_reserve(&ring, 16, 0);

	if (!record)
		return XDP_DROP;
	record[2] = 1;
	ringbuf_submit(record, 0);
	return XDP_PASS;
}

/* A writable tracepoint's buffer has no negative offsets. */
SEC("raw_tp.w/bpf_test_finish")
int buffer_before(u64 *ctx)
{
	u64 *buffer = (u64 *)ctx[0];

	return buffer[-1] & 1;
}

/* The index may be -1. */
SEC("xdp")
int index_negative(struct xdp_md *ctx)
{
	s64 index = (s64)(get_prandom_u32() & 7) - 1;

	hide(index);
	return table[index];
}

/* The stack is accessed by aligned addresses only. */
SEC("xdp")
NAKED int unaligned(void)
{
	__asm__ volatile("r1 = 0; *(u64 *)(r10 - 12) = r1; r0 = 0; exit");
}

/* An atomic operation on the stack, at an offset that is not constant. */
SEC("xdp")
int atomic_variable(struct xdp_md *ctx)
{
	u64 counts[2] = {};

	__sync_fetch_and_add(&counts[ctx->rx_queue_index & 1], 1);
	return XDP_PASS;
}

/* Flow keys are not as long. */
SEC("flow_dissector")
int flow_keys_behind(u64 *ctx)
{
	u32 *keys = (u32 *)ctx[144 / 8];

	return keys[100] & 1;
}

/* Eight bytes from the middle of a member of 16. */
SEC("tp_btf/task_newtask")
int member_behind(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	char *name = task->comm;

	hide(name);
	return *(u64 *)(name + 12) != 0;
}

/* A variable that each processor has for itself. */
SEC("xdp")
int per_cpu_direct(struct xdp_md *ctx)
{
	return bpf_prog_active;
}

/* A kptr that owns its object cannot be overwritten. */
SEC("tc")
int kptr_stored(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&tasks, &key);

	if (value)
		*(struct task_struct *volatile *)&value->task = NULL;
	return 0;
}

/* The address of what is no part of the variable. */
SEC("xdp")
int address_behind(struct xdp_md *ctx)
{
	char *byte = (char *)table + 4000;

	hide(byte);
	return *byte;
}

/* A dynptr that holds a record is overwritten. */
SEC("xdp")
int overwritten(struct xdp_md *ctx)
{
	struct bpf_dynptr record;

	ringbuf_reserve_dynptr(&ring, 16, 0, &record);
	*(volatile u64 *)&record = 0;
	ringbuf_submit_dynptr(&record, 0);
	return XDP_PASS;
}
