// SPDX-License-Identifier: GPL-2.0-only
/* Two locks in a map's value: kernels that look for locks in every struct do not take the object's BTF. */
#include "corpus.h"

struct locked {
	struct bpf_spin_lock lock, other;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct locked);
} locks SEC(".maps");

SEC("tc")
int one_of_two(void *ctx)
{
	u32 key = 0;
	struct locked *value = map_lookup_elem(&locks, &key);

	if (!value)
		return 0;
	spin_lock(&value->lock);
	spin_unlock(&value->lock);
	return 0;
}
