// SPDX-License-Identifier: GPL-2.0-only
/* Programs of control groups that call one another by a map, with a storage of their own each. */
#include "corpus.h"

enum { CGROUP_STORAGE = 19 };
HELPER(81, void *, get_local_storage, void *map, u64 flags);

struct __sk_buff;

struct storage_key {
	u64 cgroup_inode_id;
	u32 attach_type;
};

struct {
	NUMBER(type, PROG_ARRAY);
	NUMBER(max_entries, 4);
	TYPE(key, u32);
	TYPE(value, u32);
} jumps SEC(".maps");

struct {
	NUMBER(type, CGROUP_STORAGE);
	TYPE(key, struct storage_key);
	TYPE(value, u64);
} first_storage SEC(".maps"), other_storage SEC(".maps");

SEC("cgroup_skb/egress")
int first(struct __sk_buff *skb)
{
	*(u64 *)get_local_storage(&first_storage, 0) = 1;
	tail_call(skb, &jumps, 0);
	return 1;
}

SEC("cgroup_skb/egress")
int other(struct __sk_buff *skb)
{
	*(u64 *)get_local_storage(&other_storage, 0) = 1;
	tail_call(skb, &jumps, 0);
	return 1;
}
