// SPDX-License-Identifier: GPL-2.0-only
/* Objects of the program's own types in maps, and what is done to them by functions of the kernel. */
#include "corpus.h"

#define KPTR TYPE_TAG("kptr")

struct corpus_node {
	u64 number;
	u64 more;
};

struct value {
	struct corpus_node KPTR *node;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

KFUNC void *bpf_obj_new_impl(u64 local_type_id, void *meta);
KFUNC void bpf_obj_drop_impl(void *object, void *meta);

SEC("tc")
int stash(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);
	struct corpus_node *node, *old;

	if (!value)
		return 0;
	node = bpf_obj_new_impl(__builtin_btf_type_id(*(struct corpus_node *)NULL, 0), NULL);
	if (!node)
		return 0;
	node->number = 7;
	old = kptr_xchg(&value->node, node);
	if (old)
		bpf_obj_drop_impl(old, NULL);
	return 0;
}

SEC("tc")
int take(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);
	struct corpus_node *old;
	u64 number;

	if (!value)
		return 0;
	old = kptr_xchg(&value->node, NULL);
	if (!old)
		return 0;
	number = old->number;
	bpf_obj_drop_impl(old, NULL);
	return number & 1;
}

SEC("tc")
int peek(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);

	return value && value->node ? 1 : 0;
}
