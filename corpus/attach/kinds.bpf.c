// SPDX-License-Identifier: GPL-2.0-only
/* Programs of more kinds, for extensions that are judged as they are. */
#include "corpus.h"

struct __sk_buff {
	u32 len;
};

struct bpf_perf_event_data {
	u64 regs[21];
	u64 sample_period;
	u64 addr;
};

struct bpf_sock_ops {
	u32 op;
};

struct sk_msg_md {
	void *data;
	void *data_end;
	u32 family;
};

struct bpf_sock_addr {
	u32 user_family;
	u32 user_ip4;
};

struct bpf_sockopt {
	void *sk;
	void *optval;
	void *optval_end;
	s32 level;
};

struct sk_reuseport_md {
	void *data;
	void *data_end;
	u32 len;
};

struct bpf_nf_ctx {
	const void *state;
	void *skb;
};

struct bpf_raw_tracepoint_args {
	u64 args[0];
};

struct pt_regs;
struct task_struct {
	int pid;
} RELOCATED;

struct pair {
	u32 a;
	u32 b;
};

u32 total;

GLOBAL int calls(int n)
{
	hide(n);
	return n + total;
}

GLOBAL int takes_dynptr(struct bpf_dynptr *dynptr)
{
	u8 byte = 0;

	dynptr_read(&byte, 1, dynptr, 0, 0);
	return byte;
}

GLOBAL int nonnull(struct pair *pair TAG("arg:nonnull"))
{
	return pair->a;
}

GLOBAL int nullable(struct pair *pair)
{
	return pair ? pair->a : 1;
}

GLOBAL int tagged(struct bpf_raw_tracepoint_args *ctx TAG("arg:ctx"), int n)
{
	return ctx->args[0] + n;
}

GLOBAL int task(struct task_struct *task TAG("arg:trusted"))
{
	return task != NULL;
}

static u8 bytes[16];

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	struct bpf_dynptr dynptr;
	struct pair pair = { 1, skb->len };

	dynptr_from_mem(bytes, sizeof(bytes), 0, &dynptr);
	return (takes_dynptr(&dynptr) + nonnull(&pair) + nullable(&pair) + calls(1)) & 3;
}

SEC("perf_event")
int perf(struct bpf_perf_event_data *ctx)
{
	return ctx->addr;
}

SEC("sockops")
int socket_ops(struct bpf_sock_ops *ctx)
{
	return ctx->op == 1;
}

SEC("sk_msg")
int message(struct sk_msg_md *ctx)
{
	return ctx->family == 2;
}

SEC("cgroup/bind4")
int binds(struct bpf_sock_addr *ctx)
{
	return ctx->user_family == 2;
}

SEC("cgroup/recvmsg4")
int receives(struct bpf_sock_addr *ctx)
{
	return 1;
}

SEC("cgroup/setsockopt")
int option(struct bpf_sockopt *ctx)
{
	return ctx->level == 1;
}

SEC("sk_reuseport")
int reuse(struct sk_reuseport_md *ctx)
{
	return ctx->len > 4;
}

SEC("netfilter")
int filters(struct bpf_nf_ctx *ctx)
{
	return ctx->skb != NULL;
}

SEC("tp_btf/sched_switch")
int switches(u64 *ctx)
{
	return calls(ctx[0] != 0) + tagged((void *)ctx, 1) + task((void *)ctx[1]);
}

SEC("lsm.s/file_open")
int may_sleep(u64 *ctx)
{
	calls(2);
	return 0;
}

SEC("lsm_cgroup/socket_bind")
int cgroup_hook(u64 *ctx)
{
	calls(2);
	return 1;
}

SEC("syscall")
int syscalls(void *ctx)
{
	return calls(3);
}

SEC("raw_tp.w/bpf_test_finish")
int writable(struct bpf_raw_tracepoint_args *ctx)
{
	return 0;
}

SEC("flow_dissector")
int dissects(struct __sk_buff *skb)
{
	return calls(0) ? 2 : 0;
}
