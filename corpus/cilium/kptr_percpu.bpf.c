// SPDX-License-Identifier: GPL-2.0-only
/* Objects for each CPU, of the program's own type, in a map, and a list of others. */
#include "corpus.h"

#define PERCPU TYPE_TAG("percpu_kptr")

struct counted {
	u64 number;
};

struct value {
	struct counted PERCPU *counted;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} table SEC(".maps");

KFUNC void *bpf_percpu_obj_new_impl(u64 local_type_id, void *meta);
KFUNC void bpf_percpu_obj_drop_impl(void *object, void *meta);
HELPER(153, void *, per_cpu_ptr, const void *object, u32 cpu);

SEC("tc")
int stash(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);
	void *new, *old;

	if (!value)
		return 0;
	new = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct counted *)NULL, 0), NULL);
	if (!new)
		return 0;
	old = kptr_xchg(&value->counted, new);
	if (old)
		bpf_percpu_obj_drop_impl(old, NULL);
	return 0;
}

SEC("tc")
int look(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&table, &key);
	struct counted *own;

	if (!value || !value->counted)
		return 0;
	own = per_cpu_ptr(value->counted, 0);
	return own ? own->number & 1 : 0;
}
