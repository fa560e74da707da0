// SPDX-License-Identifier: GPL-2.0-only
/* What is acquired must be released, on every path, once. */
#include "corpus.h"

struct event {
	u64 time;
	u32 interface;
};

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

SEC("xdp")
int released(struct xdp_md *ctx)
{
	struct event *event = ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return XDP_PASS;
	event->time = ktime_get_ns();
	event->interface = ctx->ingress_ifindex;
	if (event->interface == 1)
		ringbuf_discard(event, 0);
	else
		ringbuf_submit(event, 0);
	return XDP_PASS;
}

/* One path forgets it: rejected. */
SEC("xdp")
int leaked(struct xdp_md *ctx)
{
	struct event *event = ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return XDP_PASS;
	if (ctx->ingress_ifindex == 1)
		return XDP_DROP;
	ringbuf_submit(event, 0);
	return XDP_PASS;
}

/* Released twice: rejected. */
SEC("xdp")
int twice(struct xdp_md *ctx)
{
	struct event *event = ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return XDP_PASS;
	ringbuf_submit(event, 0);
	ringbuf_submit(event, 0);
	return XDP_PASS;
}

/* Used after the release: rejected. */
SEC("xdp")
int used_after(struct xdp_md *ctx)
{
	struct event *event = ringbuf_reserve(&ring, sizeof(*event), 0);

	if (!event)
		return XDP_PASS;
	ringbuf_submit(event, 0);
	event->time = 0;
	return XDP_PASS;
}
