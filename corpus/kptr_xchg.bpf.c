// SPDX-License-Identifier: GPL-2.0-only
/* Exchanging kptrs of the program's own types with a map value. */
#include "corpus.h"

KFUNC void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign);
KFUNC void bpf_percpu_obj_drop_impl(void *p__alloc, void *meta__ign);

#define TYPE_OF(t) __builtin_btf_type_id(*(t *)0, 0)

struct counters {
	u64 packets, bytes;
};

struct value {
	struct counters TYPE_TAG("percpu_kptr") *counters;
};

struct {
	NUMBER(type, ARRAY);
	NUMBER(max_entries, 1);
	TYPE(key, u32);
	TYPE(value, struct value);
} values SEC(".maps");

SEC("tc")
int exchanged(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);
	struct counters TYPE_TAG("percpu_kptr") *counters;

	if (!value)
		return 0;
	counters = bpf_percpu_obj_new_impl(TYPE_OF(struct counters), NULL);
	if (!counters)
		return 0;
	counters = kptr_xchg((void *)&value->counters, (void *)counters);
	if (counters)
		bpf_percpu_obj_drop_impl((void *)counters, NULL);
	return 0;
}

/* What may be NULL has a type that the exchange does not expect: rejected. */
SEC("tc")
int maybe_null(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);
	struct counters TYPE_TAG("percpu_kptr") *counters;

	if (!value)
		return 0;
	counters = bpf_percpu_obj_new_impl(TYPE_OF(struct counters), NULL);
	counters = kptr_xchg((void *)&value->counters, (void *)counters);
	if (counters)
		bpf_percpu_obj_drop_impl((void *)counters, NULL);
	return 0;
}
