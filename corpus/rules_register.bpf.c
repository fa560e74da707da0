// SPDX-License-Identifier: GPL-2.0-only
/* What registers may hold, and what may be done with it: a rejected program for each rule of docs/rules that no
 * other file shows. */
#include "corpus.h"

struct cgroup { int unused; };

struct value {
	struct cgroup TYPE_TAG("kptr_untrusted") *cgroup;
	u64 counts[4];
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} values SEC(".maps");

/* Nothing was written to the result. */
SEC("xdp")
NAKED int unset(void)
{
	__asm__ volatile("exit");
}

/* Moved to a member before it is compared with NULL. */
SEC("xdp")
int moved_first(struct xdp_md *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);
	u64 *count = &value->counts[1];

	hide(count);
	return value ? *count : 0;
}

/* An address is rounded down. */
SEC("xdp")
int rounded(struct xdp_md *ctx)
{
	u64 packet = ctx->data;

	hide(packet);
	packet &= ~3ull;
	return *(u8 *)packet;
}

/* The packet's end is moved, rather than a pointer into the packet. */
SEC("xdp")
int end_moved(struct xdp_md *ctx)
{
	u8 *packet = (u8 *)(long)ctx->data, *end = (u8 *)(long)ctx->data_end;

	end -= 4;
	hide(end);
	return packet < end ? *packet : 0;
}

/* Half of a pointer is stored. */
SEC("xdp")
NAKED int half_stored(void)
{
	__asm__ volatile("*(u32 *)(r10 - 8) = r1; r0 = 0; exit");
}

/* Half of a pointer is loaded. */
SEC("xdp")
NAKED int half_loaded(void)
{
	__asm__ volatile("*(u64 *)(r10 - 8) = r1; r0 = *(u32 *)(r10 - 8); exit");
}

/* One load serves the context on one path, and a variable on the other. */
SEC("xdp")
int either(struct xdp_md *ctx)
{
	u32 number = 0;
	u32 *from = &ctx->data;

	hide(from);
	if (ctx->rx_queue_index)
		from = &number;
	hide(from);
	return *from;
}

SEC("xdp")
NAKED int frame_pointer(void)
{
	__asm__ volatile("r10 += 8; r0 = 0; exit");
}

static NAKED __attribute__((noinline)) u64 *own_stack(void)
{
	__asm__ volatile("r0 = r10; exit");
}

/* A function returns the address of its own stack. */
SEC("xdp")
int returned(struct xdp_md *ctx)
{
	return own_stack() ? XDP_PASS : XDP_DROP;
}

/* A field for a cgroup gets a task. */
SEC("tp_btf/task_newtask")
int another_type(u64 *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);

	if (value)
		*(volatile u64 *)&value->cgroup = ctx[0];
	return 0;
}
