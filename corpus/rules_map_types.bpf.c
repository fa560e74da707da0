// SPDX-License-Identifier: GPL-2.0-only
/* A map whose key has the right size, but not the right type: the kernel wants an integer. */
#include "corpus.h"

struct key {
	u32 fd;
};

struct {
	NUMBER(type, TASK_STORAGE);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, struct key);
	TYPE(value, u64);
} storage SEC(".maps");

SEC("xdp")
int refers(struct xdp_md *ctx)
{
	void *map = &storage;

	hide(map);
	return map ? XDP_PASS : XDP_DROP;
}
