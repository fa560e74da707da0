// SPDX-License-Identifier: GPL-2.0-only
/* Extensions of programs of more kinds. */
#include "strong.h"

KFUNC int bpf_copy_from_user_str(void *dst, u32 size, const void *unsafe, u64 flags);
HELPER(46, u64, get_socket_cookie, void *ctx);
HELPER(147, long, d_path, void *path, char *buf, u32 size);
HELPER(148, long, copy_from_user, void *dst, u32 size, const void *user);
HELPER(187, long, set_retval, int value);

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

struct task_struct {
	int pid;
} RELOCATED;

struct pair {
	u32 a;
	u32 b;
};

SEC("freplace/egress")
int egress(struct __sk_buff *skb)
{
	return skb->len & 3;
}

SEC("freplace/egress")
int egress_beyond(struct __sk_buff *skb)
{
	return skb->len & 7;
}

/* A function's result is any number, but the extension of one is judged as the whole program. */
SEC("freplace/calls")
int calls(int n)
{
	return n;
}

SEC("freplace/calls")
int calls_zero(int n)
{
	return 0;
}

SEC("freplace/calls")
int calls_three(int n)
{
	return 3;
}

SEC("freplace/takes_dynptr")
int dynptr(struct bpf_dynptr *dynptr)
{
	u8 byte = 0;

	dynptr_read(&byte, 1, dynptr, 0, 0);
	return byte & 1;
}

/* The tags of the function do not count. */

SEC("freplace/nonnull")
int untagged(struct pair *pair)
{
	return pair->a & 1;
}

SEC("freplace/nullable")
int tagged(struct pair *pair TAG("arg:nonnull"))
{
	return pair->a & 1;
}

SEC("freplace/tagged")
int context(struct bpf_raw_tracepoint_args *ctx TAG("arg:ctx"), int n)
{
	return n;
}

SEC("freplace/tagged")
int context_read(struct bpf_raw_tracepoint_args *ctx TAG("arg:ctx"), int n)
{
	return ctx->args[0];
}

SEC("freplace/tagged")
int context_beyond(struct bpf_raw_tracepoint_args *ctx TAG("arg:ctx"), int n)
{
	return ctx->args[1];
}

SEC("freplace/task")
int task(struct task_struct *task TAG("arg:trusted"))
{
	return task != NULL;
}

SEC("freplace/perf")
int perf(struct bpf_perf_event_data *ctx)
{
	return ctx->addr + 3;
}

SEC("freplace/socket_ops")
int socket_ops(struct bpf_sock_ops *ctx)
{
	return ctx->op == 3;
}

SEC("freplace/socket_ops")
int socket_ops_beyond(struct bpf_sock_ops *ctx)
{
	return 2;
}

SEC("freplace/message")
int message(struct sk_msg_md *ctx)
{
	return ctx->family;
}

SEC("freplace/binds")
int binds(struct bpf_sock_addr *ctx)
{
	ctx->user_ip4 = 1;
	return 3;
}

SEC("freplace/binds")
int binds_beyond(struct bpf_sock_addr *ctx)
{
	return 4;
}

SEC("freplace/receives")
int receives(struct bpf_sock_addr *ctx)
{
	return 0;
}

SEC("freplace/option")
int option(struct bpf_sockopt *ctx)
{
	ctx->level = 4;
	return set_retval(-1) == 0;
}

SEC("freplace/reuse")
int reuse(struct sk_reuseport_md *ctx)
{
	return ctx->len;
}

SEC("freplace/filters")
int filters(struct bpf_nf_ctx *ctx)
{
	return ctx->skb == NULL;
}

SEC("freplace/filters")
int filters_beyond(struct bpf_nf_ctx *ctx)
{
	return 2;
}

SEC("freplace/writable")
int writable(struct bpf_raw_tracepoint_args *ctx)
{
	return 0;
}

SEC("freplace/dissects")
int dissects(struct __sk_buff *skb)
{
	return 5;
}

/* A sleepable program's extension does not sleep. */
SEC("freplace/calls")
int copies(int n)
{
	int value = 0;

	return copy_from_user(&value, 4, NULL) + value;
}

SEC("freplace/calls")
int copies_string(int n)
{
	char value[4] = {};

	return bpf_copy_from_user_str(value, 4, NULL, 0);
}

SEC("freplace/calls")
int paths(int n)
{
	char buf[8] = {};

	return d_path(buf, buf, 8);
}

/* Before a function of a program. */
SEC("fentry")
int reads(u64 *ctx)
{
	return ctx[0] ? 0 : 0;
}

SEC("fexit")
int reads_result(u64 *ctx)
{
	return ctx[1] ? 0 : 0;
}

/* Kinds that do not attach to programs. */

SEC("tp_btf/calls")
int tracepoint(u64 *ctx)
{
	return 0;
}

SEC("iter/calls")
int iterator(u64 *ctx)
{
	return 0;
}

SEC("lsm/calls")
int hook(u64 *ctx)
{
	return 0;
}

SEC("kprobe/calls")
int probe(void *ctx)
{
	return 0;
}

SEC("fentry.s/calls")
int sleeps(u64 *ctx)
{
	return 0;
}

SEC("fexit.s/calls")
int sleeps_after(u64 *ctx)
{
	return 0;
}
