// SPDX-License-Identifier: GPL-2.0-only
/* Objects of the program's own types: allocation, ownership, lists and trees. */
#include "corpus.h"

typedef _Bool bool;

struct bpf_list_head { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { u64 opaque[4]; } __attribute__((aligned(8)));
struct bpf_refcount { u32 opaque[1]; } __attribute__((aligned(4)));

KFUNC void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void bpf_obj_drop_impl(void *p__alloc, void *meta__ign);
KFUNC void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign);
KFUNC void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign);
KFUNC int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				   u64 off);
KFUNC int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta__ign,
				   u64 off);
KFUNC struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head);
KFUNC int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			      bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			      void *meta__ign, u64 off);
KFUNC struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node);
KFUNC struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root);
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC void bpf_throw(u64 cookie);
KFUNC int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end);
KFUNC int *bpf_iter_num_next(struct bpf_iter_num *it);
KFUNC void bpf_iter_num_destroy(struct bpf_iter_num *it);

#define TYPE_OF(t) __builtin_btf_type_id(*(t *)0, 0)
#define NEW(t) ((t *)bpf_obj_new_impl(TYPE_OF(t), NULL))
#define DROP(p) bpf_obj_drop_impl(p, NULL)
/* A lock and what it protects lie in one map value. */
#define PRIVATE(name) SEC(".bss." #name) __attribute__((visibility("hidden"))) __attribute__((aligned(8)))

struct item {
	u64 key;
	struct bpf_list_node link;
};

struct leaf {
	struct bpf_rb_node node;
	struct bpf_refcount count;
	u64 key;
};

struct plain {
	u64 number;
};

struct owner {
	u64 number;
	struct plain TYPE_TAG("kptr") *object;
};

PRIVATE(A) struct bpf_spin_lock lock;
PRIVATE(A) struct bpf_list_head items TAG("contains:item:link");
PRIVATE(B) struct bpf_spin_lock tree_lock;
PRIVATE(B) struct bpf_rb_root tree TAG("contains:leaf:node");
u64 seen;

static bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	struct leaf *x = (void *)a, *y = (void *)b;

	return x->key < y->key;
}

static bool less_rcu(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_rcu_read_lock();
	return 0;
}

static bool less_throws(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_throw(1);
	return 0;
}

static bool less_removes(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	bpf_rbtree_remove(&tree, a);
	return 0;
}

static bool less_unlocks(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	spin_unlock(&tree_lock);
	return 0;
}

SEC("tc")
int pushed(void *ctx)
{
	struct item *item = NEW(struct item);
	struct bpf_list_node *node;

	if (!item)
		return 0;
	item->key = 3;
	spin_lock(&lock);
	bpf_list_push_front_impl(&items, &item->link, NULL, 0);
	seen = item->key;
	node = bpf_list_pop_front(&items);
	spin_unlock(&lock);
	if (node)
		DROP((void *)node - __builtin_offsetof(struct item, link));
	return 0;
}

/* The lock is not held: rejected. */
SEC("tc")
int push_unlocked(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	bpf_list_push_front_impl(&items, &item->link, NULL, 0);
	return 0;
}

/* Another lock is: rejected. */
SEC("tc")
int push_wrong_lock(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	spin_lock(&tree_lock);
	bpf_list_push_front_impl(&items, &item->link, NULL, 0);
	spin_unlock(&tree_lock);
	return 0;
}

