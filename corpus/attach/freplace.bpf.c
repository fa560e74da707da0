// SPDX-License-Identifier: GPL-2.0-only
/* Extensions: each replaces a function of another program. */
#include "strong.h"

KFUNC void *bpf_cast_to_kern_ctx(void *ctx);
KFUNC void bpf_throw(u64 cookie);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);
HELPER(26, long, skb_load_bytes, const void *skb, u32 offset, void *to, u32 len);
HELPER(44, long, xdp_adjust_head, struct xdp_md *xdp, int delta);
HELPER(173, u64, get_func_ip, void *ctx);
HELPER(174, u64, get_attach_cookie, void *ctx);
HELPER(183, long, get_func_arg, void *ctx, u32 n, u64 *value);

struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
};

KFUNC int bpf_dynptr_from_skb(struct __sk_buff *skb, u64 flags, struct bpf_dynptr *dynptr);

struct bpf_sk_lookup {
	u64 cookie;
	u32 family;
};

struct pt_regs {
	u64 r15;
};

struct bpf_raw_tracepoint_args {
	u64 args[0];
};

struct pair {
	u32 a;
	u32 b;
};

struct other {
	u32 a;
	u32 b;
};

enum side { LEFT, RIGHT };

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct {
		struct bpf_spin_lock lock;
		u32 n;
	});
} locked SEC(".maps");

u32 total;

/* As the function: accepted. */

SEC("freplace/judge")
int same(struct xdp_md *ctx)
{
	return ctx->ingress_ifindex + 77;
}

SEC("freplace/xdp_main")
int main_too(struct xdp_md *ctx)
{
	return ctx->rx_queue_index ? XDP_PASS : XDP_DROP;
}

GLOBAL int helps(struct xdp_md *ctx, int n)
{
	return ctx->rx_queue_index + n;
}

SEC("freplace/judge")
int with_functions(struct xdp_md *ctx)
{
	return helps(ctx, 4);
}

SEC("freplace/sum")
int numbers(int x, long y)
{
	return x - y;
}

SEC("freplace/sum")
int returns_anything(int x, long y)
{
	return -22;
}

SEC("freplace/turn")
int turned(enum side side)
{
	return side;
}

SEC("freplace/nothing")
int without_arguments(void)
{
	return 4;
}

SEC("freplace/area")
long memory(struct pair *pair, u32 factor)
{
	return pair ? pair->b * factor : 0;
}

/* Memory may be NULL: rejected. */
SEC("freplace/area")
long careless(struct pair *pair, u32 factor)
{
	return pair->b * factor;
}

SEC("freplace/judge")
int packet(struct xdp_md *ctx)
{
	u8 *data = (void *)(long)ctx->data;

	if (data + 1 > (u8 *)(long)ctx->data_end)
		return XDP_DROP;
	return *data;
}

SEC("freplace/fall")
int throws(struct xdp_md *ctx, u64 cookie)
{
	bpf_throw(cookie);
	return 1;
}

SEC("freplace/sum")
int iterates(int x, long y)
{
	struct bpf_iter_num it;
	int *n, odd = 0;

	bpf_iter_num_new(&it, 0, x);
	while ((n = bpf_iter_num_next(&it)))
		odd += *n & 1;
	bpf_iter_num_destroy(&it);
	return odd;
}

struct progs {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, u32);
};

struct progs progs SEC(".maps");

SEC("freplace/judge")
int tail_calls(struct xdp_md *ctx)
{
	tail_call(ctx, &progs, 0);
	return 1;
}

static long step(u32 i, int *sum)
{
	*sum += i;
	return 0;
}

SEC("freplace/sum")
int loops(int x, long y)
{
	int sum = 0;

	loop(x, step, &sum, 0);
	return sum;
}

/* Another signature: rejected. */

SEC("freplace/sum")
int too_many(int x, long y, int z)
{
	return x;
}

SEC("freplace/sum")
int no_arguments(void)
{
	return 3;
}

SEC("freplace/sum")
void returns_nothing(int x, long y)
{
}

SEC("freplace/sum")
long returns_more(int x, long y)
{
	return x;
}

SEC("freplace/sum")
int wider(long x, long y)
{
	return x;
}

SEC("freplace/sum")
int unsigned_numbers(u32 x, u64 y)
{
	return x;
}

SEC("freplace/sum")
int pointer_for_number(int x, struct pair *y)
{
	return x;
}

SEC("freplace/turn")
int number_for_enum(u32 side)
{
	return side;
}

SEC("freplace/first")
int points_to_number(int *number)
{
	return 1;
}

SEC("freplace/first")
int points_to_struct(struct pair *number)
{
	return 1;
}

SEC("freplace/area")
long points_to_number_too(u32 *pair, u32 factor)
{
	return 1;
}

