// SPDX-License-Identifier: GPL-2.0-only
/* Spin locks in map values: one at a time, few calls under it, released on every path. */
#include "corpus.h"

struct value {
	struct bpf_spin_lock lock;
	u32 count;
	u64 sum;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 2);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

INLINE struct value *element(u32 key)
{
	return map_lookup_elem(&table, &key);
}

SEC("tc")
int locked(void *ctx)
{
	struct value *value = element(0);

	if (!value)
		return 0;
	spin_lock(&value->lock);
	value->count++;
	spin_unlock(&value->lock);
	return 0;
}

/* Never released: rejected. */
SEC("tc")
int held(void *ctx)
{
	struct value *value = element(0);

	if (!value)
		return 0;
	spin_lock(&value->lock);
	value->count++;
	return 0;
}

/* A helper under the lock: rejected. */
SEC("tc")
int called(void *ctx)
{
	struct value *value = element(0);

	if (!value)
		return 0;
	spin_lock(&value->lock);
	value->sum = ktime_get_ns();
	spin_unlock(&value->lock);
	return 0;
}

/* The lock itself may not be read: rejected. */
SEC("tc")
int touched(void *ctx)
{
	struct value *value = element(0);

	return value ? *(volatile u32 *)&value->lock : 0;
}

/* Two elements' locks: rejected. */
SEC("tc")
int other(void *ctx)
{
	struct value *a = element(0), *b = element(1);

	if (!a || !b)
		return 0;
	spin_lock(&a->lock);
	spin_unlock(&b->lock);
	return 0;
}
