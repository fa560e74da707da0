// SPDX-License-Identifier: GPL-2.0-only
/* What sections are called, and what becomes of their programs. */
#include "corpus.h"

SEC("tc/entry")
int in_0(void *ctx)
{
	return 0;
}


SEC("classifier/x")
int in_1(void *ctx)
{
	return 0;
}


SEC("socket1")
int in_2(void *ctx)
{
	return 0;
}


SEC("xdp_drop")
int in_3(void *ctx)
{
	return 0;
}


SEC("cgroup/skb2")
int in_4(void *ctx)
{
	return 0;
}


SEC("?tc")
int in_5(void *ctx)
{
	return 0;
}


SEC("nowhere")
int in_6(void *ctx)
{
	return 0;
}


SEC("sk_skb")
int in_7(void *ctx)
{
	return 0;
}


SEC("action/y")
int in_8(void *ctx)
{
	return 0;
}


SEC("uprobe.multi")
int in_9(void *ctx)
{
	return 0;
}


SEC("xdp.frags/x")
int in_10(void *ctx)
{
	return 0;
}


SEC("lsm/file_open")
int in_11(void *ctx)
{
	return 0;
}


SEC("lsm/no_such_hook")
int in_12(void *ctx)
{
	return 0;
}


SEC("fentry/vfs_read")
int in_13(void *ctx)
{
	return 0;
}


SEC("fentry/no_such_function")
int in_14(void *ctx)
{
	return 0;
}


SEC("tp_btf/no_such_tracepoint")
int in_15(void *ctx)
{
	return 0;
}


SEC("raw_tp")
int in_16(void *ctx)
{
	return 0;
}


SEC("fentry")
int in_17(void *ctx)
{
	return 0;
}


SEC("iter/task")
int in_18(void *ctx)
{
	return 0;
}


SEC("freplace/x")
int in_19(void *ctx)
{
	return 0;
}


SEC("kprobe.multi/a*")
int in_20(void *ctx)
{
	return 0;
}


SEC("usdt")
int in_21(void *ctx)
{
	return 0;
}


SEC("struct_ops/x")
int in_22(void *ctx)
{
	return 0;
}


SEC("netfilter")
int in_23(void *ctx)
{
	return 0;
}


SEC("syscall")
int in_24(void *ctx)
{
	return 0;
}


SEC("perf_event")
int in_25(void *ctx)
{
	return 0;
}


SEC("tcx/ingress")
int in_26(void *ctx)
{
	return 0;
}