/* Not the node: rejected. */
SEC("tc")
int push_offset(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	spin_lock(&lock);
	bpf_list_push_back_impl(&items, (void *)&item->key, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* The list owns it already: rejected. */
SEC("tc")
int push_twice(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	spin_lock(&lock);
	bpf_list_push_back_impl(&items, &item->link, NULL, 0);
	bpf_list_push_back_impl(&items, &item->link, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* The pointer is gone with the lock: rejected. */
SEC("tc")
int push_used_later(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	spin_lock(&lock);
	bpf_list_push_back_impl(&items, &item->link, NULL, 0);
	spin_unlock(&lock);
	item->key = 1;
	return 0;
}

/* Not an object: rejected. */
SEC("tc")
int push_map(void *ctx)
{
	spin_lock(&lock);
	bpf_list_push_back_impl(&items, (void *)&seen, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* An object of another type: rejected. */
SEC("tc")
int push_leaf(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	spin_lock(&lock);
	bpf_list_push_back_impl(&items, (void *)leaf, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* Not the head: rejected. */
SEC("tc")
int not_head(void *ctx)
{
	spin_lock(&lock);
	bpf_list_pop_front((void *)&lock);
	spin_unlock(&lock);
	return 0;
}

/* Nor is this: rejected. */
SEC("tc")
int head_is_ctx(void *ctx)
{
	bpf_list_pop_front(ctx);
	return 0;
}

SEC("tc")
int grown(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf), *other;
	struct bpf_rb_node *node;

	if (!leaf)
		return 0;
	leaf->key = 4;
	other = bpf_refcount_acquire_impl(leaf, NULL);
	spin_lock(&tree_lock);
	bpf_rbtree_add_impl(&tree, &leaf->node, less, NULL, 0);
	node = bpf_rbtree_first(&tree);
	if (node) {
		seen = ((struct leaf *)node)->key;
		node = bpf_rbtree_remove(&tree, node);
	}
	spin_unlock(&tree_lock);
	if (node)
		DROP(node);
	seen += other->key;
	DROP(other);
	return 0;
}

/* A reference taken of an object that the tree owns. */
SEC("tc")
int counted_borrowed(void *ctx)
{
	struct bpf_rb_node *node;
	struct leaf *leaf = NULL;

	spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (node)
		leaf = bpf_refcount_acquire_impl(node, NULL);
	spin_unlock(&tree_lock);
	if (leaf)
		DROP(leaf);
	return 0;
}

/* The reference may fail: rejected. */
SEC("tc")
int counted_unchecked(void *ctx)
{
	struct bpf_rb_node *node;
	struct leaf *leaf;

	spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (!node) {
		spin_unlock(&tree_lock);
		return 0;
	}
	leaf = bpf_refcount_acquire_impl(node, NULL);
	spin_unlock(&tree_lock);
	DROP(leaf);
	return 0;
}

/* No reference count: rejected. */
SEC("tc")
int counted_plain(void *ctx)
{
	struct plain *plain = NEW(struct plain);

	if (!plain)
		return 0;
	bpf_refcount_acquire_impl(plain, NULL);
	DROP(plain);
	return 0;
}

/* No reference count beside the node: rejected. */
SEC("tc")
int counted_item(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	bpf_refcount_acquire_impl(item, NULL);
	DROP(item);
	return 0;
}

/* Not an object: rejected. */
SEC("tc")
int counted_ctx(void *ctx)
{
	bpf_refcount_acquire_impl(&seen, NULL);
	return 0;
}

#define ADDS(name, callback)						\
SEC("tc")								\
int name(void *ctx)							\
{									\
	struct leaf *leaf = NEW(struct leaf);				\
									\
	if (!leaf)							\
		return 0;						\
	spin_lock(&tree_lock);						\
	bpf_rbtree_add_impl(&tree, &leaf->node, callback, NULL, 0);	\
	spin_unlock(&tree_lock);					\
	return 0;							\
}

/* What a tree's callback must not do: all rejected. */
ADDS(adds_rcu, less_rcu)
ADDS(adds_throws, less_throws)
ADDS(adds_removes, less_removes)
ADDS(adds_unlocks, less_unlocks)
ADDS(adds_nothing, (void *)&seen)

/* It is in no tree: rejected. */
SEC("tc")
int remove_owned(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	spin_lock(&tree_lock);
	bpf_rbtree_remove(&tree, &leaf->node);
	spin_unlock(&tree_lock);
	DROP(leaf);
	return 0;
}

SEC("tc")
int first_twice(void *ctx)
{
	struct bpf_rb_node *a, *b;

	spin_lock(&tree_lock);
	a = bpf_rbtree_first(&tree);
	b = bpf_rbtree_first(&tree);
	if (a && b)
		seen = ((struct leaf *)a)->key + ((struct leaf *)b)->key;
	spin_unlock(&tree_lock);
	return 0;
}

SEC("tc")
int removed_all(void *ctx)
{
	struct bpf_rb_node *node;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	while (bpf_iter_num_next(&it)) {
		spin_lock(&tree_lock);
		node = bpf_rbtree_first(&tree);
		if (!node) {
			spin_unlock(&tree_lock);
			break;
		}
		node = bpf_rbtree_remove(&tree, node);
		spin_unlock(&tree_lock);
		if (node)
			DROP(node);
	}
	bpf_iter_num_destroy(&it);
	return 0;
}

/* Not with a lock held: rejected. */
SEC("tc")
int iter_locked(void *ctx)
{
	struct bpf_iter_num it;

	spin_lock(&tree_lock);
	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_destroy(&it);
	spin_unlock(&tree_lock);
	return 0;
}

/* Dropped already: rejected. */
SEC("tc")
int dropped_twice(void *ctx)
{
	struct plain *plain = NEW(struct plain), *other = plain;

	if (!plain)
		return 0;
	DROP(plain);
	hide(other);
	DROP(other);
	return 0;
}

/* Not an object: rejected. */
SEC("tc")
int drop_ctx(void *ctx)
{
	DROP(&seen);
	return 0;
}

/* A per-CPU object: rejected. */
SEC("tc")
int drop_percpu(void *ctx)
{
	struct plain *plain = bpf_percpu_obj_new_impl(TYPE_OF(struct plain), NULL);

	if (!plain)
		return 0;
	DROP(plain);
	return 0;
}

/* Not a per-CPU object: rejected. */
SEC("tc")
int percpu_drop_plain(void *ctx)
{
	struct plain *plain = NEW(struct plain);

	if (!plain)
		return 0;
	bpf_percpu_obj_drop_impl(plain, NULL);
	return 0;
}

SEC("tc")
int percpu(void *ctx)
{
	struct plain *plain = bpf_percpu_obj_new_impl(TYPE_OF(struct plain), NULL);

	if (!plain)
		return 0;
	bpf_percpu_obj_drop_impl(plain, NULL);
	return 0;
}

/* The type is no constant: rejected. */
SEC("tc")
int new_unknown(void *ctx)
{
	void *object = bpf_obj_new_impl(get_prandom_u32(), NULL);

	if (object)
		DROP(object);
	return 0;
}

/* There is no such type: rejected. */
SEC("tc")
int new_large_id(void *ctx)
{
	void *object = bpf_obj_new_impl(0x100000001ull, NULL);

	if (object)
		DROP(object);
	return 0;
}

SEC("tc")
int new_owner(void *ctx)
{
	struct owner *owner = NEW(struct owner);
	struct plain *plain;

	if (!owner)
		return 0;
	plain = NEW(struct plain);
	if (plain)
		plain = kptr_xchg(&owner->object, plain);
	if (plain)
		DROP(plain);
	DROP(owner);
	return 0;
}

/* The object is lost: rejected. */
SEC("tc")
int thrown_owner(void *ctx)
{
	struct plain *plain = NEW(struct plain);

	if (!plain)
		return 0;
	bpf_throw(0);
	return 0;
}

SEC("fentry/__x64_sys_getpgid")
int not_for_tracing(void *ctx)
{
	struct item *item = NEW(struct item);

	if (!item)
		return 0;
	DROP(item);
	return 0;
}
