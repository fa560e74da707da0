// SPDX-License-Identifier: GPL-2.0-only
/* An array of perf events whose value has a type: it is dropped. */
#include "corpus.h"

static long (*perf_event_output)(void *ctx, void *map, u64 flags, void *data, u64 size) = (void *)25;

struct event {
	u64 a, b, c;
};

struct {
	NUMBER(type, 4); /* BPF_MAP_TYPE_PERF_EVENT_ARRAY */
	NUMBER(max_entries, 256);
	TYPE(value, struct event);
} events SEC(".maps");

SEC("kprobe/vfs_read")
int send(void *ctx)
{
	struct event event = {1, 2, 3};

	perf_event_output(ctx, &events, 0xffffffff, &event, sizeof(event));
	return 0;
}
