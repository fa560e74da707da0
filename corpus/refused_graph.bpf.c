// SPDX-License-Identifier: GPL-2.0-only
/* Trees, lists and their objects: callbacks that do too much, owners that own nothing. */
#include "corpus.h"

typedef _Bool bool;

struct bpf_list_head { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { u64 opaque[4]; } __attribute__((aligned(8)));

KFUNC void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void bpf_obj_drop_impl(void *p__alloc, void *meta__ign);
KFUNC int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				   u64 off);
KFUNC int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			      bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			      void *meta__ign, u64 off);
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);

#define TYPE_OF(t) __builtin_btf_type_id(*(t *)0, 0)
#define NEW(t) ((t *)bpf_obj_new_impl(TYPE_OF(t), NULL))
#define PRIVATE(name) SEC(".bss." #name) __attribute__((visibility("hidden"))) __attribute__((aligned(8)))

struct leaf {
	struct bpf_rb_node node;
	u64 key;
};

struct item {
	u64 key;
	struct bpf_list_node link;
};

struct branch {
	u64 number;
	struct bpf_spin_lock lock;
	struct bpf_list_head items TAG("contains:item:link");
};

PRIVATE(A) struct bpf_spin_lock lock;
PRIVATE(A) struct bpf_rb_root tree TAG("contains:leaf:node");
PRIVATE(B) struct bpf_spin_lock list_lock;
PRIVATE(B) struct bpf_list_head items TAG("contains:item:link");

static bool less_leaving(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_rcu_read_unlock();
	return 0;
}

/* Inside of a region its callback cannot leave it. */
SEC("tc")
int leaves_region(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	bpf_rcu_read_lock();
	spin_lock(&lock);
	bpf_rbtree_add_impl(&tree, &leaf->node, less_leaving, NULL, 0);
	spin_unlock(&lock);
	bpf_rcu_read_unlock();
	return 0;
}

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return 0;
}

/* Given away twice. */
SEC("tc")
int added_twice(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	spin_lock(&lock);
	bpf_rbtree_add_impl(&tree, &leaf->node, less, NULL, 0);
	bpf_rbtree_add_impl(&tree, &leaf->node, less, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* Dropped, and then added. */
SEC("tc")
int added_dropped(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	bpf_obj_drop_impl(leaf, NULL);
	spin_lock(&lock);
	bpf_rbtree_add_impl(&tree, &leaf->node, less, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* The list's other kind of object, and the node at another place. */
SEC("tc")
int leaf_in_list(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	spin_lock(&list_lock);
	bpf_list_push_front_impl(&items, (void *)&leaf->node, NULL, 0);
	spin_unlock(&list_lock);
	return 0;
}

SEC("tc")
int beside_link(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	spin_lock(&list_lock);
	bpf_list_push_front_impl(&items, (void *)item, NULL, 0);
	spin_unlock(&list_lock);
	return 0;
}

/* Under the lock of another. */
SEC("tc")
int wrong_lock(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	spin_lock(&lock);
	bpf_list_push_front_impl(&items, &item->link, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* A list in an object that was given back. */
SEC("tc")
int list_of_dropped(void *ctx)
{
	struct branch *branch = NEW(struct branch);
	struct item *item;

	if (!branch)
		return 0;
	item = NEW(struct item);
	if (!item) {
		bpf_obj_drop_impl(branch, NULL);
		return 0;
	}
	spin_lock(&branch->lock);
	bpf_obj_drop_impl(branch, NULL);
	bpf_list_push_front_impl(&branch->items, &item->link, NULL, 0);
	return 0;
}

/* Neither a list nor a node. */
SEC("tc")
int stack_for_list(void *ctx)
{
	struct item *item = NEW(struct item);
	struct bpf_list_head head = {};

	if (!item)
		return 0;
	bpf_list_push_front_impl(&head, &item->link, NULL, 0);
	return 0;
}

SEC("tc")
int stack_for_node(void *ctx)
{
	struct bpf_list_node node = {};

	spin_lock(&list_lock);
	bpf_list_push_front_impl(&items, &node, NULL, 0);
	spin_unlock(&list_lock);
	return 0;
}
