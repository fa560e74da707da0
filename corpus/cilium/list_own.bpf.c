// SPDX-License-Identifier: GPL-2.0-only
/* A list in a map of objects of the program's own type. */
#include "corpus.h"

struct bpf_list_head {
	u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	u64 opaque[3];
} __attribute__((aligned(8)));

struct element {
	u64 number;
	struct bpf_list_node node;
};

struct value {
	struct bpf_spin_lock lock;
	struct bpf_list_head head __attribute__((btf_decl_tag("contains:element:node")));
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

KFUNC void *bpf_obj_new_impl(u64 local_type_id, void *meta);
KFUNC void bpf_obj_drop_impl(void *object, void *meta);
KFUNC int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, u64 off);
KFUNC struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head);

SEC("tc")
int push(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);
	struct element *element;

	if (!value)
		return 0;
	element = bpf_obj_new_impl(__builtin_btf_type_id(*(struct element *)NULL, 0), NULL);
	if (!element)
		return 0;
	spin_lock(&value->lock);
	bpf_list_push_front_impl(&value->head, &element->node, NULL, 0);
	spin_unlock(&value->lock);
	return 0;
}

SEC("tc")
int pop(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);
	struct bpf_list_node *node;

	if (!value)
		return 0;
	spin_lock(&value->lock);
	node = bpf_list_pop_front(&value->head);
	spin_unlock(&value->lock);
	if (node)
		bpf_obj_drop_impl((void *)node - 8, NULL);
	return 0;
}
