// SPDX-License-Identifier: GPL-2.0-only
/* Dynptrs: slots of the stack that only helpers may touch, and slices that die with them. */
#include "corpus.h"

char table[64];

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

SEC("xdp")
int local(struct xdp_md *ctx)
{
	struct bpf_dynptr memory;
	u32 word = 0;

	dynptr_from_mem(table, sizeof(table), 0, &memory);
	dynptr_read(&word, sizeof(word), &memory, ctx->ingress_ifindex, 0);
	return word & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int slice(struct xdp_md *ctx)
{
	struct bpf_dynptr record;
	u64 *data;

	ringbuf_reserve_dynptr(&ring, 16, 0, &record);
	data = dynptr_data(&record, 0, 16);
	if (data)
		data[1] = 7;
	ringbuf_submit_dynptr(&record, 0);
	return XDP_PASS;
}

/* The slice is used after the submission: rejected. */
SEC("xdp")
int dangling(struct xdp_md *ctx)
{
	struct bpf_dynptr record;
	u64 *data;

	ringbuf_reserve_dynptr(&ring, 16, 0, &record);
	data = dynptr_data(&record, 0, 16);
	if (!data) {
		ringbuf_submit_dynptr(&record, 0);
		return XDP_PASS;
	}
	ringbuf_submit_dynptr(&record, 0);
	data[1] = 7;
	return XDP_PASS;
}

/* The reservation is never given back: rejected. */
SEC("xdp")
int leaked(struct xdp_md *ctx)
{
	struct bpf_dynptr record;

	ringbuf_reserve_dynptr(&ring, 16, 0, &record);
	return XDP_PASS;
}

/* Half of it is overwritten: rejected. */
SEC("xdp")
int damaged(struct xdp_md *ctx)
{
	struct bpf_dynptr memory;
	u32 word = 0;

	dynptr_from_mem(table, sizeof(table), 0, &memory);
	*(volatile u64 *)&memory = 0;
	dynptr_read(&word, sizeof(word), &memory, 0, 0);
	return XDP_PASS;
}
