#include "../common.h"
/* A helper is called while a lock is held. */
struct v { struct bpf_spin_lock lock; u64 t; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, struct v); } m SEC(".maps");
SEC("tc")
int lk(struct __sk_buff *skb)
{
	u32 k = 0;
	struct v *v = bpf_map_lookup_elem(&m, &k);
	if (!v)
		return 0;
	u64 now = bpf_ktime_get_ns();
	bpf_spin_lock(&v->lock);
	v->t = now;
	bpf_spin_unlock(&v->lock);
	return 0;
}
