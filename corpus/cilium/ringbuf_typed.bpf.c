// SPDX-License-Identifier: GPL-2.0-only
/* A ring buffer whose value has a type: it is dropped. */
#include "corpus.h"

static void *(*reserve)(void *map, u64 size, u64 flags) = (void *)131;
static void (*submit)(void *data, u64 flags) = (void *)132;

struct event {
	u64 a, b, c;
};

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
	TYPE(value, struct event);
} events SEC(".maps");

SEC("kprobe/vfs_read")
int send(void *ctx)
{
	struct event *event = reserve(&events, sizeof(*event), 0);

	if (!event)
		return 0;
	event->a = 1;
	submit(event, 0);
	return 0;
}
