// SPDX-License-Identifier: GPL-2.0-only
/* Tracing programs that run before or after a function of another program. */
#include "corpus.h"

HELPER(173, u64, get_func_ip, void *ctx);
HELPER(183, long, get_func_arg, void *ctx, u32 n, u64 *value);
HELPER(184, long, get_func_ret, void *ctx, u64 *value);
HELPER(185, long, get_func_arg_cnt, void *ctx);

struct xdp_buff {
	void *data;
	void *data_end;
	u32 frame_sz;
} RELOCATED;

struct sk_buff {
	u32 len;
} RELOCATED;

struct xdp_md_full {
	u32 data;
};

u64 total;

/* Arguments and results as the function's BTF has them: accepted. */

SEC("fentry/xdp_main")
int context(u64 *ctx)
{
	struct xdp_buff *xdp = (void *)ctx[0];

	total = xdp->frame_sz;
	return 0;
}

SEC("fexit/xdp_main")
int result(u64 *ctx)
{
	struct xdp_buff *xdp = (void *)ctx[0];

	total = xdp->data_end - xdp->data + ctx[1];
	return 0;
}

SEC("fexit/tc_part")
int packet(u64 *ctx)
{
	struct sk_buff *skb = (void *)ctx[0];

	total = skb->len + ctx[1];
	return 0;
}

SEC("fentry/sum")
int numbers(u64 *ctx)
{
	total = ctx[0] + ctx[1];
	return 0;
}

SEC("fexit/sum")
int helpers(u64 *ctx)
{
	u64 a = 0, r = 0;

	get_func_arg(ctx, 0, &a);
	get_func_ret(ctx, &r);
	total = a + r + get_func_arg_cnt(ctx) + get_func_ip(ctx);
	return 0;
}

SEC("fentry/turn")
int enumerator(u64 *ctx)
{
	total = ctx[0];
	return 0;
}

SEC("fentry/first")
int pointer_to_number(u64 *ctx)
{
	total = ctx[0];
	return 0;
}

SEC("fentry/as_declared")
int of_static(u64 *ctx)
{
	total = ctx[0] + ctx[1];
	return 0;
}

/* There are five arguments and a result where BTF does not hold. */

SEC("fexit/otherwise")
int unreliable(u64 *ctx)
{
	total = ctx[0] + ctx[1] + ctx[4] + ctx[5];
	return 0;
}

SEC("fexit/otherwise")
int unreliable_beyond(u64 *ctx)
{
	total = ctx[6];
	return 0;
}

SEC("fentry/enters")
int of_fentry(u64 *ctx)
{
	total = ctx[0] + ctx[4];
	return 0;
}

SEC("fentry/of_fentry")
int of_fentry_of_fentry(u64 *ctx)
{
	return 0;
}

SEC("fexit/of_fentry_of_fentry")
int deeper(u64 *ctx)
{
	return 0;
}

SEC("fexit/count")
int of_count(u64 *ctx)
{
	total = ctx[0] + ctx[1];
	return 0;
}

SEC("fentry/same")
int of_extension(u64 *ctx)
{
	struct xdp_buff *xdp = (void *)ctx[0];

	total = xdp->frame_sz;
	return 0;
}

SEC("fentry/tracepoint")
int of_tracepoint(u64 *ctx)
{
	total = ctx[3];
	return 0;
}

/* Beyond the arguments: rejected. */

SEC("fentry/sum")
int no_result(u64 *ctx)
{
	total = ctx[2];
	return 0;
}

SEC("fexit/sum")
int beyond_result(u64 *ctx)
{
	total = ctx[3];
	return 0;
}

SEC("fentry/sum")
int half(u64 *ctx)
{
	total = *(u32 *)((void *)ctx + 4);
	return 0;
}

/* Only a context is known to be what it points to: rejected. */
SEC("fentry/area")
int pointer_to_struct(u64 *ctx)
{
	total = ctx[0];
	return 0;
}

SEC("fentry/area")
int second(u64 *ctx)
{
	total = ctx[1];
	return 0;
}

SEC("fentry/xdp_main")
int narrow(u64 *ctx)
{
	total = *(u32 *)ctx;
	return 0;
}

SEC("fentry/xdp_main")
int writes(u64 *ctx)
{
	struct xdp_buff *xdp = (void *)ctx[0];

	xdp->frame_sz = 4;
	return 0;
}

SEC("fexit/xdp_main")
int returns_one(u64 *ctx)
{
	return 1;
}

/* Not to be attached there: rejected. */

SEC("fmod_ret/sum")
int changes(u64 *ctx)
{
	return 1;
}

SEC("fentry.s/sum")
int sleeps(u64 *ctx)
{
	return 0;
}

SEC("fentry/catch")
int of_callback(u64 *ctx)
{
	return 0;
}

SEC("fentry/removed")
int of_removed(u64 *ctx)
{
	return 0;
}

SEC("fentry/absent")
int of_absent(u64 *ctx)
{
	return 0;
}

SEC("fexit")
int unnamed(u64 *ctx)
{
	return 0;
}

SEC("tp_btf/sum")
int tracepoint(u64 *ctx)
{
	return 0;
}

SEC("iter/sum")
int iterator(u64 *ctx)
{
	return 0;
}

SEC("lsm/sum")
int hook(u64 *ctx)
{
	return 0;
}

SEC("xdp")
int no_tracing(struct xdp_md *ctx)
{
	return 1;
}
