// SPDX-License-Identifier: GPL-2.0-only
/* Programs that others attach to. */
#include "strong.h"

KFUNC void bpf_throw(u64 cookie);
HELPER(44, long, xdp_adjust_head, struct xdp_md *xdp, int delta);

struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
};

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

enum side { LEFT, RIGHT };

u32 total;

/* Of each function one argument that an extension can get wrong. */

GLOBAL int judge(struct xdp_md *ctx)
{
	total += ctx->ingress_ifindex;
	return XDP_PASS;
}

GLOBAL int moves(struct xdp_md *ctx)
{
	return xdp_adjust_head(ctx, 4) ? XDP_DROP : XDP_PASS;
}

GLOBAL int sum(int a, long b)
{
	return a + b;
}

GLOBAL long area(struct pair *pair, u32 factor)
{
	if (!pair)
		return 0;
	return pair->a * pair->b * factor;
}

GLOBAL int turn(enum side side)
{
	return side == LEFT ? total : 7;
}

GLOBAL int first(int *numbers)
{
	return numbers ? *numbers : 0;
}

GLOBAL int nothing(void)
{
	int x = 3;

	hide(x);
	return x;
}

GLOBAL int fall(struct xdp_md *ctx, u64 cookie)
{
	return cookie + ctx->rx_queue_index;
}

/* Called as its BTF says. */
NOINLINE int as_declared(int a, int b)
{
	hide(a);
	return a + b + total;
}

/* Called with a pointer to the stack that its BTF says nothing of. */
NOINLINE int otherwise(u64 a, int b)
{
	hide(b);
	return *(u32 *)a + b;
}

SEC("xdp")
int xdp_main(struct xdp_md *ctx)
{
	struct pair pair = { 1, 2 };
	int number = 5;

	total += sum(1, 2) + area(&pair, 3) + turn(RIGHT) + first(&number) + nothing() + fall(ctx, 1);
	total += as_declared(ctx->ingress_ifindex, ctx->rx_queue_index) + otherwise((u64)&number, 1);
	if (judge(ctx) == XDP_DROP)
		return XDP_DROP;
	return moves(ctx);
}

const volatile u32 never;

NOINLINE int removed(int a)
{
	hide(a);
	return a + total;
}

/* The function that is never called is removed. A quirk: what is known of the functions behind it does not move
 * with them, so that others take the blame for what one of them is called with.
 */
SEC("xdp")
int dead_code(struct xdp_md *ctx)
{
	int number = 5;

	if (never)
		total = removed(4);
	total += sum(1, 2) + otherwise((u64)&number, 1);
	return judge(ctx);
}

/* It does not change packets, and has no functions. */
SEC("xdp")
int alone(struct xdp_md *ctx)
{
	return ctx->rx_queue_index ? XDP_PASS : XDP_DROP;
}

GLOBAL int catch(u64 cookie)
{
	return XDP_DROP;
}

SEC("xdp")
TAG("exception_callback:catch")
int throwing(struct xdp_md *ctx)
{
	if (ctx->rx_queue_index > 7)
		bpf_throw(3);
	return XDP_PASS;
}

/* Other kinds. */

GLOBAL int tc_part(struct __sk_buff *skb)
{
	return skb->len > 100;
}

SEC("tc")
int tc_main(struct __sk_buff *skb)
{
	return tc_part(skb);
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("sk_lookup")
int lookup(struct bpf_sk_lookup *ctx)
{
	return ctx->family == 2;
}

SEC("kprobe/do_nanosleep")
int probe(struct pt_regs *ctx)
{
	return ctx->r15;
}

SEC("raw_tp/sched_switch")
int raw(struct bpf_raw_tracepoint_args *ctx)
{
	return 0;
}

SEC("tp/sched/sched_switch")
int tracepoint(void *ctx)
{
	return 0;
}

GLOBAL int count(int by)
{
	total += by;
	return total;
}

SEC("fentry/bpf_fentry_test1")
int enters(u64 *ctx)
{
	count(ctx[0]);
	return 0;
}

SEC("fexit/bpf_fentry_test1")
int leaves(u64 *ctx)
{
	count(ctx[1]);
	return 0;
}

SEC("fmod_ret/bpf_modify_return_test")
int changes(u64 *ctx)
{
	return count(1);
}

SEC("tp_btf/sched_switch")
int switches(u64 *ctx)
{
	return count(1);
}

SEC("iter/task")
int walks(u64 *ctx)
{
	count(1);
	return 0;
}

SEC("lsm/file_open")
int opens(u64 *ctx)
{
	count(1);
	return 0;
}