SEC("freplace/area")
long another_struct(struct other *pair, u32 factor)
{
	return 1;
}

SEC("freplace/judge")
int another_context(struct __sk_buff *ctx)
{
	return 1;
}

/* Functions that cannot be replaced: rejected. */

SEC("freplace/as_declared")
int of_static(int a, int b)
{
	return 1;
}

SEC("freplace/otherwise")
int of_unreliable(u64 a, int b)
{
	return 1;
}

SEC("freplace/removed")
int of_removed(int a)
{
	return 1;
}

SEC("freplace/absent")
int of_absent(int a)
{
	return 1;
}

SEC("freplace")
int unnamed(struct xdp_md *ctx)
{
	return 1;
}

SEC("freplace/catch")
int of_callback(u64 cookie)
{
	return 1;
}

SEC("freplace/tracepoint")
int of_tracepoint(void *ctx)
{
	return 1;
}

SEC("freplace/same")
int of_extension(struct xdp_md *ctx)
{
	return 1;
}

SEC("freplace/helps")
int of_extensions_function(struct xdp_md *ctx, int n)
{
	return 1;
}

/* Packet data: only where the function itself moves it. */

SEC("freplace/moves")
int moves_too(struct xdp_md *ctx)
{
	return xdp_adjust_head(ctx, 8);
}

SEC("freplace/judge")
int moves_instead(struct xdp_md *ctx)
{
	return xdp_adjust_head(ctx, 8);
}

SEC("freplace/xdp_main")
int moves_in_main(struct xdp_md *ctx)
{
	return xdp_adjust_head(ctx, 8);
}

SEC("freplace/alone")
int moves_alone(struct xdp_md *ctx)
{
	return xdp_adjust_head(ctx, 8);
}

/* What it may do is what programs of the other's kind may do. */

SEC("freplace/tc_part")
int tc_part(struct __sk_buff *skb)
{
	u8 byte = 0;

	skb->mark = 4;
	return skb_load_bytes(skb, 0, &byte, 1) + byte;
}

SEC("freplace/tc_main")
int tc_kfunc(struct __sk_buff *skb)
{
	struct bpf_dynptr dynptr;

	return bpf_dynptr_from_skb(skb, 0, &dynptr);
}

SEC("freplace/filter")
int filter_kfunc(struct __sk_buff *skb)
{
	struct bpf_dynptr dynptr;

	return bpf_dynptr_from_skb(skb, 0, &dynptr);
}

SEC("freplace/filter")
int filter_mark(struct __sk_buff *skb)
{
	skb->mark = 4;
	return 0;
}

SEC("freplace/filter")
int filter_lock(struct __sk_buff *skb)
{
	u32 key = 0;
	struct {
		struct bpf_spin_lock lock;
		u32 n;
	} *value = map_lookup_elem(&locked, &key);

	if (!value)
		return 0;
	spin_lock(&value->lock);
	value->n++;
	spin_unlock(&value->lock);
	return 1;
}

SEC("freplace/judge")
int wrong_helper(struct xdp_md *ctx)
{
	u8 byte;

	return skb_load_bytes(ctx, 0, &byte, 1);
}

SEC("freplace/judge")
int wrong_kfunc(struct xdp_md *ctx)
{
	struct bpf_dynptr dynptr;

	return bpf_dynptr_from_skb((void *)ctx, 0, &dynptr);
}

SEC("freplace/judge")
int wrong_access(struct xdp_md *ctx)
{
	return *(u8 *)ctx;
}

SEC("freplace/judge")
int kernel_context(struct xdp_md *ctx)
{
	return bpf_cast_to_kern_ctx(ctx) != NULL;
}

SEC("freplace/lookup")
int lookup_range(struct bpf_sk_lookup *ctx)
{
	return ctx->family == 10;
}

SEC("freplace/lookup")
int lookup_beyond(struct bpf_sk_lookup *ctx)
{
	return ctx->family;
}

SEC("freplace/probe")
int probed(struct pt_regs *ctx)
{
	return ctx->r15 + get_func_ip(ctx) + get_attach_cookie(ctx);
}

SEC("freplace/raw")
int raw_zero(struct bpf_raw_tracepoint_args *ctx)
{
	return 0;
}

/* Raw tracepoints may return anything, but not where a type is attached to. */
SEC("freplace/raw")
int raw_one(struct bpf_raw_tracepoint_args *ctx)
{
	return 1;
}

/* Functions of tracing programs have no context. */

SEC("freplace/count")
int counts(int by)
{
	total += by * get_prandom_u32();
	return total;
}

SEC("freplace/count")
int asks_trampoline(int by)
{
	u64 value;

	return get_func_arg(&value, 0, &value);
}

SEC("freplace/enters")
int of_main(u64 *ctx)
{
	return 0;
}

SEC("freplace/changes")
int of_changes(u64 *ctx)
{
	return 0;
}
