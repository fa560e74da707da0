// SPDX-License-Identifier: GPL-2.0-only
/* Refusals whose words differ between kernels, while what is refused does not. */
#include "corpus.h"

KFUNC void *bpf_percpu_obj_new_impl(u64 local_type_id__k, void *meta__ign);

HELPER(84, void *, sk_lookup_tcp, void *ctx, void *tuple, u32 size, u64 netns, u64 flags);
HELPER(107, void *, sk_storage_get, void *map, void *sk, void *value, u64 flags);

HELPER(189, long, xdp_load_bytes, struct xdp_md *xdp, u32 off, void *to, u32 size);

struct {
	NUMBER(type, RINGBUF);
	NUMBER(max_entries, 4096);
} ring SEC(".maps");

struct {
	NUMBER(type, SK_STORAGE);
	NUMBER(map_flags, 1); /* BPF_F_NO_PREALLOC */
	TYPE(key, int);
	TYPE(value, u64);
} storage SEC(".maps");

/* Two arguments that hold references: called a contradiction in the verifier, or not. */
SEC("tc")
int two_references(void *ctx)
{
	u32 tuple[3] = {};
	void *sk = sk_lookup_tcp(ctx, tuple, sizeof(tuple), ~0ull, 0);
	void *record;

	if (!sk)
		return 0;
	record = ringbuf_reserve(&ring, 8, 0);
	if (!record)
		return 0;
	sk_storage_get(&storage, sk, record, 1);
	return 0;
}

/* A helper is to write behind the frame's end. */
SEC("xdp")
int helper_outside_stack(struct xdp_md *ctx)
{
	u64 last = 0;

	xdp_load_bytes(ctx, 0, &last, 2 * sizeof(last));
	return last ? XDP_PASS : XDP_DROP;
}

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

/* Half of a pointer to a per-CPU object. */
SEC("tc")
int half_pointer(void *ctx)
{
	u32 key = 0;
	struct value *value = map_lookup_elem(&values, &key);

	return value ? *(volatile u32 *)&value->counters : 0;
}

/* A function that does not return has no return to attach to. */
SEC("fexit/do_exit")
int at_no_return(void *ctx)
{
	return 0;
}

/* A function that tracing programs need themselves. */
SEC("fentry/migrate_disable")
int at_denied(void *ctx)
{
	return 0;
}

GLOBAL int caught(u64 cookie)
{
	hide(cookie);
	return cookie & 1;
}

/* A callback for exceptions that is called like any function. */
SEC("tc")
TAG("exception_callback:caught")
int calls_its_callback(void *ctx)
{
	return caught(3);
}
