// SPDX-License-Identifier: GPL-2.0-only
/* Where kernels decide differently about objects: the program's own and the kernel's, and memory. Compiled with
 * -mcpu=v4.
 */
/* Without arguments, as assembly has no names for them and the kernel refuses BTF of those without. */
#include "corpus.h"

typedef _Bool bool;

struct bpf_rb_root { u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { u64 opaque[4]; } __attribute__((aligned(8)));
struct bpf_refcount { u32 opaque[1]; } __attribute__((aligned(4)));
struct tcp_sock { u32 snd_cwnd; } RELOCATED;

KFUNC void *bpf_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void bpf_obj_drop_impl(void *p__alloc, void *meta__ign);
KFUNC void *bpf_refcount_acquire_impl(void *p__refcounted_kptr, void *meta__ign);
KFUNC int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			      bool (less)(struct bpf_rb_node *a, const struct bpf_rb_node *b),
			      void *meta__ign, u64 off);
KFUNC struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node);
KFUNC void bpf_rcu_read_lock(void);
KFUNC void bpf_rcu_read_unlock(void);
KFUNC void *bpf_rdonly_cast(void *object__ign, u32 btf_id__k);

#define TYPE_OF(t) __builtin_btf_type_id(*(t *)0, 0)
#define KERNEL_TYPE_OF(t) __builtin_btf_type_id(*(t *)0, 1)
#define NEW(t) ((t *)bpf_obj_new_impl(TYPE_OF(t), NULL))
#define DROP(p) bpf_obj_drop_impl(p, NULL)
#define PRIVATE(name) SEC(".bss." #name) __attribute__((visibility("hidden"))) __attribute__((aligned(8)))

struct leaf {
	struct bpf_rb_node node;
	u64 key;
};

struct counted {
	u64 number;
	struct bpf_refcount count;
};

struct plain {
	u64 number;
};

struct cell {
	struct plain plain;
};

struct row {
	u64 number;
	struct cell cells[];
};

struct value {
	struct plain TYPE_TAG("percpu_kptr") *percpu;
	struct plain TYPE_TAG("kptr_untrusted") *dangling;
	struct counted TYPE_TAG("kptr") *counted;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} values SEC(".maps");

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	TYPE(value, u64);
} numbers SEC(".maps");

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

PRIVATE(B) struct bpf_spin_lock lock;
PRIVATE(B) struct bpf_rb_root tree TAG("contains:leaf:node");
u64 seen;

NOINLINE void unlocks(void)
{
	spin_unlock(&lock);
}

static bool less_unlocks(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	unlocks();
	return 0;
}

/* A function called by a tree's callback gives back the tree's lock. */
SEC("tc")
int unlocked_in_callback(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);

	if (!leaf)
		return 0;
	spin_lock(&lock);
	bpf_rbtree_add_impl(&tree, &leaf->node, less_unlocks, NULL, 0);
	spin_unlock(&lock);
	return 0;
}

/* A node that the program owns is taken out of a tree. */
SEC("tc")
int removed_own(void *ctx)
{
	struct leaf *leaf = NEW(struct leaf);
	struct bpf_rb_node *node;

	if (!leaf)
		return 0;
	spin_lock(&lock);
	node = bpf_rbtree_remove(&tree, &leaf->node);
	spin_unlock(&lock);
	DROP(leaf);
	if (node)
		DROP((struct leaf *)node);
	return 0;
}

/* An object that is not per CPU, exchanged into a field for those that are. */
SEC("tc")
int plain_as_percpu(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);
	struct plain *plain;

	if (!value)
		return 0;
	plain = NEW(struct plain);
	if (!plain)
		return 0;
	plain = kptr_xchg((void *)&value->percpu, plain);
	if (plain)
		DROP(plain);
	return 0;
}

/* A pointer behind an object, where its flexible array would be. */
SEC("tc")
int flexible_element(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);
	struct row *row;

	if (!value)
		return 0;
	row = NEW(struct row);
	if (!row)
		return 0;
	*(struct plain *volatile *)&value->dangling = &row->cells[0].plain;
	DROP(row);
	return 0;
}

/* Another reference to an object that a map owns: is it there for certain? */
SEC("tc")
int counted_by_map(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);
	struct counted *counted, *mine;

	if (!value)
		return 0;
	bpf_rcu_read_lock();
	counted = *(struct counted *volatile *)&value->counted;
	if (counted) {
		mine = bpf_refcount_acquire_impl(counted, NULL);
		DROP(mine);
	}
	bpf_rcu_read_unlock();
	return 0;
}

