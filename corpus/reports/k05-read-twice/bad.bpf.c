#include "../common.h"
/* A field of a header on the stack is compared, and read again when it is used. */
struct hdr { u8 type; u8 flags; u16 len; u32 id; };
struct buf { u8 d[256]; };
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, u32); __type(value, struct buf); } heap SEC(".maps");
SEC("tc")
int x(struct __sk_buff *skb)
{
	struct hdr h;
	u32 z = 0;
	struct buf *b = bpf_map_lookup_elem(&heap, &z);
	if (!b || bpf_skb_load_bytes(skb, 0, &h, sizeof(h)))
		return 0;
	if (h.len > sizeof(b->d) || h.len == 0)
		return 0;
	bpf_printk("%d", h.id);
	bpf_skb_load_bytes(skb, 8, b->d, h.len);
	return 0;
}
