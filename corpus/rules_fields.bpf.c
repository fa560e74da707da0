// SPDX-License-Identifier: GPL-2.0-only
/* A timer in a map whose type allows none. Without types, as libbpf then tries it, such a map cannot be, either. */
#include "corpus.h"

struct value {
	struct bpf_timer timer;
};

struct {
	NUMBER(type, TASK_STORAGE);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, int);
	TYPE(value, struct value);
} storage SEC(".maps");

SEC("xdp")
int refers(struct xdp_md *ctx)
{
	void *map = &storage;

	hide(map);
	return map ? XDP_PASS : XDP_DROP;
}