/* One atomic instruction for an object and for the stack. */
SEC("tc")
int atomic_targets(void *ctx)
{
	struct plain *plain = NEW(struct plain);
	u64 local = 0, *where = &local;
	void *object = plain;

	if (!plain)
		return 0;
	if (get_prandom_u32() & 1)
		where = &plain->number;
	__asm__ volatile("r1 = %[where]; r2 = 1; lock *(u64 *)(r1 + 0) += r2;" ::[where] "r"(where)
			 : "r1", "r2", "memory");
	DROP(object);
	return local;
}

/* Zero plus a pointer that holds a reference: who releases it? */
SEC("tc")
NAKED int zero_plus_record(void)
{
	__asm__ volatile("r1 = %[ring] ll;"
			 "r2 = 8;"
			 "r3 = 0;"
			 "call 131;"
			 "if r0 == 0 goto 1f;"
			 "r1 = 0;"
			 "r1 += r0;"
			 "r2 = 0;"
			 "call 132;"
			 "1: r0 = 0;"
			 "exit;" ::[ring] "i"(&ring)
			 : "memory");
}

/* A member that points to something other than a struct; then a cast to no type at all. */
SEC("tp_btf/task_newtask")
NAKED int member_pointer(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 0);"
			 "r1 = *(u64 *)(r1 + %[stack]);"
			 "r0 = 0;"
			 "if r1 == 0 goto 1f;"
			 "r0 = 1;"
			 "1: r0 = 0;"
			 "exit;" ::[stack] "i"(32));
}

SEC("tp_btf/task_newtask")
int cast_to_void(u64 *ctx)
{
	u8 *byte = bpf_rdonly_cast((void *)ctx[0], 0);

	return byte[100000] & 0;
}

/* One load through an object and through memory. */
SEC("tp_btf/task_newtask")
int load_targets(u64 *ctx)
{
	void *object = (void *)ctx[0], *where = bpf_rdonly_cast(object, 0);
	u64 number;

	if (get_prandom_u32() & 1)
		where = object;
	__asm__ volatile("r1 = %[where]; %[number] = *(u64 *)(r1 + 0);" : [number] "=r"(number) : [where] "r"(where)
			 : "r1", "memory");
	return number & 0;
}

/* An element that is there for certain. */
SEC("xdp")
int constant_key(struct xdp_md *ctx)
{
	u32 key = 0;

	return *(volatile u64 *)map_lookup_elem(&numbers, &key) ? XDP_PASS : XDP_DROP;
}

/* A key that may be missing. */
SEC("iter/bpf_map_elem")
NAKED int nullable_key(void)
{
	__asm__ volatile("r1 = *(u64 *)(r1 + 16);"
			 "r0 = *(u32 *)(r1 + 0);"
			 "r0 = 0;"
			 "exit;");
}

/* What a hook returns, loaded into a register that holds -7. */
SEC("lsm/bpf_map")
NAKED int returned(void)
{
	__asm__ volatile("r2 = -7;"
			 "r2 = *(u64 *)(r1 + 16);"
			 "r0 = r2;"
			 "exit;");
}

/* Loads that acquire and stores that release. */
SEC("xdp")
NAKED int acquired(void)
{
	__asm__ volatile("r1 = 3;"
			 "*(u64 *)(r10 - 8) = r1;"
			 ".byte 0xdb, 0xa2, 0xf8, 0xff, 0, 1, 0, 0;"	 /* r2 = load_acquire((u64 *)(r10 - 8)) */
			 ".byte 0xd3, 0x2a, 0xf8, 0xff, 0x10, 1, 0, 0;" /* store_release((u8 *)(r10 - 8), r2) */
			 "r0 = 2;"
			 "exit;" ::: "memory");
}

/* A write through a pointer that nobody vouches for. */
SEC("struct_ops/undo_cwnd")
u32 writes_untrusted(u64 *ctx)
{
	struct tcp_sock *tp = bpf_rdonly_cast((void *)ctx[0], KERNEL_TYPE_OF(struct tcp_sock));

	tp->snd_cwnd = 1;
	return 1;
}

SEC("struct_ops/ssthresh")
u32 ssthresh(u64 *ctx)
{
	return 1;
}

SEC("struct_ops/cong_avoid")
void cong_avoid(u64 *ctx)
{
}

struct tcp_congestion_ops {
	u32 (*ssthresh)(void *sk);
	void (*cong_avoid)(void *sk, u32 ack, u32 acked);
	u32 (*undo_cwnd)(void *sk);
	char name[16];
};

SEC(".struct_ops")
struct tcp_congestion_ops control = {
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)writes_untrusted,
	.name = "verdict",
};
